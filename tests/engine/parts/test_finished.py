"""What is finished is found by its key, in archives and parts, in one pass over each."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.archive.published import seal
from airflow_savemasks.engine.errors import BadItemsError
from airflow_savemasks.engine.parts.finished import Finished
from airflow_savemasks.engine.parts.resume import find_finished
from airflow_savemasks.engine.parts.seen import look
from airflow_savemasks.engine.planning.listing import list_items
from airflow_savemasks.engine.project.remarks import Remarks
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import WORK, add_item, job_of, layer, make_project, plan_of, run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=20)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_savemasks.engine.parts.plan.PART_ITEMS", 3)


def found(project: Path, storage: FolderStorage, **options: Any) -> list[str]:
    """Names of the items that are finished."""
    job = job_of(project, **options)
    finished = find_finished(job, storage, look(job, storage))
    files = plan_of(job, FolderStorage(storage.root.with_name("plans")))
    return [one.name for one in files.items() if isinstance(finished.find(one), Finished)]


def test_what_changed_between_two_tries_costs_what_changed(project: Path, tmp_path: Path) -> None:
    """Parts of the first try are of use although the items around a changed one are others now."""
    (project / "ds0/img/0013.png").write_bytes(b"x")
    with pytest.raises(BadItemsError):
        run(project, tmp_path / "out")
    add_item(project, "0013.png", seed=13)
    add_item(project, "0004.png", seed=400)
    add_item(project, "0000a.png", seed=401)
    (project / "ds0/img/0009.png").unlink()
    (project / "ds0/ann/0009.png.json").unlink()
    result = run(project, tmp_path / "out")
    assert result["items"] == {"rendered": 3, "reused": 17, "skipped": 0}
    assert Path(result["archive"]).read_bytes() == Path(run(project, tmp_path / "fresh")["archive"]).read_bytes()


def test_items_come_from_the_archive_and_from_parts_at_once(project: Path, tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path / "out")
    run(project, storage)
    for number in range(0, 20, 3):
        add_item(project, f"{number:04}.png", seed=100 + number)
    (project / "ds0/img/0001.png").write_bytes(b"x")
    with pytest.raises(BadItemsError):
        run(project, storage)
    assert len(found(project, storage)) == 19
    add_item(project, "0001.png", seed=1)
    assert run(project, storage)["items"] == {"rendered": 1, "reused": 19, "skipped": 0}


def test_nothing_is_found_where_nothing_may_be_reused(project: Path, tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path / "out")
    run(project, storage)
    assert len(found(project, storage)) == 20
    assert found(project, storage, reuse=False) == []


def test_what_stands_behind_a_damaged_line_of_a_sealed_index_is_rendered(project: Path, tmp_path: Path) -> None:
    """The manifest vouches for the index by its identity; a disk that lies is met with what can still be read."""
    storage = FolderStorage(tmp_path / "out")
    run(project, storage)
    index = tmp_path / "out/export.index.jsonl"
    seen, lines = index.stat(), index.read_bytes().splitlines(keepends=True)
    lines[7] = b"?" + lines[7][1:]
    index.write_bytes(b"".join(lines))
    os.utime(index, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert found(project, storage) == [f"{number:04}.png" for number in range(7)]
    add_item(project, "0019.png", seed=99)
    result = run(project, storage)
    assert result["items"] == {"rendered": 13, "reused": 7, "skipped": 0}
    assert Path(result["archive"]).read_bytes() == Path(run(project, tmp_path / "fresh")["archive"]).read_bytes()


def test_a_line_that_points_outside_of_its_archive_is_not_believed(project: Path, tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path / "out")
    run(project, storage)
    index = tmp_path / "out/export.index.jsonl"
    good, seen = index.read_bytes(), index.stat()
    lines = good.splitlines(keepends=True)
    for field, value in (("volume", 7), ("offset", 10**9)):
        odd = lines[:]
        odd[3] = json.dumps({**json.loads(lines[3]), field: value}).encode() + b"\n"
        index.write_bytes(b"".join(odd))
        os.utime(index, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        manifest = json.loads((tmp_path / "out/export.manifest.json").read_text())
        manifest.pop("sha256")
        entry = storage.stat("export.index.jsonl")
        assert entry is not None
        manifest["index"] |= {"size": entry.size, "identity": entry.identity}
        (tmp_path / "out/export.manifest.json").write_bytes(seal(manifest))
        assert found(project, storage) == ["0000.png", "0001.png", "0002.png"]


def test_a_manifest_of_the_version_before_is_rendered_anew_with_a_line_that_says_so(
    project: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    storage = FolderStorage(tmp_path / "out")
    run(project, storage)
    manifest = json.loads((tmp_path / "out/export.manifest.json").read_text())
    manifest.pop("sha256")
    (tmp_path / "out/export.manifest.json").write_bytes(seal({**manifest, "format": 2}))
    assert run(project, storage)["items"]["rendered"] == 20
    assert "everything is rendered: it is of another version: it has the format 2, and 3 is read here" in caplog.text


def test_nothing_changed_is_a_result_of_its_own_and_nothing_is_written(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run(project, out)
    before = {path.name: path.stat() for path in out.iterdir()}
    again = run(project, out)
    assert first["unchanged"] is False
    assert again["unchanged"] is True
    assert again["items"] == {"rendered": 0, "reused": 20, "skipped": 0}
    same = ("archive", "manifest", "index", "skipped", "files", "bytes", "unannotated", "orphans", "warnings")
    assert all(again[field] == first[field] for field in same)
    assert {path.name: path.stat()[:9] for path in out.iterdir()} == {name: s[:9] for name, s in before.items()}


@pytest.mark.parametrize(
    "change",
    [
        lambda project, out: (project / "ds0/img/0003.png").touch(),
        lambda project, out: (project / "ds0/img/notes.txt").write_text("a new warning"),
        lambda project, out: (project / "ds0/ann/lost.png.json").write_text("{}"),
        lambda project, out: os.utime(out / "export.tar", (1, 1)),
        lambda project, out: os.utime(out / "export.index.jsonl", (1, 1)),
        lambda project, out: (out / "export.manifest.json").unlink(),
        lambda project, out: (out / "export.tar").unlink(),
    ],
)
def test_something_changed_is_not_taken_for_nothing(project: Path, tmp_path: Path, change: Any) -> None:
    run(project, tmp_path / "out")
    change(project, tmp_path / "out")
    result = run(project, tmp_path / "out")
    assert result["unchanged"] is False
    assert Path(result["archive"]).read_bytes() == Path(run(project, tmp_path / "fresh")["archive"]).read_bytes()
    assert not (tmp_path / "out" / WORK).exists()


def test_other_volumes_and_other_settings_are_not_nothing(project: Path, tmp_path: Path) -> None:
    run(project, tmp_path / "out")
    assert not run(project, tmp_path / "out", volume_size=40_000)["unchanged"]
    assert run(project, tmp_path / "out", volume_size=40_000)["unchanged"]
    assert not run(project, tmp_path / "out", volume_size=50_000)["unchanged"]
    assert not run(project, tmp_path / "out", layer(masks_human=False), volume_size=50_000)["unchanged"]


def test_what_could_not_be_read_is_tried_again_although_nothing_changed(project: Path, tmp_path: Path) -> None:
    job, storage = job_of(project, on_bad_item="skip"), FolderStorage(tmp_path / "out")
    from airflow_savemasks.engine.publish.assemble import Rendered, assemble
    from tests.engine.samples import render

    files = plan_of(job, storage)
    picture = project / "ds0/img/0005.png"
    picture.rename(tmp_path / "away")
    outcome = render(job, storage, files)
    assert assemble(job, storage, files, Rendered(outcome.rendered))["items"]["skipped"] == 1
    (tmp_path / "away").rename(picture)
    result = run(project, storage, on_bad_item="skip")
    assert result["items"] == {"rendered": 1, "reused": 19, "skipped": 0}


def test_as_many_skipped_as_may_be_are_nothing_new(project: Path, tmp_path: Path) -> None:
    for number in (2, 5):
        (project / f"ds0/img/{number:04}.png").write_bytes(b"x")
    run(project, tmp_path / "out", on_bad_item="skip", max_skipped=2)
    again = run(project, tmp_path / "out", on_bad_item="skip", max_skipped=2)
    assert again["unchanged"]
    with pytest.raises(BadItemsError, match="max_skipped above 1"):
        run(project, tmp_path / "out", on_bad_item="skip", max_skipped=1)


def test_a_line_that_points_outside_of_its_part_is_not_believed(project: Path, tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path / "out")
    (project / "ds0/img/0019.png").write_bytes(b"x")
    with pytest.raises(BadItemsError):
        run(project, storage)
    assert len(found(project, storage)) == 19
    receipt = min((tmp_path / "out" / WORK).glob("*.receipt"))
    head, *lines = receipt.read_bytes().splitlines(keepends=True)
    last = json.loads(lines[-1])
    for size, believed in ((last["size"], 19), (last["size"] + 1, 18)):
        lines[-1] = json.dumps({**last, "size": size}).encode() + b"\n"
        receipt.write_bytes(head + b"".join(lines))
        assert len(found(project, storage)) == believed


def test_receipts_are_read_once_while_they_are_small_together(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FolderStorage(tmp_path / "out")
    (project / "ds0/img/0019.png").write_bytes(b"x")
    with pytest.raises(BadItemsError):
        run(project, storage)
    read: list[str] = []
    stream = FolderStorage.stream

    def counted(self: FolderStorage, path: str, *rest: Any) -> Any:
        read.append(path)
        return stream(self, path, *rest)

    monkeypatch.setattr(FolderStorage, "stream", counted)
    for most, times in ((1 << 20, 1), (0, 2)):
        monkeypatch.setattr("airflow_savemasks.engine.parts.receipts.HELD_BYTES", most)
        read.clear()
        job = job_of(project)
        finished = find_finished(job, storage, look(job, storage))
        for planned in list_items(job_of(project), Remarks()):
            finished.find(planned)
        receipts = [path for path in read if path.endswith(".receipt")]
        assert len(receipts) == times * len(set(receipts)) > 0
