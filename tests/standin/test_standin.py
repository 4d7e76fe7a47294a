"""The stand-in itself: pages, token, bulk answers and Team Files, driven with a plain HTTP client."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import logging
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from tests.standin.coordinates import box_to_server, point_to_server, to_server
from tests.standin.picture import picture_size
from tests.standin.records import Project
from tests.standin.samples import Call, annotation, ids_of, parts_of, picture
from tests.standin.server import StandIn

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]


def test_a_list_comes_in_pages_with_all_four_keys(server: StandIn, project: Project, call: Call) -> None:
    dataset, images = ids_of(server, project)
    pages = [call("images.list", {"datasetId": dataset, "page": page}).json() for page in (1, 2, 3, 4)]
    assert [(page["total"], page["perPage"], page["pagesCount"]) for page in pages] == [(5, 2, 3)] * 4
    assert [[image["id"] for image in page["entities"]] for page in pages] == [images[:2], images[2:4], images[4:], []]


def test_a_list_with_a_cursor_ends_with_null(server: StandIn, project: Project, call: Call) -> None:
    dataset, images = ids_of(server, project)
    body: Json = {"datasetId": dataset, "pagination_mode": "token"}
    found = []
    while True:
        page = call("images.list", body).json()
        found += [image["id"] for image in page["entities"]]
        if page["after"] is None:
            break
        body["after"] = page["after"]
    assert found == images


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        (("name", "=", "1.png"), ["1.png"]),
        (("name", "in", ["0.png", "4.png"]), ["0.png", "4.png"]),
        (("labelsCount", "<", 1), ["4.png"]),
        (("updatedAt", ">", "2030-01-01T00:00:00.000Z"), ["3.png"]),
        (("createdAt", ">=", "2024-01-01T00:00:00.000Z"), ["0.png", "1.png", "2.png", "3.png", "4.png"]),
        (("id", "<=", 0), []),
    ],
)
def test_a_filter_keeps_what_it_says(
    condition: tuple[str, str, object], names: list[str], server: StandIn, project: Project, call: Call
) -> None:
    server.instance.page_size = 50
    dataset, images = ids_of(server, project)
    server.instance.set_updated_at(images[3], "2031-02-03T04:05:06.789Z")
    conditions = [dict(zip(("field", "operator", "value"), condition, strict=True))]
    page = call("images.list", {"datasetId": dataset, "filter": conditions}).json()
    assert [image["name"] for image in page["entities"]] == names


def test_an_unknown_filter_or_sort_field_is_refused(server: StandIn, project: Project, call: Call) -> None:
    dataset, _ = ids_of(server, project)
    condition = {"field": "nmae", "operator": "=", "value": "x"}
    assert call("images.list", {"datasetId": dataset, "filter": [condition]}).status_code == 400
    assert call("images.list", {"datasetId": dataset, "sort": "nmae"}).status_code == 400


def test_only_a_recursive_list_shows_nested_datasets(project: Project, call: Call) -> None:
    body = {"projectId": project.id, "sort": "name", "sort_order": "desc"}
    (top,) = call("datasets.list", body).json()["entities"]
    assert (top["name"], top["parentId"], top["imagesCount"]) == ("top", None, 5)
    assert "customData" not in top
    names = [item["name"] for item in call("datasets.list", body | {"recursive": True}).json()["entities"]]
    assert names == ["top", "child"]
    children = [{"field": "parentId", "operator": "=", "value": top["id"]}]
    (child,) = call("datasets.list", body | {"recursive": True, "filter": children}).json()["entities"]
    assert child["name"] == "child"


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}, {"x-api-key": ""}])
def test_without_the_token_every_method_answers_401_with_the_error_body(
    headers: dict[str, str], server: StandIn
) -> None:
    answer = httpx.post(f"{server.address}/public/api/v3/projects.info", json={"id": 1}, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"] == "Unauthorized"
    assert answer.json()["details"]["message"]


def test_only_post_is_known_and_what_does_not_exist_is_404(server: StandIn, call: Call) -> None:
    assert httpx.get(f"{server.address}/public/api/v3/projects.info").status_code == 405
    for method in ("projects.info", "datasets.info", "images.info", "file-storage.info", "no.such.method"):
        answer = call(method, {"id": 987_654})
        assert (answer.status_code, set(answer.json())) == (404, {"error", "details"})
    assert call("instance.version", {}).json() == {"version": "6.15.40"}


def test_pictures_come_in_bulk_as_parts_named_by_id(server: StandIn, project: Project, call: Call) -> None:
    dataset, images = ids_of(server, project)
    answer = call("images.bulk.download", {"datasetId": dataset, "imageIds": images})
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert parts_of(answer) == {image: server.instance.images[image].content for image in images}
    too_many = {"datasetId": dataset, "imageIds": images * 11}
    assert call("images.bulk.download", too_many).status_code == 400


def test_annotations_are_a_plain_list_in_sub_pixels(server: StandIn, project: Project, call: Call) -> None:
    dataset, images = ids_of(server, project)
    body = {"datasetId": dataset, "imageIds": images, "integerCoords": False}
    records = {record["imageId"]: record for record in call("annotations.bulk.info", body).json()}
    assert sorted(records) == images
    assert records[images[4]]["annotation"]["objects"] == []
    assert records[images[4]]["annotation"]["size"] == {"width": 30, "height": 20}
    box, smoke = records[images[0]]["annotation"]["objects"]
    assert (box["id"], box["classId"], box["geometryType"]) == (500, 7, "rectangle")
    assert box["points"]["exterior"] == box_to_server([2, 3], [9, 7])
    assert "customBigData" not in records[images[0]]["annotation"]
    assert "bitmap" not in smoke
    geometry = parts_of(call("figures.bulk.download.geometry", {"ids": [smoke["id"]]}))[smoke["id"]]
    assert json.loads(geometry) == {"origin": point_to_server([4, 5], (30, 20)), "data": "eJw="}
    assert call("annotations.info", {"imageId": images[0], "integerCoords": False, "withCustomBigData": True}).json()[
        "annotation"
    ]["customBigData"] == {"k": 1}


def test_an_image_record_says_what_the_bytes_are(server: StandIn, project: Project, call: Call) -> None:
    _, images = ids_of(server, project)
    record = call("images.info", {"id": images[0]}).json()
    content = call("images.download", {"id": images[0]}).content
    assert record["hash"] == base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert (record["size"], record["mime"], record["width"], record["height"]) == (len(content), "image/png", 30, 20)
    assert [(tag["name"], tag["value"], tag["tagId"] > 0) for tag in record["tags"]] == [("train", None, True)]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_turned_picture(orientation: int, tmp_path: Path) -> None:
    plain = cv2.imencode(".jpg", np.zeros((20, 30, 3), np.uint8))[1].tobytes()
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\x00\x00II*\x00" + struct.pack("<IH", 8, 1) + entry + bytes(4)
    path = tmp_path / "turned.jpg"
    path.write_bytes(plain[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + plain[2:])
    decoded = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert picture_size(path) == decoded.shape[1::-1]


def test_the_size_of_other_formats_and_of_no_picture(tmp_path: Path) -> None:
    for suffix, array in ((".png", np.zeros((20, 30), np.uint16)), (".bmp", np.zeros((20, 30, 3), np.uint8))):
        path = tmp_path / f"x{suffix}"
        path.write_bytes(cv2.imencode(suffix, array)[1].tobytes())
        assert picture_size(path) == (30, 20)
    path.write_bytes(b"no picture")
    assert picture_size(path) == (0, 0)


def test_a_changed_annotation_or_picture_moves_updated_at(
    server: StandIn, project: Project, call: Call, tmp_path: Path
) -> None:
    _, images = ids_of(server, project)
    before = call("images.info", {"id": images[4]}).json()
    server.instance.set_annotation(images[4], annotation(1))
    between = call("images.info", {"id": images[4]}).json()
    assert (between["updatedAt"] > before["updatedAt"], between["labelsCount"]) == (True, 2)
    server.instance.set_picture(images[4], picture(tmp_path / "new.png", seed=9))
    after = call("images.info", {"id": images[4]}).json()
    assert after["updatedAt"] > between["updatedAt"]
    assert (after["hash"] != before["hash"], after["name"]) == (True, before["name"])


def test_team_files_are_stored_whole_listed_and_removed(server: StandIn, call: Call) -> None:
    team = server.instance.team.id
    streamed = call("file-storage.upload", params={"teamId": team, "path": "/x/a.tar"}, content=iter([b"ab", b"c"]))
    assert streamed.json()["hash"] == base64.b64encode(hashlib.sha256(b"abc").digest()).decode()
    assert streamed.json()["meta"] == {"mime": "application/x-tar", "ext": "tar", "size": 3}
    fields = [("name", (None, "b.tar")), ("path", (None, "/x/y/")), ("file", ("b.tar", io.BytesIO(b"xyz")))]
    bulk = call("file-storage.bulk.upload", params={"teamId": team}, files=fields)
    assert [record["path"] for record in bulk.json()] == ["/x/y/b.tar"]

    def listed(path: str, *, recursive: bool) -> list[str]:
        body = {"teamId": team, "path": path, "recursive": recursive}
        return [record["path"] for record in call("file-storage.list", body).json()]

    assert listed("/x/", recursive=True) == ["/x/a.tar", "/x/y/b.tar"]
    assert listed("/x/", recursive=False) == ["/x/y", "/x/a.tar"]
    assert listed("/x/a.tar", recursive=True) == ["/x/a.tar"]
    download = call("file-storage.download", {"teamId": team, "path": "/x/y/b.tar"})
    assert (download.content, download.headers["content-length"]) == (b"xyz", "3")
    assert call("file-storage.download", {"teamId": team, "path": "/x/none"}).status_code == 404
    assert call("file-storage.remove", {"teamId": team, "path": "/x/y/"}).status_code == 200
    assert call("file-storage.bulk.remove", {"teamId": team, "paths": ["/x/a.tar"]}).status_code == 200
    assert server.instance.storage.paths(team) == []


def test_the_log_never_shows_a_token(server: StandIn, call: Call, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tests.standin"):
        call("instance.version", {})
    assert server.token not in caplog.text + str(server.traffic.exchanges)
    assert "instance.version -> 200" in caplog.text


def test_several_teams_workspaces_and_projects_of_one_name(server: StandIn, folder: Path, call: Call) -> None:
    team = server.instance.add_team("other team")
    place = server.instance.add_workspace("elsewhere", team="other team")
    project = server.instance.add_project(folder, workspace="elsewhere")
    named = [{"field": "name", "operator": "=", "value": "Fruits"}]
    (found,) = call("projects.list", {"workspaceId": place.id, "filter": named, "fields": ["id"]}).json()["entities"]
    assert (found["id"], found["teamId"]) == (project.id, team.id)
    page = call("workspaces.list", {"teamId": team.id}).json()
    assert [item["name"] for item in page["entities"]] == ["elsewhere"]
    ids = [figure for _, images in [ids_of(server, project)] for figure in images]
    assert not set(ids) & set(ids_of(server, next(iter(server.instance.projects.values())))[1])


def test_broken_geometry_is_handed_out_as_it_is() -> None:
    broken = {"geometryType": "rectangle", "points": {"exterior": [[1, 2]], "interior": []}}
    source = {"size": {"width": 3, "height": 3}, "objects": [broken, {"geometryType": "spiral", "turns": 3}]}
    assert to_server(source) == source


def test_a_shell_can_start_it(folder: Path) -> None:
    command = [sys.executable, "-m", "tests.standin", "--project", str(folder), "--token", "t"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            answer = httpx.post(f"{address}/public/api/v3/projects.info", json={"id": 1001}, headers={"x-api-key": "t"})
            assert answer.json()["name"] == "Fruits"
        finally:
            process.terminate()
        assert process.wait(timeout=20) == 0
