"""The application that Airflow mounts: the page, its routes, and what holds for all of them."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import MutableHeaders

from airflow_savemasks.engine.errors import AccessError, SaveMasksError, StorageError
from airflow_savemasks.ui import routes
from airflow_savemasks.ui.access import MAY_READ
from airflow_savemasks.ui.deliver import problem
from airflow_savemasks.ui.previews import NoPicture, TooLarge
from airflow_savemasks.ui.shelf import Nothing

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'self'"
TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
UP = "{{up}}"


class Headers:
    """What every answer says, also one that refuses: no guessing of types, no scripts but the page's own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                headers.setdefault("Content-Security-Policy", FILE_POLICY)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, sending)


def make_app() -> FastAPI:
    """Every route has the DAG in its path, and none answers who may not read what that DAG's tasks return."""
    app = FastAPI(title="Save Masks", openapi_url=None, docs_url=None, redoc_url=None, dependencies=[Depends(MAY_READ)])
    app.add_middleware(Headers)
    app.include_router(routes.router)
    app.add_exception_handler(Nothing, _nothing)
    app.add_exception_handler(NoPicture, _no_picture)
    app.add_exception_handler(TooLarge, _no_picture)
    app.add_exception_handler(SaveMasksError, _error)
    assets = {path.name: path.read_bytes() for path in files(__package__).joinpath("static").iterdir()}
    page = assets.pop("page.html").decode()

    @app.get("/dags/{dag_id}/runs/{run_id}")
    def run_page() -> Response:
        return _page(page, "..")

    @app.get("/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/{map_index}")
    def task_page() -> Response:
        return _page(page, "../../../..")

    @app.get("/dags/{dag_id}/assets/{name}")
    def asset(name: str) -> Response:
        if name not in assets:
            raise HTTPException(404, "There is no such file")
        kind = TYPES[name.rpartition(".")[2]]
        return Response(assets[name], headers={"Content-Type": kind, "Cache-Control": "private, no-cache"})

    return app


def _page(page: str, up: str) -> Response:
    """up: from the page's address to that of its DAG."""
    return HTMLResponse(page.replace(UP, up), headers={"Content-Security-Policy": PAGE_POLICY})


async def _nothing(_request: Request, error: Any) -> Response:
    return problem(404, str(error))


async def _no_picture(_request: Request, error: Any) -> Response:
    return problem(415, str(error))


async def _error(_request: Request, error: Any) -> Response:
    """In words, for those who may see the task: its own log says the same."""
    assert isinstance(error, SaveMasksError)
    status = 502 if isinstance(error, StorageError) and not isinstance(error, AccessError) else 409
    return problem(status, error.problem, error.where, error.fix)
