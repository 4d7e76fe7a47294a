"""What somebody tries who may see the Masks tab, or may write beside it; and what changes while it is looked at."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.ui import shelf
from tests.airflow.ui.runs import Run, export, finished, set_xcom, xcom
from tests.engine.samples import LAYER, add_item, make_project

HUGE = "9" * 40


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (f"items?offset={HUGE}", 422),
        ("items?offset=-1", 422),
        ("items?offset=100000000", 200),
        (f"items?limit={HUGE}", 422),
        ("items?limit=0", 422),
        (f"items?q={'a' * 501}", 422),
        (f"skipped?offset={HUGE}", 422),
        (f"bad?offset={HUGE}", 422),
        (f"download/archive?volume={HUGE}", 404),
        ("download/archive?volume=0", 422),
        ("download/..%2f..%2fsecret.tar", 404),
        ("download/%00", 404),
        (f"items/0/files/human?max_side={HUGE}", 200),
        ("items/0/files/human?max_side=0", 422),
        (f"items/{HUGE}", 404),
        ("items/0x0", 422),
    ],
)
def test_numbers_that_are_none_or_too_large(served: Any, admin: Any, shown: Run, asked: str, status: int) -> None:
    answer = served.get(f"{shown.tab}/{asked}", headers=admin)
    assert answer.status_code == status, answer.text[:200]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("index", ["../0", "..%2f0", "٣", "-2", HUGE, "0x0", "0%00", "%2e%2e"])
def test_no_map_index_leads_elsewhere(served: Any, admin: Any, shown: Run, index: str) -> None:
    """What is no number means a task that is not mapped, as Airflow's own `{MAP_INDEX}` does; others are none."""
    answer = served.get(f"{shown.tab.removesuffix('-1')}{index}/items", headers=admin)
    assert answer.status_code == 404 or answer.json()["total"] == 7


@pytest.mark.parametrize(
    "header", ["bytes=0-3", "bytes=5-2", "bytes=0-0,2-3", f"bytes={HUGE}-", "bytes=-1", "bytes=", "lines=1-2", "\x7f"]
)
@pytest.mark.parametrize(
    "asked", ["items/0/files/human", "items/0/files/annotation", "download/archive", "items/0/zip"]
)
def test_a_range_is_a_wish_that_is_not_granted(served: Any, admin: Any, shown: Run, asked: str, header: str) -> None:
    whole = served.get(f"{shown.tab}/{asked}", headers=admin)
    answer = served.get(f"{shown.tab}/{asked}", headers={**admin, "Range": header})
    assert (answer.status_code, len(answer.content)) == (200, len(whole.content))


@pytest.mark.parametrize(
    "uri",
    [
        "/etc/x.bad_items.jsonl",
        "s3://somebody/x.bad_items.jsonl",
        "{root}/../x.bad_items.jsonl",
        "{root}/a/../../x.bad_items.jsonl",
        "{root}/link.bad_items.jsonl",
        "{root}/shown.tar",
        "{root}/.bad_items.jsonl/..",
        "{root}",
        "x.bad_items.jsonl",
        7,
        None,
    ],
)
def test_bad_items_that_are_named_elsewhere_are_not_read(
    served: Any, admin: Any, shown: Run, team_files: Path, uri: Any
) -> None:
    secret = team_files.parent / "x.bad_items.jsonl"
    secret.write_text('{"item": "secret", "place": "secret", "fact": "secret", "fix": "secret"}\n')
    (team_files / "link.bad_items.jsonl").unlink(missing_ok=True)
    (team_files / "link.bad_items.jsonl").symlink_to(secret)
    before = xcom(shown.dag_id, shown.run_id, "save_masks", "savemasks")
    told = uri.replace("{root}", str(team_files)) if isinstance(uri, str) else uri
    set_xcom(shown, {"bad_items": told}, "savemasks")
    try:
        for asked in ("bad", "download/bad_items"):
            answer = served.get(f"{shown.tab}/{asked}", headers=admin)
            assert answer.status_code in (404, 409, 502), answer.text
            assert '"secret"' not in answer.text
    finally:
        set_xcom(shown, before, "savemasks")


@pytest.mark.parametrize(
    "line", [b"[]", b"null", b"7", b'"text"', b"{", b"\xff\xfe", b'{"item": {"a": [1]}, "fact": null, "fix": 3}']
)
def test_a_line_of_bad_items_that_is_none_is_shown_as_damaged(
    served: Any, admin: Any, shown: Run, team_files: Path, line: bytes
) -> None:
    file = team_files / "shown.bad_items.jsonl"
    file.write_bytes(line + b'\n{"item": "a", "place": "b", "fact": "c", "fix": "d"}\n')
    try:
        told = served.get(f"{shown.tab}/bad", headers=admin).json()
    finally:
        file.unlink()
    assert told["total"] == 2
    assert told["rows"][1] == {"item": "a", "place": "b", "fact": "c", "fix": "d", "preview": ""}
    assert all(isinstance(value, str) for value in told["rows"][0].values())


@pytest.mark.parametrize("value", [7, "text", {"a": 1}, [7, None, {"a": 1}], [["x"]], None])
def test_a_result_of_other_types_is_no_error_of_the_server(served: Any, admin: Any, shown: Run, value: Any) -> None:
    names = ("warnings", "skipped", "items", "seconds", "bytes", "unchanged", "manifest")
    set_xcom(shown, {**shown.result, **dict.fromkeys(names, value)})
    try:
        for asked in ("summary", "archive", "items"):
            assert served.get(f"{shown.tab}/{asked}", headers=admin).status_code == 200
    finally:
        set_xcom(shown, shown.result)


@pytest.fixture
def fresh(dags: Any, team_files: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Run:
    """A run whose archive nobody else looks at, and its name."""
    return finished(export(dags, make_project(tmp_path / "project", 3), {**LAYER, "dst": request.node.name}))


def replace(dags: Any, tmp_path: Path, name: str) -> Run:
    """Another export of the same name, with other pictures."""
    project = make_project(tmp_path / "other", 0)
    for number in range(3):
        add_item(project, f"{number:04d}.png", 50 + number)
    return finished(export(dags, project, {**LAYER, "dst": name}))


@pytest.mark.parametrize("asked", ["items/0/files/picture", "items/0/files/human?max_side=256", "items/0/zip"])
def test_an_archive_that_is_replaced_while_it_is_looked_at(
    served: Any, admin: Any, dags, fresh: Run, tmp_path: Path, asked: str, request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Never the bytes of another item, nor those under its mark for good: an error that says so, then what is there."""
    monkeypatch.setattr(shelf, "LOOKED_FOR", 600.0)  # the export below may take longer than the two seconds of others
    mark = served.get(f"{fresh.tab}/items/0", headers=admin).json()["files"]["picture"]["mark"]
    replace(dags, tmp_path, request.node.name)
    answer = served.get(f"{fresh.tab}/{asked}", headers=admin)
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/json")
    assert "was replaced" in answer.json()["fact"]
    assert served.get(f"{fresh.tab}/{asked}", headers=admin).status_code == 200
    now = served.get(f"{fresh.tab}/items/0/files/picture?mark={mark}", headers=admin)
    assert now.headers["cache-control"] == "private, no-cache", (
        "the browser must not keep other bytes under the old mark"
    )


@pytest.mark.parametrize("damage", ["cut", "empty", "other", "gone"])
def test_an_index_that_is_damaged_is_an_error_in_words(
    served: Any, admin: Any, fresh: Run, team_files: Path, damage: str
) -> None:
    index = Path(fresh.result["index"])
    before, content = index.stat(), index.read_bytes()
    spoiled = {"cut": content[:-200], "empty": b"", "other": content.replace(b"ds0/", b"ds1/"), "gone": b""}[damage]
    index.write_bytes(spoiled)
    os.utime(index, ns=(before.st_atime_ns, before.st_mtime_ns))
    if damage == "gone":
        index.unlink()
    answer = served.get(f"{fresh.tab}/items", headers=admin)
    assert answer.status_code in (409, 502), answer.text
    assert answer.json()["fact"]
    assert answer.json()["fix"]
    index.write_bytes(content)
    os.utime(index, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert served.get(f"{fresh.tab}/items", headers=admin).json()["total"] == 3


def test_many_who_ask_for_one_preview_get_one(
    served: Any, admin: Any, fresh: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_savemasks.ui import previews

    made, answers, make = [], [], previews.make
    monkeypatch.setattr(previews, "make", lambda *words, **more: made.append(1) or make(*words, **more))

    def ask() -> None:
        answers.append(served.get(f"{fresh.tab}/items/2/files/human?max_side=256", headers=admin))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == len(made) == 1


def test_an_archive_in_an_instance_is_said_not_to_be_shown(
    served: Any, admin: Any, shown: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is asked of the instance for that."""
    from airflow_savemasks.ui import shelf

    class Instance:
        keeps_parts = True
        uri = "supervisely://team_files/7"

        def locate(self, path: str) -> str:
            return f"{self.uri}/{path}" if path else self.uri

    monkeypatch.setattr(shelf.Shelf, "_storage", lambda *_, **__: Instance())
    set_xcom(shown, {**shown.result, "archive": "supervisely://team_files/7/a.tar"})
    try:
        answer = served.get(f"{shown.tab}/archive", headers=admin)
    finally:
        set_xcom(shown, shown.result)
    assert answer.status_code == 409
    assert json.loads(answer.text)["fact"] == (
        "lies in the Team Files of an instance, of which no ranges can be read: its masks are not shown here"
    )
