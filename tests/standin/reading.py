"""The methods that read: teams, workspaces, projects, datasets, images, annotations and alpha masks."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request, Response

from tests.standin.answers import (
    ApiError,
    Part,
    file_response,
    json_response,
    multipart_response,
    page_of,
    required,
    sha256,
)
from tests.standin.faults import left_out
from tests.standin.folder import mime_of
from tests.standin.instance import Instance, existing
from tests.standin.records import Dataset, Image

Json = dict[str, Any]

# Settings of a project; the SDK's `get_meta(with_settings=True)` reads them from `projects.info`.
SETTINGS = {"groupImages": False, "groupImagesByTagId": None, "groupImagesSync": False}


def places(instance: Instance) -> APIRouter:
    """Return `teams.*`, `workspaces.*` and `projects.*`."""
    router = APIRouter()

    @router.post("/teams.list")
    def teams_list(body: Json) -> Response:
        return json_response(page_of([team.record() for team in instance.teams.values()], body, instance.page_size))

    @router.post("/teams.info")
    def teams_info(body: Json) -> Response:
        return json_response(existing("Team", instance.teams, body.get("id")).record())

    @router.post("/workspaces.list")
    def workspaces_list(body: Json) -> Response:
        team = existing("Team", instance.teams, required(body, "teamId"))
        records = [item.record() for item in instance.workspaces.values() if item.team_id == team.id]
        return json_response(page_of(records, body, instance.page_size))

    @router.post("/workspaces.info")
    def workspaces_info(body: Json) -> Response:
        return json_response(existing("Workspace", instance.workspaces, body.get("id")).record())

    @router.post("/projects.list")
    def projects_list(body: Json) -> Response:
        if "workspaceId" in body:
            workspace = existing("Workspace", instance.workspaces, body["workspaceId"])
            found = [item for item in instance.projects.values() if item.workspace_id == workspace.id]
        else:
            team = existing("Team", instance.teams, required(body, "groupId"))
            found = [item for item in instance.projects.values() if item.team_id == team.id]
        records = [instance.project_record(item) for item in found]
        # `fields` is sent by clients, but its names are not those of the record (`title` for `name`).
        return json_response(page_of(records, body | {"fields": None}, instance.page_size))

    @router.post("/projects.info")
    def projects_info(body: Json) -> Response:
        project = existing("Project", instance.projects, body.get("id"))
        return json_response({**instance.project_record(project), "settings": SETTINGS})

    @router.post("/projects.meta")
    def projects_meta(body: Json) -> Response:
        return json_response(existing("Project", instance.projects, body.get("id")).meta)

    return router


def items(instance: Instance) -> APIRouter:
    """Return `datasets.*` and `images.*`."""
    router = APIRouter()

    @router.post("/datasets.list")
    def datasets_list(body: Json) -> Response:
        project = existing("Project", instance.projects, required(body, "projectId"))
        found = [item for item in instance.datasets.values() if item.project_id == project.id]
        if body.get("recursive") is not True:
            found = [item for item in found if item.parent_id is None]
        records = [instance.dataset_record(item) for item in found]
        return json_response(page_of(records, body, instance.page_size))

    @router.post("/datasets.info")
    def datasets_info(body: Json) -> Response:
        return json_response(instance.dataset_record(existing("Dataset", instance.datasets, body.get("id"))))

    @router.post("/images.list")
    def images_list(body: Json) -> Response:
        if body.get("datasetId") is not None:
            dataset = existing("Dataset", instance.datasets, body["datasetId"])
            family = _family(instance, dataset) if body.get("recursive") is True else [dataset.id]
        else:
            project = existing("Project", instance.projects, required(body, "projectId"))
            family = [item.id for item in instance.datasets.values() if item.project_id == project.id]
        records = [image.record() for image in instance.images_of(family)]
        return json_response(page_of(records, body, instance.page_size))

    @router.post("/images.info")
    def images_info(body: Json) -> Response:
        return json_response(existing("Image", instance.images, body.get("id")).record())

    @router.post("/images.download")
    def images_download(body: Json) -> Response:
        image = existing("Image", instance.images, body.get("id"))
        return file_response(image.file, mime_of(image.name), image.hash)

    @router.post("/images.bulk.download")
    def images_bulk_download(body: Json, request: Request) -> Response:
        images = _asked(instance, body, request)
        parts = [Part(item.id, item.name, mime_of(item.name), item.content, item.hash) for item in images]
        return multipart_response(parts)

    return router


def figures(instance: Instance) -> APIRouter:
    """Return `annotations.*` and `figures.bulk.download.geometry`."""
    router = APIRouter()

    @router.post("/annotations.bulk.info")
    def annotations_bulk_info(body: Json, request: Request) -> Response:
        _demand_sub_pixels(body)
        images = _asked(instance, body, request)
        custom = body.get("withCustomBigData") is True
        return json_response([image.annotation_record(with_custom_data=custom) for image in reversed(images)])

    @router.post("/annotations.info")
    def annotations_info(body: Json) -> Response:
        _demand_sub_pixels(body)
        image = existing("Image", instance.images, body.get("imageId"))
        return json_response(image.annotation_record(with_custom_data=body.get("withCustomBigData") is True))

    @router.post("/figures.bulk.download.geometry")
    def figures_bulk_download_geometry(body: Json, request: Request) -> Response:
        ids = _ids(instance, body, "ids")
        missing = left_out(request.scope["faults"], ids)
        parts = []
        for figure_id in ids:
            if figure_id not in instance.alpha_masks:
                raise ApiError.not_found("Figure geometry", figure_id)
            content = json.dumps(instance.alpha_masks[figure_id]).encode()
            parts.append(Part(figure_id, str(figure_id), "application/octet-stream", content, sha256(content)))
        return multipart_response([part for part in parts if part.id not in missing])

    return router


def _demand_sub_pixels(body: Json) -> None:
    """Refuse a request without `integerCoords: false`: what an instance rounds by itself is not known here."""
    if body.get("integerCoords") is not False:
        raise ApiError.bad_request("The stand-in knows annotations with 'integerCoords': false only")


def _ids(instance: Instance, body: Json, name: str) -> list[int]:
    ids: list[int] = required(body, name, list)
    if not ids or len(ids) > instance.bulk_limit:
        raise ApiError.bad_request(f"{name!r} must hold 1 to {instance.bulk_limit} ids, not {len(ids)}")
    return ids


def _asked(instance: Instance, body: Json, request: Request) -> list[Image]:
    """Return the images of a bulk call, which must lie in the dataset named, less those that a fault takes away."""
    dataset = existing("Dataset", instance.datasets, required(body, "datasetId"))
    ids = _ids(instance, body, "imageIds")
    images = [existing("Image", instance.images, image_id) for image_id in ids]
    for image in images:
        if image.dataset_id != dataset.id:
            raise ApiError.not_found(f"Image in dataset {dataset.id}", image.id)
    missing = left_out(request.scope["faults"], ids)
    return [image for image in images if image.id not in missing]


def _family(instance: Instance, dataset: Dataset) -> list[int]:
    """Return the ids of a dataset and of all datasets below it."""
    depth = len(dataset.path)
    same = (item for item in instance.datasets.values() if item.project_id == dataset.project_id)
    return [item.id for item in same if item.path[:depth] == dataset.path]
