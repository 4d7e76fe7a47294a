"""An export into a folder grows one file, which becomes the archive; a retry goes on at its end."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine import export as engine
from airflow_savemasks.engine.errors import BadItemsError, StorageError
from airflow_savemasks.engine.parts.batches import make_batches
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.publish import publishing
from airflow_savemasks.engine.storage import open_files
from airflow_savemasks.engine.storage.base import Range
from airflow_savemasks.engine.storage.folder import FolderStorage
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.storage.temporary import is_temporary_of, temporary_name
from tests.engine.samples import WORK, job_of, layer, make_project, plan_of, run


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_savemasks.engine.parts.plan.PART_ITEMS", 4)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=40)


@pytest.fixture
def wanted(project: Path, tmp_path: Path) -> bytes:
    """The archive of an undisturbed export."""
    return Path(run(project, tmp_path / "undisturbed")["archive"]).read_bytes()


@contextmanager
def unreadable(project: Path, name: str) -> Iterator[None]:
    """A picture that does not decode for a while, as if the disk had failed: the plan stays the same."""
    picture = project / "ds0/img" / name
    good, seen = picture.read_bytes(), picture.stat()
    for content in (bytes(len(good)), good):
        picture.write_bytes(content)
        os.utime(picture, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        if content != good:
            yield


def fail_half_way(project: Path, out: Path, bad: str = "0023.png", **options: Any) -> list[str]:
    """An export that one bad item fails; returns the files that it leaves behind."""
    with unreadable(project, bad), pytest.raises(BadItemsError):
        run(project, out, **options)
    return sorted(path.name for path in (out / WORK).iterdir())


def die_before_the_manifest(project: Path, out: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing, "_commit", lambda *_: (_ for _ in ()).throw(StorageError("x", "no power", "plug it")))
        with pytest.raises(StorageError):
            run(project, out)


def growing_of(out: Path) -> Path:
    (found,) = (out / WORK).glob("*.growing")
    return found


def test_parts_stand_in_one_file_until_the_archive_is_published(project: Path, wanted: bytes, tmp_path: Path) -> None:
    names = fail_half_way(project, tmp_path / "out")
    assert [name.rpartition(".")[2] for name in names if not name.endswith(("receipt", "jsonl", "json"))] == ["growing"]
    inode = growing_of(tmp_path / "out").stat().st_ino
    archive = Path(run(project, tmp_path / "out")["archive"])
    assert archive.read_bytes() == wanted
    assert not (tmp_path / "out/.parts").exists()
    assert inode != archive.stat().st_ino, "one part came later than its place, so this archive was copied together"


def test_a_published_growing_archive_is_not_copied(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("copied")

    monkeypatch.setattr(FolderStorage, "_copy", refuse)
    assert run(project, tmp_path / "out")["items"]["rendered"] > 3
    assert Path(tmp_path / "out/export.tar").stat().st_nlink == 1


def test_what_a_killed_try_wrote_after_its_last_receipt_is_cut_off(
    project: Path, wanted: bytes, tmp_path: Path
) -> None:
    fail_half_way(project, tmp_path / "out")
    with growing_of(tmp_path / "out").open("ab") as file:
        file.write(b"half a part")
    assert Path(run(project, tmp_path / "out")["archive"]).read_bytes() == wanted


def test_a_try_that_died_between_archive_and_manifest_loses_nothing_and_its_archive_stays_whole(
    project: Path, wanted: bytes, tmp_path: Path
) -> None:
    archive = tmp_path / "out/export.tar"
    die_before_the_manifest(project, tmp_path / "out")
    assert archive.read_bytes() == wanted
    handle = archive.open("rb")  # somebody reads it meanwhile
    result = run(project, tmp_path / "out")
    assert result["items"]["rendered"] == 0
    assert archive.read_bytes() == handle.read() == wanted
    handle.close()


def test_a_published_archive_is_never_written_on(project: Path, wanted: bytes, tmp_path: Path) -> None:
    """The link of a try that died stays below `.parts`: another try with everything to render takes another file."""
    archive = tmp_path / "out/export.tar"
    die_before_the_manifest(project, tmp_path / "out")
    handle = archive.open("rb")
    assert run(project, tmp_path / "out", reuse=False)["items"]["reused"] == 0
    assert handle.read() == archive.read_bytes() == wanted
    handle.close()


def test_a_growing_archive_that_was_published_while_it_was_opened_is_not_written(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    with storage.growing(".parts/a/x.growing") as file:
        assert file is not None
        file.write(b"head and parts")
    (tmp_path / ".parts/a/x.growing").rename(tmp_path / "published.tar")
    before = open_files.lock

    def late(file: Any) -> bool:
        """The other process publishes and deletes the growing archive after it was opened here."""
        (tmp_path / ".parts/a/x.growing").unlink()
        return before(file)

    os.link(tmp_path / "published.tar", tmp_path / ".parts/a/x.growing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airflow_savemasks.engine.storage.folder.lock", late)
        with storage.growing(".parts/a/x.growing") as file:
            assert file is None
    assert (tmp_path / "published.tar").read_bytes() == b"head and parts"


def test_a_growing_archive_that_somebody_has_open_is_copied_and_not_waited_for(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path)
    with storage.growing(".parts/a/x.growing") as file:
        assert file is not None
        file.write(b"parts")
        storage.compose("a.tar", [Range(".parts/a/x.growing", 0, 5), b" and end"])
    assert (tmp_path / "a.tar").read_bytes() == b"parts and end"
    assert (tmp_path / ".parts/a/x.growing").read_bytes() == b"parts"
    storage.compose("a.tar", [Range(".parts/a/x.growing", 0, 5), b" and end"])
    assert (tmp_path / "a.tar").stat().st_nlink == 2
    storage.compose("b.tar", [Range(".parts/a/x.growing", 0, 5), b" and end"])
    assert (tmp_path / "b.tar").read_bytes() == (tmp_path / "a.tar").read_bytes() == b"parts and end"
    assert not list(tmp_path.glob(".*.tmp"))


def test_a_full_disk_at_the_last_moment_leaves_the_growing_archive_as_it_was(
    project: Path, wanted: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(StorageError, match="No space"):
        patch.setattr(os, "fsync", full)
        run(project, tmp_path / "out")
    assert not (tmp_path / "out/export.tar").exists()
    monkeypatch.setattr(FolderStorage, "_copy", lambda *_: pytest.fail("copied"))
    result = run(project, tmp_path / "out")
    assert Path(result["archive"]).read_bytes() == wanted
    assert result["items"]["rendered"] == 0


def test_parts_that_other_workers_made_are_written_behind_a_growing_archive(
    project: Path, wanted: bytes, tmp_path: Path
) -> None:
    """The single task failed at the last item; the fanned-out export makes that one."""
    fail_half_way(project, tmp_path / "out", "0039.png")
    team_files, job = open_storage(str(tmp_path / "out")), job_of(project)
    files = plan_of(job, team_files)
    (batch,) = make_batches(files, 5)
    outcome = engine.render_batch(job, team_files, files, batch, threading.Event(), Progress())
    engine.assemble(job, team_files, files, engine.Rendered(outcome.rendered))
    assert outcome.rendered == 1
    assert (tmp_path / "out/export.tar").read_bytes() == wanted


def test_a_damaged_receipt_costs_its_items_and_no_more(project: Path, wanted: bytes, tmp_path: Path) -> None:
    fail_half_way(project, tmp_path / "out")
    receipts = sorted((tmp_path / "out" / WORK).glob("*.receipt"))
    lost = sum(json.loads(receipt.read_bytes().partition(b"\n")[0])["items"] for receipt in receipts[:2])
    receipts[0].write_bytes(b"")
    receipts[1].write_bytes(b'{"digest": "of an older version"}\n')
    result = run(project, tmp_path / "out")
    assert result["items"] == {"rendered": 1 + lost, "reused": 39 - lost, "skipped": 0}
    assert Path(result["archive"]).read_bytes() == wanted


def test_growing_archives_of_tries_that_died_before_their_first_part_are_removed(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out" / WORK
    folder.mkdir(parents=True)
    (folder / "dead.growing").write_bytes(b"half a part")
    with (folder / "alive.growing").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        names = fail_half_way(project, tmp_path / "out")
    assert "dead.growing" not in names
    assert "alive.growing" in names


def test_what_dead_writers_of_volumes_and_renamed_archives_left_is_swept(tmp_path: Path) -> None:
    for name in ("export-00002.tar", "export_001.tar", "export_001.manifest.json", "export2.tar", "export.tar"):
        (tmp_path / temporary_name(name)).touch()
    assert FolderStorage(tmp_path).remove_abandoned(WORK, ["export.tar", "export.manifest.json"]) == 4
    (left,) = tmp_path.iterdir()
    assert is_temporary_of(left.name, ["export2.tar"])


def test_without_hard_links_it_is_copied(
    project: Path, wanted: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert Path(run(project, tmp_path / "out")["archive"]).read_bytes() == wanted
    assert not (tmp_path / "out/.parts").exists()


def test_parts_get_files_of_their_own_while_another_process_has_the_growing_archive(
    project: Path, wanted: bytes, tmp_path: Path
) -> None:
    fail_half_way(project, tmp_path / "out")
    with growing_of(tmp_path / "out").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert Path(run(project, tmp_path / "out")["archive"]).read_bytes() == wanted
    modes = {path.stat().st_mode for path in (tmp_path / "out").iterdir()}
    assert len(modes) == 1, "archive, index and manifest get the same rights"


def test_a_growing_archive_that_lost_its_beginning_is_not_published(
    project: Path, wanted: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts are checked by their SHA-256 after a loss of power, the head by its bytes."""
    fail_half_way(project, tmp_path / "out")
    with growing_of(tmp_path / "out").open("r+b") as file:
        file.write(bytes(600))
    monkeypatch.setattr("airflow_savemasks.engine.storage.folder.boot", lambda: "anotherboot")
    result = run(project, tmp_path / "out")
    assert Path(result["archive"]).read_bytes() == wanted
    assert result["items"]["rendered"] == 1


def test_rendering_everything_again_leaves_what_receipts_name(project: Path, wanted: bytes, tmp_path: Path) -> None:
    """Whoever reads a part while another try renders it again reads the same bytes."""
    fail_half_way(project, tmp_path / "out")
    growing = growing_of(tmp_path / "out")
    before = growing.read_bytes()
    with unreadable(project, "0000.png"), pytest.raises(BadItemsError):
        run(project, tmp_path / "out", reuse=False)
    assert growing.read_bytes() == before
    assert len(list(growing.parent.glob("*.growing"))) == 2
    result = run(project, tmp_path / "out")
    assert result["items"]["rendered"] == 0, "each item is finished in one of the two"
    assert Path(result["archive"]).read_bytes() == wanted


def test_volumes_are_made_of_the_parts_in_a_growing_archive_too(project: Path, tmp_path: Path) -> None:
    fail_half_way(project, tmp_path / "out")
    cut = run(project, tmp_path / "out", volume_size=400_000)
    fresh = run(project, tmp_path / "fresh", volume_size=400_000)
    assert len(cut["volumes"]) > 1
    for one, other in zip(cut["volumes"], fresh["volumes"], strict=True):
        assert Path(one).read_bytes() == Path(other).read_bytes()


def test_a_growing_archive_of_another_plan_is_used_up_and_removed(project: Path, tmp_path: Path) -> None:
    fail_half_way(project, tmp_path / "out")
    (project / "ds0/img/0039.png").unlink()
    (project / "ds0/ann/0039.png.json").unlink()
    result = run(project, tmp_path / "out")
    assert result["items"]["reused"] > 0
    assert Path(result["archive"]).read_bytes() == Path(run(project, tmp_path / "fresh")["archive"]).read_bytes()
    assert not (tmp_path / "out/.parts").exists()


def test_another_layer_starts_a_growing_archive_of_its_own(project: Path, wanted: bytes, tmp_path: Path) -> None:
    fail_half_way(project, tmp_path / "out")
    other = layer(masks_human=False)
    assert run(project, tmp_path / "out", other)["items"]["reused"] == 0
    assert Path(run(project, tmp_path / "out")["archive"]).read_bytes() == wanted
