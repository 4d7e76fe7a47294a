"""Archives that the Masks tab keeps open: how many, and for whom; and a zip of what nobody vouches for."""

from __future__ import annotations

import io
import json
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks import open_archive
from airflow_savemasks.ui import deliver, shelf
from airflow_savemasks.ui.access import TaskRecord
from airflow_savemasks.ui.shelf import Shelf
from tests.engine.samples import layer, make_project, run


@pytest.fixture
def project(airflow_home: Path, tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", 2)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Of the connection `here`."""
    connected(monkeypatch, tmp_path / "root")
    return tmp_path / "root"


def connected(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HERE", json.dumps({"conn_type": "savemasks", "host": str(root)}))


def record_of(result: dict[str, Any]) -> TaskRecord:
    """A task that has returned this result."""
    texts = dict.fromkeys(("label", "state", "operator", "executor", "started", "ended"))
    given = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "try_number": 1, **texts}
    return TaskRecord(**given, ours=True, conn_id="here", result=result)


def made(project: Path, root: Path, count: int) -> list[TaskRecord]:
    return [record_of(run(project, root, layer(dst=f"a{number}"))) for number in range(count)]


@pytest.mark.parametrize("bound", [{"MOST": 2}, {"MOST_ITEMS": 4}, {"MOST_ITEMS": 5}])
def test_the_last_archives_stay_open_and_the_one_that_was_looked_at_longest_ago_goes(
    project: Path, root: Path, bound: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in bound.items():
        monkeypatch.setattr(shelf, name, value)
    first, second, third = made(project, root, 3)
    kept = Shelf()
    opened = [kept.archive(one) for one in (first, second)]
    assert kept.archive(first) is opened[0]
    assert kept.archive(third).name == "a2"
    assert kept.archive(first) is opened[0], "it was looked at after the second one"
    assert kept.archive(second) is not opened[1]


def test_the_last_archive_stays_open_however_large_it_is(
    project: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "MOST_ITEMS", 1)
    first, second = made(project, root, 2)
    kept = Shelf()
    opened = kept.archive(first)
    assert kept.archive(first) is opened
    assert kept.archive(second) is not opened
    assert kept.archive(first) is not opened


def test_a_connection_whose_root_was_changed_is_looked_up_again(
    project: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (before,) = made(project, root, 1)
    (after,) = made(project, tmp_path / "other", 1)
    kept = Shelf()
    assert kept.archive(before).archive.uri == before.result["archive"]
    connected(monkeypatch, tmp_path / "other")
    assert kept.archive(after).archive.uri == after.result["archive"]


def test_no_name_in_a_zip_leads_out_of_the_folder_that_it_is_unpacked_in(project: Path, root: Path) -> None:
    """Whatever an index says that somebody wrote beside the archive, and vouches for."""
    from airflow_savemasks.engine.archive.published import seal
    from airflow_savemasks.engine.storage.opening import open_storage

    archive = run(project, root, layer(dst="a"))["archive"]
    index, manifest = root / "a.index.jsonl", root / "a.manifest.json"
    index.write_text(index.read_text().replace('"ds0/img/0000.png"', '"/../ds0/./..//x.png"'))
    raw = json.loads(manifest.read_text())
    entry = open_storage(str(root)).stat("a.index.jsonl")
    raw["index"] |= {"size": entry.size, "identity": entry.identity, "sha256": sha256(index.read_bytes()).hexdigest()}
    manifest.write_bytes(seal(raw))
    item = open_archive(archive)[0]
    assert item.files["picture"] == "/../ds0/./..//x.png"
    with zipfile.ZipFile(io.BytesIO(b"".join(deliver._zipped(item)))) as packed:
        assert "ds0/x.png" in packed.namelist()
        assert not [name for name in packed.namelist() if name.startswith("/") or ".." in name]
        assert packed.read("ds0/x.png") == (project / "ds0/img/0000.png").read_bytes()


@pytest.mark.parametrize(("instances", "kinds", "visible"), [(None, 0, 0), ("ids", 0, 2), ("files", 2, 0)])
def test_an_item_in_a_list_says_whether_there_is_more_of_its_labels_and_tells_it_by_itself_alone(
    project: Path, root: Path, instances: str | None, kinds: int, visible: int
) -> None:
    """An item may have thousands of files of labels, and a page has two hundred items."""
    from airflow_savemasks.ui.telling import item

    one = open_archive(run(project, root, layer(dst="a"), instances=instances)["archive"])[0]
    listed, whole = item(one), item(one, whole=True)
    own = [kind for kind in whole["files"] if kind.startswith("instances/")]
    assert (len(own), len(whole["visible"])) == (kinds, visible)
    assert set(listed["files"]) == set(whole["files"]) - set(own)
    assert (listed["visible"], listed["more"], whole["more"]) == ([], instances is not None, False)
