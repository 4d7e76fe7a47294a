"""Checks of what the SDK reads: projects, datasets, images, annotations, refusals and retries."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests
import supervisely as sly
from checks import check, ensure, expect

Json = dict[str, Any]
# The SDK appends an extension that it derives from the MIME type to names that have another one
# (`scan.tif` becomes `scan.tif.tiff`); jpg, jpeg and mpo count as one.
EXTENSION_OF_MIME = {".tif": ".tiff", ".jfif": ".jpeg"}


def sdk_name(name: str) -> str:
    """Return the name under which the SDK stores a picture."""
    suffix = Path(name).suffix
    return name + EXTENSION_OF_MIME.get(suffix.lower(), "")


def items_of(root: Path) -> Iterator[tuple[str, str, Path, Path | None]]:
    """Yield (dataset path, name, picture, annotation) of a project folder, without the SDK's own reader.

    `sly.Project` refuses folders with a picture that has no annotation and knows no old names in nested datasets, so
    the two folders are walked here; annotations are then loaded by the SDK.
    """
    for picture in sorted(root.rglob("img/*")):
        folder = picture.parent.parent
        candidates = (folder / "ann" / f"{picture.name}.json", folder / "ann" / f"{picture.stem}.json")
        annotation = next((path for path in candidates if path.is_file()), None)
        yield folder.relative_to(root).as_posix(), picture.name, picture, annotation


def written(ann: sly.Annotation, path: Path) -> Path:
    """Write an annotation that the SDK has loaded, for `compare.py`."""
    path.write_text(json.dumps(ann.to_json()))
    return path


def meta_facts(meta: sly.ProjectMeta) -> Json:
    """Return what two metas must share; ids may have been added by the server."""
    document = meta.to_json()
    for item in [*document["classes"], *document["tags"]]:
        item.pop("id", None)
    return {key: document[key] for key in ("classes", "tags", "projectType")}


@check
def download_project(api: sly.Api, job: Json) -> Json:
    """`sly.download_project` gives the pictures, annotations and meta of the source folder, in meaning."""

    def download(project_id: int, target: str) -> None:
        sly.download_project(api, project_id, target, log_progress=False, skip_create_readme=True)

    return {"pictures": sum(same_as_source(project, job, download) for project in job["projects"])}


@check
def download_project_async(api: sly.Api, job: Json) -> Json:
    """`sly.download_async`, which mixes bulk answers and single pictures, gives the same."""

    def download(project_id: int, target: str) -> None:
        sly.download_async(api, project_id, target, log_progress=False, skip_create_readme=True)

    return {"pictures": sum(same_as_source(project, job, download) for project in job["projects"])}


def same_as_source(project: Json, job: Json, download: Callable[[int, str], None]) -> int:
    """Download a project, compare it with its source folder and return the number of pictures."""
    sys.path.insert(0, job["compare"])
    import compare

    work, source = Path(job["work"]), Path(project["source"])
    target = work / f"{job['check']} {project['id']}"
    download(project["id"], str(target))
    metas = [sly.ProjectMeta.from_json(json.loads((root / "meta.json").read_text())) for root in (source, target)]
    expect(meta_facts(metas[1]), meta_facts(metas[0]), f"{project['name']}: meta.json")
    wanted = {(dataset, sdk_name(name)): (picture, ann) for dataset, name, picture, ann in items_of(source)}
    got = {(dataset, name): (picture, ann) for dataset, name, picture, ann in items_of(target)}
    expect(sorted(got), sorted(wanted), f"{project['name']}: pictures")
    for key, (picture, annotation) in wanted.items():
        where = f"{project['name']}: {'/'.join(key)}"
        got_picture, got_annotation = got[key]
        ensure(got_picture.read_bytes() == picture.read_bytes(), f"{where}: same bytes")
        actual = sly.Annotation.load_json_file(str(got_annotation), metas[1])
        if annotation is None:
            expect(len(actual.labels), 0, f"{where}: objects of a picture without annotation")
            expect(actual.img_size, sly.image.read(str(picture)).shape[:2], f"{where}: size")
            continue
        document = json.loads(annotation.read_text())
        # The SDK's download sends `withCustomBigData: false`.
        document.pop("customBigData", None)
        expected = sly.Annotation.from_json(document, metas[0])
        paths = (written(expected, work / "expected.json"), written(actual, work / "actual.json"))
        expect(compare.diff_ann(*paths), None, where)
    return len(wanted)


@check
def project_info(api: sly.Api, job: Json) -> None:
    """Projects are found by id and by name, and not found where there are none."""
    for project in job["projects"]:
        by_id = api.project.get_info_by_id(project["id"])
        by_name = api.project.get_info_by_name(job["workspace_id"], project["name"])
        expect((by_id.name, by_name.id), (project["name"], project["id"]), "project")
        expect((by_id.images_count, by_id.type), (len(project["images"]), "images"), project["name"])
        ensure(api.project.get_meta(project["id"])["classes"] != [], "classes")
    expect(api.project.get_info_by_id(987_654), None, "unknown id")
    expect(api.project.get_info_by_name(job["workspace_id"], "no such project"), None, "unknown name")
    expect(api.dataset.get_info_by_id(987_654), None, "unknown dataset")
    workspace = api.workspace.get_info_by_id(job["workspace_id"])
    expect(api.workspace.get_info_by_name(job["team_id"], workspace.name).id, workspace.id, "workspace")
    expect(api.team.get_info_by_id(job["team_id"]).id, job["team_id"], "team")


@check
def dataset_tree(api: sly.Api, job: Json) -> None:
    """`get_tree` and `tree` give the nested datasets of the folder; one level gives the top ones."""
    for project in job["projects"]:
        paths = ["/".join([*parents, dataset.name]) for parents, dataset in api.dataset.tree(project["id"])]
        expect(sorted(paths), sorted(project["datasets"]), f"{project['name']}: datasets")
        tree = api.dataset.get_tree(project["id"])
        tops = [dataset.name for dataset in api.dataset.get_list(project["id"])]
        expect(sorted(dataset.name for dataset in tree), sorted(tops), "top datasets")
        for dataset, children in tree.items():
            by_parent = api.dataset.get_list(project["id"], parent_id=dataset.id)
            expect(sorted(child.id for child in by_parent), sorted(child.id for child in children), "children")


@check
def image_list(api: sly.Api, job: Json) -> None:
    """`get_list` turns pages, filters and sorts; the cursor variant gives the same images."""
    for project in job["projects"]:
        names = []
        for parents, dataset in api.dataset.tree(project["id"]):
            images = api.image.get_list(dataset.id)
            expect(len(images), dataset.images_count, "images_count")
            expect([image.id for image in images], sorted(image.id for image in images), "order")
            if not images:
                continue
            names += ["/".join([*parents, dataset.name, image.name]) for image in images]
            by_cursor = [image.id for page in api.image.get_list_generator(dataset.id) for image in page]
            expect(by_cursor, [image.id for image in images], "by cursor")
            last = images[-1]
            expect(api.image.get_info_by_id(last.id).name, last.name, "images.info")
            newest = [{"field": "updatedAt", "operator": ">=", "value": last.updated_at}]
            expect([image.id for image in api.image.get_list(dataset.id, newest)], [last.id], "filter updatedAt")
            backwards = api.image.get_list(dataset.id, sort="name", sort_order="desc")
            expect([item.name for item in backwards], sorted((item.name for item in images), reverse=True), "by name")
            by_id = api.image.get_info_by_id_batch([image.id for image in images])
            expect([image.id for image in by_id], [image.id for image in images], "filter id in")
        wanted = [sdk_name(name) for name in project["images"]]
        expect(sorted(names), sorted(wanted), f"{project['name']}: images")


@check
def image_bytes(api: sly.Api, job: Json) -> None:
    """One picture, pictures in bulk and the turned size: `download_np` has the size of the record."""
    project = job["projects"][0]
    for _, dataset in api.dataset.tree(project["id"]):
        images = api.image.get_list(dataset.id)
        arrays = api.image.download_nps(dataset.id, [image.id for image in images])
        for image, array in zip(images, arrays, strict=True):
            expect(array.shape[:2], (image.height, image.width), "size in bulk")
            expect(api.image.download_np(image.id).shape, array.shape, "size alone")


@check
def annotation_batch(api: sly.Api, job: Json) -> None:
    """`download_batch` keeps the order asked for, `download` gives the same annotation, custom data on request."""
    for project in job["projects"]:
        for _, dataset in api.dataset.tree(project["id"]):
            ids = [image.id for image in api.image.get_list(dataset.id, sort="id", sort_order="desc")]
            if not ids:
                continue
            batch = api.annotation.download_batch(dataset.id, ids)
            expect([info.image_id for info in batch], ids, "order")
            for info in batch:
                ensure("customBigData" not in info.annotation, "customBigData")
                if not any(figure["geometryType"] == "alpha_mask" for figure in info.annotation["objects"]):
                    expect(api.annotation.download(info.image_id).annotation, info.annotation, "alone")
            custom = api.annotation.download_batch(dataset.id, ids, with_custom_data=True)
            ensure(all("customBigData" in info.annotation for info in custom), "customBigData on request")


@check
def pixel_coordinates(_api: sly.Api, job: Json) -> Json:
    """Convert generated server annotations with the SDK: they give the pixels they were made from."""
    pairs = json.loads((Path(job["work"]) / "coordinates.json").read_text())
    for pair in pairs:
        actual = sly.Annotation._to_pixel_coordinate_system_json(pair["server"])
        expect(actual["objects"], pair["pixels"]["objects"], "objects")
    return {"annotations": len(pairs)}


@check
def retry(api: sly.Api, job: Json) -> Json:
    """Whatever the server makes fail for this call (two 503 by the test) is tried again."""
    began = time.monotonic()
    expect(api.project.get_info_by_id(job["projects"][0]["id"]).id, job["projects"][0]["id"], "project")
    return {"seconds": time.monotonic() - began}


@check
def wrong_token(_api: sly.Api, job: Json) -> None:
    """Be refused at once with a wrong token: HTTPError 401 with the text of the error body."""
    stranger = sly.Api(job["address"], "not the token")
    try:
        stranger.project.get_info_by_id(job["projects"][0]["id"])
    except requests.HTTPError as error:
        expect(error.response.status_code, 401, "status")
        ensure("Unauthorized" in str(error), f"the server's error in {error}")
    else:
        raise AssertionError("the wrong token was accepted")
