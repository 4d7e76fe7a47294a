"""The FastAPI application: token, methods, and every refusal in the form of the API."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tests.standin import reading
from tests.standin.answers import ApiError, json_response
from tests.standin.instance import Instance
from tests.standin.team_files import team_files
from tests.standin.traffic import PREFIX

Json = dict[str, Any]
VERSION = "6.15.40"


def build_app(instance: Instance, token: str) -> FastAPI:
    """Return the application of an instance; every method wants `x-api-key: <token>`."""

    def check_token(request: Request) -> None:
        given = request.headers.get("x-api-key", "")
        if not secrets.compare_digest(given.encode(), token.encode()):
            raise ApiError(401, "Unauthorized", "The API token is missing or wrong")

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    method_routers = (
        _version(),
        reading.places(instance),
        reading.items(instance),
        reading.figures(instance),
        team_files(instance),
    )
    for router in method_routers:
        app.include_router(router, prefix=PREFIX.rstrip("/"), dependencies=[Depends(check_token)])

    @app.exception_handler(ApiError)
    def refuse(_request: Request, error: ApiError) -> Response:
        return json_response(error.body(), error.status)

    @app.exception_handler(RequestValidationError)
    def refuse_body(_request: Request, error: RequestValidationError) -> Response:
        return json_response(ApiError.bad_request(str(error.errors()[0]["msg"])).body(), 400)

    @app.exception_handler(HTTPException)
    def refuse_method(request: Request, error: HTTPException) -> Response:
        refusal = ApiError(error.status_code, str(error.detail), f"{request.method} {request.url.path}")
        return json_response(refusal.body(), refusal.status)

    return app


def _version() -> APIRouter:
    router = APIRouter()

    @router.post("/instance.version")
    def instance_version(_body: Json) -> Response:
        return json_response({"version": VERSION})

    return router
