"""What the Masks tab shows, of real runs and real archives, through Airflow's own application."""

from __future__ import annotations

import io
import json
import zipfile
from base64 import b64decode
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.airflow.ui.runs import CYRILLIC, HTML, STATE_STORE, Run, add_run, add_task, export, finished, xcom
from tests.engine.samples import LAYER, make_project, members

FOLDERS = {"picture": "img", "human": "masks_human", "machine": "masks_machine", "annotation": "ann"}


def test_a_run_tells_which_of_its_tasks_export_masks(served: Any, admin: Any, shown: Run) -> None:
    tasks = served.get(f"/savemasks/api/{shown.place}/tasks", headers=admin).json()["tasks"]
    assert [(one["task_id"], one["state"], one["under_way"]) for one in tasks] == [("save_masks", "success", False)]


def test_the_export_s_own_figures_and_its_classes(served: Any, admin: Any, shown: Run) -> None:
    told = served.get(f"{shown.tab}/summary", headers=admin).json()
    assert told["result"]["items"] == shown.result["items"]
    assert told["result"]["seconds"] == shown.result["seconds"]
    if STATE_STORE:
        assert "shown.tar: 7 items, " in told["progress"]
    archive = served.get(f"{shown.tab}/archive", headers=admin).json()
    manifest = json.loads(Path(shown.result["manifest"]).read_text())
    assert (archive["items"], archive["digest"], archive["replaced"]) == (7, manifest["sha256"], False)
    assert [one["name"] for one in archive["classes"]] == ["leaf", "box"]
    assert archive["classes"][1]["machine"] == [200, 200, 200]
    assert sum(one["share"] for one in archive["classes"]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("q=EMPTY", ["ds0/empty.png"]),
        ("q=КОТ", [f"ds0/{CYRILLIC}"]),
        ("q=%3Cimg", [f"ds0/{HTML}"]),
        ("dataset=ds1", ["ds1/0000.png"]),
        ("dataset=ds", []),
        ("unlabelled=true", ["ds0/empty.png"]),
        ("shows=box&dataset=ds1", ["ds1/0000.png"]),
        ("shows=nobody", []),
    ],
)
def test_search_and_filters(served: Any, admin: Any, shown: Run, asked: str, names: list[str]) -> None:
    found = served.get(f"{shown.tab}/items?{asked}", headers=admin).json()
    assert [one["name"] for one in found["items"]] == names
    assert found["total"] == len(names)


def test_pages_hold_every_item_once_in_the_order_of_the_archive(served: Any, admin: Any, shown: Run) -> None:
    names = []
    for offset in range(0, 9, 3):
        page = served.get(f"{shown.tab}/items?offset={offset}&limit=3", headers=admin).json()
        assert page["total"] == 7
        names += [one["name"] for one in page["items"]]
    index = [json.loads(line)["item"] for line in Path(shown.result["index"]).read_text().splitlines()]
    assert names == index
    datasets = served.get(f"{shown.tab}/datasets", headers=admin).json()
    assert datasets == {"datasets": [{"name": "ds0", "items": 6}, {"name": "ds1", "items": 1}], "pixels": 7 * 30 * 40}


@pytest.mark.parametrize("kind", FOLDERS)
def test_every_file_of_every_item_is_the_archive_s_own_bytes(served: Any, admin: Any, shown: Run, kind: str) -> None:
    inside = members(shown.result["archive"])
    for item in served.get(f"{shown.tab}/items", headers=admin).json()["items"]:
        answer = served.get(f"{shown.tab}/items/{item['number']}/files/{kind}", headers=admin)
        assert answer.content == inside[item["files"][kind]["name"]]
        assert answer.headers["content-type"] == ("application/json" if kind == "annotation" else "image/png")


def test_a_file_is_asked_for_once(served: Any, admin: Any, shown: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_savemasks.engine.reading.ranges import Ranges

    url = f"{shown.tab}/items/0/files/human"
    first = served.get(url, headers=admin)
    assert first.headers["cache-control"] == "private, no-cache"
    monkeypatch.setattr(Ranges, "read", None)
    again = served.get(url, headers={**admin, "If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    mark = served.get(f"{shown.tab}/items/0", headers=admin).json()["files"]["human"]["mark"]
    kept = served.get(f"{url}?mark={mark}", headers={**admin, "If-None-Match": first.headers["etag"]})
    assert "immutable" in kept.headers["cache-control"]


def test_a_preview_is_made_once_and_is_small(served: Any, admin: Any, dags, tmp_path: Path, team_files: Path) -> None:
    import cv2
    import numpy as np

    from airflow_savemasks.ui import previews
    from tests.engine.samples import annotation, picture

    project = make_project(tmp_path / "project", 1)
    (project / "ds0/img/0000.png").write_bytes(picture(1, 900, 600))
    (project / "ds0/ann/0000.png.json").write_text(json.dumps(annotation(1, 900, 600)))
    run = finished(export(dags, project, {**LAYER, "dst": "large"}))
    for kind, shape in (("human", (171, 512)), ("machine", (341, 512)), ("picture", (341, 512))):
        answer = served.get(f"{run.tab}/items/0/files/{kind}?max_side=300", headers=admin)
        image = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert image.shape[:2] == shape
        if kind == "machine":
            assert set(np.unique(image)) <= {0, 100, 200}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(previews, "make", None)
        again = served.get(f"{run.tab}/items/0/files/picture?max_side=500", headers=admin)
        assert again.content == answer.content
        asked = {**admin, "If-None-Match": again.headers["etag"]}
        assert served.get(f"{run.tab}/items/0/files/picture?max_side=500", headers=asked).status_code == 304


def test_one_item_as_a_zip(served: Any, admin: Any, shown: Run) -> None:
    inside = members(shown.result["archive"])
    item = served.get(f"{shown.tab}/items?q=%3Cimg", headers=admin).json()["items"][0]
    answer = served.get(f"{shown.tab}/items/{item['number']}/zip", headers=admin)
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''ds0_%3Cimg")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        assert {name: packed.read(name) for name in packed.namelist()} == {
            file["name"]: inside[file["name"]] for file in item["files"].values()
        }


@pytest.mark.parametrize("what", ["archive", "manifest", "index"])
def test_downloads_are_the_files_themselves(served: Any, admin: Any, shown: Run, what: str) -> None:
    answer = served.get(f"{shown.tab}/download/{what}", headers=admin)
    assert answer.content == Path(shown.result[what]).read_bytes()
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''shown.")
    assert served.get(f"{shown.tab}/download/{what}2", headers=admin).status_code == 404


def test_links_beside_the_task_lead_to_the_tab_and_to_downloads(served: Any, admin: Any, shown: Run) -> None:
    links = {name: xcom(shown.dag_id, shown.run_id, "save_masks", f"_link_{name}Link") for name in ("Masks", "Archive")}
    assert links["Masks"] == f"/{shown.place}/tasks/save_masks/plugin/savemasks"
    assert served.get(links["Archive"], headers=admin).content == Path(shown.result["archive"]).read_bytes()


def test_an_archive_that_was_replaced_is_shown_as_it_is_now_and_that_is_said(
    served: Any, admin: Any, dags, tmp_path: Path, team_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_savemasks.ui import shelf

    monkeypatch.setattr(shelf, "LOOKED_FOR", 0.0)
    layer = {**LAYER, "dst": "twice"}
    first = finished(export(dags, make_project(tmp_path / "one", 2), layer))
    assert served.get(f"{first.tab}/items", headers=admin).json()["total"] == 2
    second = finished(export(dags, make_project(tmp_path / "two", 3), layer))
    assert second.result["archive"] == first.result["archive"]
    for run, replaced in ((first, True), (second, False)):
        assert served.get(f"{run.tab}/archive", headers=admin).json()["replaced"] is replaced
        assert served.get(f"{run.tab}/items", headers=admin).json()["total"] == 3


def test_a_failed_export_shows_its_bad_items(served: Any, admin: Any, dags, tmp_path: Path, team_files: Path) -> None:
    project = make_project(tmp_path / "project", 2)
    (project / "ds0/img/0001.png").write_bytes(b"<script>alert(1)</script>")
    run = finished(export(dags, project, {**LAYER, "dst": "broken"}))
    told = served.get(f"{run.tab}/summary", headers=admin).json()
    assert (told["task"]["state"], told["task"]["under_way"], told["result"]) == ("failed", False, None)
    bad = served.get(f"{run.tab}/bad", headers=admin).json()
    assert bad["total"] == 1
    assert bad["rows"][0]["item"] == "ds0/0001.png"
    assert all(value for name, value in bad["rows"][0].items() if name != "preview")
    assert bad["rows"][0]["preview"] == ""
    file = served.get(f"{run.tab}/download/bad_items", headers=admin)
    assert file.content == (team_files / "broken.bad_items.jsonl").read_bytes()
    assert served.get(f"{run.tab}/archive", headers=admin).status_code == 404


def test_a_bad_item_whose_picture_decodes_is_shown_with_it(
    served: Any, admin: Any, dags, tmp_path: Path, team_files: Path
) -> None:
    project = make_project(tmp_path / "project", 2)
    (project / "ds0/ann/0001.png.json").write_text("{")
    run = finished(export(dags, project, {**LAYER, "dst": "seen"}))
    (row,) = served.get(f"{run.tab}/bad", headers=admin).json()["rows"]
    kind, _, content = row["preview"].partition(",")
    assert kind == "data:image/jpeg;base64"
    shown = cv2.imdecode(np.frombuffer(b64decode(content), np.uint8), cv2.IMREAD_COLOR)
    picture = cv2.imread(str(project / "ds0/img/0001.png"))
    assert shown.shape == picture.shape
    assert np.corrcoef(shown.mean(axis=2).ravel(), picture.mean(axis=2).ravel())[0, 1] > 0.8  # noise, as a JPEG


@pytest.mark.parametrize("preview", ["x", "PHN2Zz4=", 5, None, ["/9j/"], "/9j/" + "A" * 60_000, 'javascript:"'])
def test_a_preview_that_is_none_is_not_shown(preview: Any) -> None:
    from airflow_savemasks.ui.routes import _bad_row

    assert _bad_row(json.dumps({"item": "a", "preview": preview}).encode())["preview"] == ""


def test_a_skipped_item_is_listed_with_its_reason(served: Any, admin: Any, dags, team_files: Path) -> None:
    from airflow_savemasks.ui.telling import grouped

    texts = ["class 'a' is not drawn", "class 'b' is not drawn", "other"]
    assert [(one["count"], one["text"]) for one in grouped(texts)] == [(2, texts[0]), (1, "other")]


def test_a_task_that_exports_no_masks_has_nothing(served: Any, admin: Any, shown: Run) -> None:
    tab = shown.tab.replace("save_masks/-1", "data_1/-1")
    told = served.get(f"{tab}/summary", headers=admin).json()
    assert (told["ours"], told["result"]) == (False, None)
    assert served.get(f"{tab}/items", headers=admin).status_code == 404
    assert served.get(f"{tab}/bad", headers=admin).status_code == 404


def test_a_task_that_is_not_mapped_has_no_number_in_its_address(served: Any, admin: Any, shown: Run) -> None:
    answer = served.get(f"/savemasks/api/{shown.place}/tasks/save_masks/%7BMAP_INDEX%7D/items", headers=admin)
    assert answer.json()["total"] == 7
    assert served.get(shown.tab.replace("/-1", "/0") + "/items", headers=admin).status_code == 404


def test_the_run_has_a_note_that_tells_it_from_others(served: Any, admin: Any, shown: Run) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from airflow_savemasks.ui.note import on_dag_run_success

    url = f"/api/v2/{shown.place.replace('/runs/', '/dagRuns/')}"
    for before, after in ((None, "shown.tar: 7 items"), ("mine", "mine")):
        if before is not None:
            assert served.patch(url, headers=admin, json={"note": before}).status_code == 200
        with create_session() as session:  # as the scheduler does where it ends a run
            on_dag_run_success(session.scalar(select(DagRun).where(DagRun.run_id == shown.run_id)), "success")
        assert served.get(url, headers=admin).json()["note"] == after


def test_a_run_that_fails_before_anything_is_named_has_a_note(
    served: Any, admin: Any, dags, tmp_path: Path, team_files: Path
) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from airflow_savemasks.ui.note import on_dag_run_failed

    run = export(dags, tmp_path / "nowhere")
    assert run.state == "failed"
    with create_session() as session:
        found = session.scalar(select(DagRun).where(DagRun.run_id == run.run_id))
        on_dag_run_failed(found, "failed")
        assert found.note == "save_masks: no archive"


def test_what_a_note_says() -> None:
    from airflow_savemasks.ui.note import text_of

    def result(name: str, rendered: int, reused: int, skipped: int, *, unchanged: bool = False) -> dict[str, Any]:
        items = {"rendered": rendered, "reused": reused, "skipped": skipped}
        return {"archive": f"s3://b/{name}.tar", "items": items, "unchanged": unchanged}

    key = "savemasks"
    assert (
        text_of([("a", key, {}), ("a", "return_value", result("x", 2, 9, 1))]) == "x.tar: 11 items, 1 skipped, 9 reused"
    )
    assert text_of([("a", "return_value", result("x", 0, 1, 0, unchanged=True)), ("a", key, {})]) == (
        "x.tar: 1 item, nothing changed"
    )
    told = {"dry_run": True, "items": {"rendered": 6, "reused": 3, "skipped": 1}}
    assert text_of([("a", key, {}), ("a", "return_value", told)]) == "a: only planned, 6 to render, 3 reused, 1 bad"
    assert text_of([("a", key, {})]) == "a: no archive"
    assert text_of([("plan", key, {})]) == "plan: no archive", "it is a step of no group"
    assert text_of([("a", key, {}), ("a", "return_value", result("x", 0, 0, 0))]) == "x.tar: 0 items"
    group = [("g.plan", key, {}), ("g.plan", "return_value", [1]), ("g.assemble", key, {})]
    assert text_of([*group, ("g.assemble", "return_value", result("y", 1, 0, 0))]) == "y.tar: 1 item"
    assert text_of(group) == "g: no archive"
    hurt = text_of([("a", key, {}), ("a", "return_value", result("<img src=x> `a_b` *", 1, 0, 0))])
    assert hurt == r"\<img src=x\> \`a_b\` \*.tar: 1 item", "Airflow shows notes as Markdown"
    assert text_of([("t.a", key, {}), ("t.b", key, {}), ("t.a", "return_value", result("z", 1, 0, 0))]) == (
        "z.tar: 1 item\nt.b: no archive"
    )
    assert text_of([("other", "return_value", result("z", 1, 0, 0))]) == ""
    assert len(text_of([(f"task{number}", key, {}) for number in range(999)])) == 1000


def test_a_run_whose_rendered_fields_airflow_has_forgotten_is_still_shown(
    served: Any, admin: Any, dags, tmp_path: Path, team_files: Path
) -> None:
    from airflow.models.renderedtifields import RenderedTaskInstanceFields as Rendered
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    run = finished(export(dags, make_project(tmp_path / "project", 2), {**LAYER, "dst": "old"}))
    with create_session() as session:
        session.execute(delete(Rendered).where(Rendered.run_id == run.run_id))
    assert served.get(f"{run.tab}/items", headers=admin).json()["total"] == 2
    assert served.get(f"{run.tab.replace('save_masks/-1', 'data_1/-1')}/items", headers=admin).status_code == 404


@pytest.mark.usefixtures("shown")  # or the DAGs are not stored yet
@pytest.mark.parametrize(
    ("dag_id", "task_id", "map_index", "conn_id"),
    [
        ("golden_case", "save_masks", -1, "golden_team_files"),
        ("secret_case", "save_masks", 1, "nested_team_files"),
        ("golden_case", "data_1", -1, None),
        ("golden_case", "gone", -1, None),
    ],
)
def test_a_connection_that_airflow_has_forgotten_is_that_of_the_dag(
    dag_id: str, task_id: str, map_index: int, conn_id: str | None
) -> None:
    from airflow_savemasks.ui.access import record_of

    run_id = f"forgotten_{task_id}"
    add_task(dag_id, run_id, add_run(dag_id, run_id), task_id, map_index)
    found = record_of(dag_id, run_id, task_id, map_index)
    assert (found.ours, found.conn_id) == (conn_id is not None, conn_id)
