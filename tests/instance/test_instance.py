"""Projects straight from an instance, and archives into its Team Files."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import AccessError, BadItemsError, ProjectError, SettingsError, StorageError
from airflow_savemasks.engine.export import export
from airflow_savemasks.engine.job import Job, open_job
from airflow_savemasks.engine.opening import open_instance_project, open_sources, open_team_files
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.settings.layer import parse_layer
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.supervisely.api import Api
from airflow_savemasks.engine.supervisely.coordinates import annotation_to_pixels, box_to_pixels
from tests.engine.samples import LAYER, add_item, annotation, exported, make_project, members, picture, run
from tests.instance.conftest import TOKEN

GOLDEN = Path(__file__).parents[1] / "golden"
sys.path.insert(0, str(GOLDEN))
import compare  # noqa: E402

CASES = sorted(path for path in GOLDEN.iterdir() if (path / "project").is_dir())


def job_of(api: Api, uri: str, raw: Any = LAYER, **options: Any) -> Job:
    layer = parse_layer(raw)
    sources = open_sources(layer, {layer.inputs[0].name: uri}, None, lambda one: open_instance_project(one, api))
    return open_job(layer, sources, Options(**options))


def run_from(api: Api, uri: str, out: Path, raw: Any = LAYER, **options: Any) -> dict[str, Any]:
    return export(job_of(api, uri, raw, **options), open_storage(str(out)), threading.Event(), Progress())


def run_to(api: Api, team: int, project: Path, parts: Path, raw: Any = LAYER, **options: Any) -> dict[str, Any]:
    layer = parse_layer(raw)
    job = open_job(layer, open_sources(layer, {"$data_1": str(project)}), Options(**options))
    storage = open_team_files(f"supervisely://team/{team}/masks", api, open_storage(str(parts)))
    return export(job, storage, threading.Event(), Progress())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_golden_case_from_the_instance_equals_the_one_from_the_folder(
    case: Path, server, api, tmp_path, capfd
) -> None:
    server.instance.add_project(case / "project", workspace="ws", name=case.name)
    raw = json.loads((case / "layer.json").read_text())
    result = run_from(api, f"supervisely://ws/{case.name}", tmp_path, raw, unknown_colors="warn")
    by_class = case / "expected_class"
    expected = by_class if by_class.is_dir() else case / "expected"
    assert compare.main([str(expected), result["archive"]]) == 0, capfd.readouterr().out


def test_masks_and_pictures_are_those_from_the_folder_to_the_byte(server, api, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=120)
    server.instance.add_project(project, workspace="ws", name="p")
    ours = members(run_from(api, "supervisely://ws/p", tmp_path / "a")["archive"])
    folder = members(run(project, tmp_path / "b")["archive"])
    assert list(ours) == list(folder)
    assert all(ours[name] == folder[name] for name in ours if "/ann/" not in name and name != "meta.json")
    assert server.traffic.count("images.bulk.download") == 3  # 50 a call
    assert server.traffic.count("datasets.list") == 1


def test_a_project_goes_by_id_too_and_an_unchanged_one_is_not_rendered_again(server, api, tmp_path: Path) -> None:
    project = server.instance.add_project(make_project(tmp_path / "project", items=8), workspace="ws", name="p")
    uri = f"supervisely://project/{project.id}"
    first = run_from(api, uri, tmp_path / "out")
    server.traffic.reset()
    second = run_from(api, uri, tmp_path / "out")
    assert second["items"] == {"rendered": 0, "reused": first["items"]["rendered"], "skipped": 0}
    assert server.traffic.count("images.bulk.download") == 0
    image = next(iter(server.instance.images.values()))
    server.instance.set_annotation(image.id, annotation(99))
    assert run_from(api, uri, tmp_path / "out")["items"]["rendered"] == 1


def test_filters_choose_datasets_tags_labelled_and_updated_images(server, api, tmp_path: Path) -> None:
    root = make_project(tmp_path / "project", items=3)
    make_project(root, items=2, dataset="ds1")
    meta = json.loads((root / "meta.json").read_text())
    meta["tags"] = [{"name": "train", "value_type": "none", "color": "#112233", "id": 5}]
    (root / "meta.json").write_text(json.dumps(meta))
    (root / "ds0/ann/0001.png.json").write_text(json.dumps(annotation(1, tags=[{"name": "train", "value": None}])))
    (root / "ds0/ann/0002.png.json").write_text(json.dumps(annotation(2, objects=[])))
    server.instance.add_project(root, workspace="ws", name="p")
    last = max(server.instance.images)
    server.instance.set_updated_at(last, "2031-05-05T00:00:00.000Z")

    def items(query: str, name: str) -> list[str]:
        content = members(run_from(api, f"supervisely://ws/p{query}", tmp_path / name)["archive"])
        return [member for member in content if "/img/" in member]

    assert items("?datasets=ds1", "a") == items("/ds1", "b") == ["ds1/img/0000.png", "ds1/img/0001.png"]
    assert items("?tags=train", "c") == ["ds0/img/0001.png"]
    assert len(items("?labelled=true", "d")) == 4
    assert items("?updated_since=2031-01-01T00:00:00%2B00:00", "e") == ["ds1/img/0001.png"]
    for wrong in ("?tags=valid", "?datasets=ds9", "?colour=red", "?updated_since=tuesday"):
        with pytest.raises((ProjectError, SettingsError)):
            items(wrong, "f")


def test_2000_pictures_with_5_percent_of_the_requests_failing_end_complete_and_equal(tmp_path: Path) -> None:
    from tests.standin.server import StandIn

    project = make_project(tmp_path / "project", items=2000)
    with StandIn(token=TOKEN, page_size=100, seed=4) as server:
        server.instance.add_project(project, workspace="ws", name="p")
        for status in (500, 503):
            server.faults.fail(status=status, share=0.02)
        server.faults.fail(status=429, share=0.005, retry_after=0)
        server.faults.drop(share=0.005)
        api = Api(server.address, TOKEN, attempts=8, first_wait=0.01)
        result = run_from(api, "supervisely://ws/p", tmp_path / "a")
        failed = sum(count for status, count in server.traffic.statuses("*").items() if status != 200)
    assert failed > 0
    assert exported(result) == 2000
    ours, folder = members(result["archive"]), members(run(project, tmp_path / "b")["archive"])
    assert list(ours) == list(folder)
    assert all(ours[name] == folder[name] for name in ours if "/ann/" not in name and name != "meta.json")


@pytest.mark.parametrize(
    ("break_it", "error", "says"),
    [
        (lambda faults: faults.revoke_token(), AccessError, "API token"),
        (lambda faults: faults.forbid(), AccessError, "right"),
        (lambda faults: faults.fail(status=503), StorageError, "503"),
        (lambda faults: faults.truncate(method="images.bulk.download"), StorageError, "images.bulk.download"),
    ],
    ids=["bad token", "missing rights", "always down", "always truncated"],
)
def test_what_does_not_pass_is_a_clear_error(server, api, tmp_path, break_it, error, says) -> None:
    server.instance.add_project(make_project(tmp_path / "project", items=3), workspace="ws", name="p")
    break_it(server.faults)
    with pytest.raises(error, match=says) as failed:
        run_from(api, "supervisely://ws/p", tmp_path / "out")
    assert TOKEN not in str(failed.value)
    assert not list((tmp_path / "out").glob("export*"))


@pytest.mark.parametrize(
    "pass_by",
    [
        lambda faults: faults.fail(status=429, retry_after=1, times=1, method="images.list"),
        lambda faults: faults.truncate(method="images.bulk.download", times=1),
        lambda faults: faults.drop(method="annotations.bulk.info", times=2),
        lambda faults: faults.lose_answer(method="projects.meta", times=1),
        lambda faults: faults.leave_out(method="images.bulk.download"),
    ],
    ids=["rate limit", "truncated once", "dropped twice", "answer lost", "picture left out of every bulk answer"],
)
def test_what_passes_is_tried_again_and_leaves_no_hole(server, api, tmp_path: Path, pass_by) -> None:
    project = make_project(tmp_path / "project", items=5)
    server.instance.add_project(project, workspace="ws", name="p")
    pass_by(server.faults)
    ours = members(run_from(api, "supervisely://ws/p", tmp_path / "a")["archive"])
    assert len(ours) == 21
    assert ours["ds0/img/0002.png"] == picture(2)


def test_an_unknown_project_is_named_with_those_that_come_close(server, api, tmp_path: Path) -> None:
    server.instance.add_project(make_project(tmp_path / "project", items=1), workspace="ws", name="lemons")
    with pytest.raises(ProjectError, match=r"no project 'lemon'.*Did you mean one of \['lemons'\]"):
        run_from(api, "supervisely://ws/lemon", tmp_path / "out")
    with pytest.raises(ProjectError, match="no workspace 'wx'"):
        run_from(api, "supervisely://wx/lemons", tmp_path / "out")
    with pytest.raises(ProjectError, match="no project 999"):
        run_from(api, "supervisely://project/999", tmp_path / "out")


def test_an_instance_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    api = Api("http://127.0.0.1:9", TOKEN, attempts=2, first_wait=0.01)
    with pytest.raises(StorageError, match=r"127\.0\.0\.1:9.*no answer"):
        run_from(api, "supervisely://ws/p", tmp_path)


def test_an_archive_goes_to_team_files_with_a_link_and_the_next_one_reuses_its_parts(
    server, api, tmp_path: Path
) -> None:
    team = server.instance.team.id
    project = make_project(tmp_path / "project", items=30)
    result = run_to(api, team, project, tmp_path / "parts")
    content = server.instance.storage.read(team, "/masks/export.tar")
    folder = Path(run(project, tmp_path / "folder")["archive"]).read_bytes()
    assert hashlib.sha256(content).digest() == hashlib.sha256(folder).digest()
    assert result["archive"] == f"supervisely://team/{team}/masks/export.tar"
    assert result["link"].startswith("http")
    again = run_to(api, team, project, tmp_path / "parts")
    assert again["unchanged"]
    assert again["items"] == {"rendered": 0, "reused": 30, "skipped": 0}
    add_item(project, "0007.png", seed=70)
    renamed = run_to(api, team, project, tmp_path / "parts", if_exists="rename")
    assert renamed["archive"].endswith("/masks/export_000.tar")
    assert renamed["items"] == {"rendered": 1, "reused": 29, "skipped": 0}
    fresh = Path(run(project, tmp_path / "fresh")["archive"]).read_bytes()
    assert server.instance.storage.read(team, "/masks/export_000.tar") == fresh
    assert server.instance.storage.read(team, "/masks/export.tar") == content


def test_an_upload_that_breaks_once_is_sent_again_and_one_that_always_breaks_publishes_nothing(
    server, api, tmp_path: Path
) -> None:
    team = server.instance.team.id
    project = make_project(tmp_path / "project", items=10)
    fault = server.faults.break_upload(at=20_000, times=1)
    run_to(api, team, project, tmp_path / "parts")
    assert fault.fired == 1
    server.faults.clear()
    server.faults.break_upload(at=20_000)
    other = make_project(tmp_path / "other", items=11)
    before = server.instance.storage.read(team, "/masks/export.tar")
    with pytest.raises(StorageError, match="file-storage.upload"):
        run_to(api, team, other, tmp_path / "parts2")
    assert server.instance.storage.read(team, "/masks/export.tar") == before


@pytest.mark.parametrize("fault", ["wrong_hash", "wrong_size"])
def test_an_upload_that_arrived_damaged_is_removed_and_said(server, api, tmp_path: Path, fault: str) -> None:
    getattr(server.faults, fault)()
    with pytest.raises(StorageError, match="The file was removed"):
        run_to(api, server.instance.team.id, make_project(tmp_path / "project", items=3), tmp_path / "parts")
    assert "/masks/export.tar" not in server.instance.storage.paths(server.instance.team.id)


def test_the_token_appears_nowhere(server, api, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.instance.add_project(make_project(tmp_path / "project", items=3), workspace="ws", name="p")
    server.faults.fail(status=503, times=2)
    result = run_from(api, "supervisely://ws/p", tmp_path / "out")
    texts = [caplog.text, json.dumps(result), repr(api), Path(result["manifest"]).read_text()]
    assert not [text for text in texts if TOKEN in text]


def test_boxes_and_points_of_the_server_become_pixels() -> None:
    assert box_to_pixels([[2.71, 3], [2.95, 8]]) == [[3, 3], [3, 7]]
    points = {"exterior": [[2.5, 3.9], [30, 20], [30.5, 21]], "interior": []}
    label = {"geometryType": "polygon", "points": points}
    got = annotation_to_pixels({"size": {"width": 30, "height": 20}, "objects": [label]})
    assert got["objects"][0]["points"]["exterior"] == [[2, 3], [29, 19], [30, 21]]


def test_whole_numbers_above_64_bits_come_as_they_are(server, api, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=1)
    huge = annotation(0, customBigData={"number": 10**25 + 1})
    (project / "ds0/ann/0000.png.json").write_text(json.dumps(huge))
    server.instance.add_project(project, workspace="ws", name="p")
    files = members(run_from(api, "supervisely://ws/p", tmp_path / "out")["archive"])
    assert json.loads(files["ds0/ann/0000.png.json"])["customBigData"] == huge["customBigData"]


def test_a_bad_picture_on_the_instance_is_a_bad_item(server, api, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=3)
    server.instance.add_project(project, workspace="ws", name="p")
    image = server.instance.image(next(iter(server.instance.projects)), "ds0", "0001.png")
    (tmp_path / "bad.png").write_bytes(picture(1)[:200])
    server.instance.set_picture(image.id, tmp_path / "bad.png")
    with pytest.raises(BadItemsError, match="0001.png"):
        run_from(api, "supervisely://ws/p", tmp_path / "out")
