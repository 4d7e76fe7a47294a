"""The methods of Team Files: `file-storage.*`."""

from __future__ import annotations

import posixpath
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import UploadFile

from tests.standin.answers import ApiError, file_response, json_response, required
from tests.standin.faults import Effect, first
from tests.standin.instance import Instance, existing
from tests.standin.storage import StoredFile

Json = dict[str, Any]
TeamId = Annotated[int, Query(alias="teamId")]

CHUNK = 1 << 20
MOST_REMOVED = 20_000


def team_files(instance: Instance) -> APIRouter:
    """Return all methods of Team Files."""
    router = APIRouter()
    router.include_router(_reading(instance))
    router.include_router(_uploading(instance))
    router.include_router(_removing(instance))
    return router


def _reading(instance: Instance) -> APIRouter:
    router = APIRouter()

    @router.post("/file-storage.list")
    def file_storage_list(body: Json) -> Response:
        team_id, path = _team(instance, body), _path(required(body, "path", str))
        recursive = body.get("recursive", True) is True
        return json_response(instance.storage.listing(team_id, path, recursive=recursive))

    @router.post("/file-storage.info")
    def file_storage_info(body: Json) -> Response:
        return json_response(instance.storage.file_by_id(required(body, "id")).record())

    @router.post("/file-storage.download")
    def file_storage_download(body: Json) -> Response:
        file = instance.storage.file(_team(instance, body), _path(required(body, "path", str)))
        mime = file.record()["meta"]["mime"]
        return file_response(file.content, mime, file.hash)

    return router


def _uploading(instance: Instance) -> APIRouter:
    router = APIRouter()

    @router.post("/file-storage.upload")
    async def file_storage_upload(request: Request, team_id: TeamId, path: str) -> Response:
        existing("Team", instance.teams, team_id)
        target = _file_path(path)
        with instance.storage.incoming() as upload:
            async for chunk in request.stream():
                upload.write(chunk)
        return json_response(_answer(instance.storage.publish(team_id, target, upload), request))

    @router.post("/file-storage.bulk.upload")
    async def file_storage_bulk_upload(request: Request, team_id: TeamId) -> Response:
        existing("Team", instance.teams, team_id)
        async with request.form() as form:
            stored = [await _store(instance, team_id, target, file) for target, file in _bulk_files(form.multi_items())]
        return json_response([_answer(file, request) for file in stored])

    return router


def _removing(instance: Instance) -> APIRouter:
    router = APIRouter()

    @router.post("/file-storage.remove")
    def file_storage_remove(body: Json) -> Response:
        team_id, path = _team(instance, body), _path(required(body, "path", str))
        # The real answer to a missing path is unknown; 404 is the one that a careless client trips over.
        if not instance.storage.remove(team_id, [path]):
            raise ApiError.not_found("File", path)
        return json_response({"success": True})

    @router.post("/file-storage.bulk.remove")
    def file_storage_bulk_remove(body: Json) -> Response:
        team_id, paths = _team(instance, body), required(body, "paths", list)
        if not 1 <= len(paths) <= MOST_REMOVED:
            raise ApiError.bad_request(f"'paths' must hold 1 to {MOST_REMOVED} paths")
        instance.storage.remove(team_id, [_path(path) for path in paths])
        return json_response({"success": True})

    return router


def _bulk_files(fields: list[tuple[str, UploadFile | str]]) -> list[tuple[str, UploadFile]]:
    """Read the three fields of each file - `name`, `path` (a folder with its last slash), `file` - in this order."""
    if not fields or len(fields) % 3:
        raise ApiError.bad_request("A bulk upload needs the fields 'name', 'path' and 'file' for each file")
    files = []
    for start in range(0, len(fields), 3):
        (first_key, name), (second_key, folder), (third_key, file) = fields[start : start + 3]
        if (first_key, second_key, third_key) != ("name", "path", "file"):
            raise ApiError.bad_request("The order of the fields must be 'name', 'path', 'file'")
        if not isinstance(name, str) or not isinstance(folder, str) or not isinstance(file, UploadFile):
            raise ApiError.bad_request("'name' and 'path' are text, 'file' has a file name")
        if not folder.endswith("/") or "/" in name:
            raise ApiError.bad_request("'path' is a folder that ends with '/', 'name' has no folder")
        files.append((_file_path(folder + name), file))
    return files


async def _store(instance: Instance, team_id: int, path: str, file: UploadFile) -> StoredFile:
    with instance.storage.incoming() as upload:
        while chunk := await file.read(CHUNK):
            upload.write(chunk)
    return instance.storage.publish(team_id, path, upload)


def _answer(file: StoredFile, request: Request) -> Json:
    """Return the record of an upload, falsified where a fault says so."""
    record = file.record()
    if first(request.scope["faults"], Effect.WRONG_HASH) is not None:
        record["hash"] = "A" * 43 + "="
    if first(request.scope["faults"], Effect.WRONG_SIZE) is not None:
        record["meta"]["size"] -= 1
    return record


def _team(instance: Instance, body: Json) -> int:
    return existing("Team", instance.teams, required(body, "teamId")).id


def _path(path: object) -> str:
    if not isinstance(path, str) or not path.startswith("/"):
        raise ApiError.bad_request(f"{path!r} is no absolute path")
    return path


def _file_path(path: str) -> str:
    if _path(path).endswith("/") or posixpath.normpath(path) != path:
        raise ApiError.bad_request(f"{path!r} is no path of a file")
    return path
