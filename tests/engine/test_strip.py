"""An export into a folder grows one file, which becomes the archive; a retry goes on at its end."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine import publish
from airflow_savemasks.engine.errors import BadItemsError, StorageError
from airflow_savemasks.engine.storages.folder import FolderStorage
from tests.engine.samples import layer, make_project, run


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_savemasks.engine.plan.PART_BYTES", 100_000)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=40)


@pytest.fixture
def wanted(project: Path, tmp_path: Path) -> bytes:
    """The archive of an undisturbed export."""
    return Path(run(project, tmp_path / "undisturbed")["archive"]).read_bytes()


def fail_half_way(project: Path, out: Path, **options: Any) -> list[str]:
    """An export that one bad item fails; returns the files that it leaves behind."""
    bad = project / "ds0/img/0023.png"
    good = bad.read_bytes()
    seen = bad.stat()
    bad.write_bytes(bytes(len(good)))
    os.utime(bad, ns=(seen.st_atime_ns, seen.st_mtime_ns))  # the same plan, as if the disk had failed
    with pytest.raises(BadItemsError):
        run(project, out, **options)
    bad.write_bytes(good)
    os.utime(bad, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    return sorted(path.name for path in (out / ".parts/export").iterdir())


def strip_of(out: Path) -> Path:
    (found,) = (out / ".parts/export").glob("*.strip")
    return found


def test_parts_stand_in_one_file_until_the_archive_is_published(project: Path, wanted: bytes, tmp_path: Path) -> None:
    names = fail_half_way(project, tmp_path / "out")
    assert [name.rpartition(".")[2] for name in names if not name.endswith(("receipt", "jsonl", "json"))] == ["strip"]
    inode = strip_of(tmp_path / "out").stat().st_ino
    archive = Path(run(project, tmp_path / "out")["archive"])
    assert archive.read_bytes() == wanted
    assert not (tmp_path / "out/.parts").exists()
    assert inode != archive.stat().st_ino, "one part came later than its place, so this archive was copied together"


def test_a_published_strip_is_not_copied(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("copied")

    monkeypatch.setattr(FolderStorage, "_copy", refuse)
    assert run(project, tmp_path / "out")["parts"]["rendered"] > 3
    assert Path(tmp_path / "out/export.tar").stat().st_nlink == 1


def test_what_a_killed_try_wrote_after_its_last_receipt_is_cut_off(
    project: Path, wanted: bytes, tmp_path: Path
) -> None:
    fail_half_way(project, tmp_path / "out")
    with strip_of(tmp_path / "out").open("ab") as file:
        file.write(b"half a part")
    assert Path(run(project, tmp_path / "out")["archive"]).read_bytes() == wanted


def test_a_try_that_died_between_archive_and_manifest_loses_nothing_and_its_archive_stays_whole(
    project: Path, wanted: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "out/export.tar"
    with monkeypatch.context() as patch:
        patch.setattr(publish, "to_json", lambda *_: (_ for _ in ()).throw(StorageError("x", "no power", "plug it in")))
        with pytest.raises(StorageError):
            run(project, tmp_path / "out")
    assert archive.read_bytes() == wanted
    handle = archive.open("rb")  # somebody reads it meanwhile
    result = run(project, tmp_path / "out")
    assert result["parts"]["rendered"] == 0
    assert archive.read_bytes() == handle.read() == wanted
    handle.close()


def test_a_published_archive_is_never_written_on(
    project: Path, wanted: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link of a try that died stays below `.parts`: another try with everything to render takes other files."""
    archive = tmp_path / "out/export.tar"
    with monkeypatch.context() as patch:
        patch.setattr(publish, "to_json", lambda *_: (_ for _ in ()).throw(StorageError("x", "no power", "plug it in")))
        with pytest.raises(StorageError):
            run(project, tmp_path / "out")
    handle = archive.open("rb")
    assert run(project, tmp_path / "out", reuse=False)["parts"]["reused"] == 0
    assert handle.read() == archive.read_bytes() == wanted
    handle.close()


def test_without_hard_links_it_is_copied(
    project: Path, wanted: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    assert Path(run(project, tmp_path / "out")["archive"]).read_bytes() == wanted
    assert not (tmp_path / "out/.parts").exists()


def test_parts_get_files_of_their_own_while_another_process_has_the_strip(
    project: Path, wanted: bytes, tmp_path: Path
) -> None:
    fail_half_way(project, tmp_path / "out")
    with strip_of(tmp_path / "out").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert Path(run(project, tmp_path / "out")["archive"]).read_bytes() == wanted


def test_a_strip_that_lost_its_beginning_is_not_published(
    project: Path, wanted: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts are checked by their SHA-256 after a loss of power, the head by its bytes."""
    fail_half_way(project, tmp_path / "out")
    with strip_of(tmp_path / "out").open("r+b") as file:
        file.write(bytes(600))
    monkeypatch.setattr("airflow_savemasks.engine.storages.folder._boot", lambda: "anotherboot")
    result = run(project, tmp_path / "out")
    assert Path(result["archive"]).read_bytes() == wanted
    assert result["parts"]["rendered"] == 1


def test_rendering_everything_again_forgets_the_receipts_first(project: Path, wanted: bytes, tmp_path: Path) -> None:
    """Or a try that dies would leave receipts that name places of a file that is being written again."""
    fail_half_way(project, tmp_path / "out")
    before = set((tmp_path / "out/.parts/export").glob("*.receipt"))
    first = project / "ds0/img/0000.png"
    good, seen = first.read_bytes(), first.stat()
    first.write_bytes(bytes(len(good)))
    os.utime(first, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    with pytest.raises(BadItemsError):
        run(project, tmp_path / "out", reuse=False)
    first.write_bytes(good)
    os.utime(first, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert set((tmp_path / "out/.parts/export").glob("*.receipt")) != before
    assert Path(run(project, tmp_path / "out")["archive"]).read_bytes() == wanted


def test_volumes_are_made_of_the_parts_in_a_strip_too(project: Path, tmp_path: Path) -> None:
    fail_half_way(project, tmp_path / "out")
    cut = run(project, tmp_path / "out", volume_size=400_000)
    fresh = run(project, tmp_path / "fresh", volume_size=400_000)
    assert len(cut["volumes"]) > 1
    for one, other in zip(cut["volumes"], fresh["volumes"], strict=True):
        assert Path(one).read_bytes() == Path(other).read_bytes()


def test_a_strip_of_another_plan_is_used_up_and_removed(project: Path, tmp_path: Path) -> None:
    fail_half_way(project, tmp_path / "out")
    (project / "ds0/img/0039.png").unlink()
    (project / "ds0/ann/0039.png.json").unlink()
    result = run(project, tmp_path / "out")
    assert result["parts"]["reused"] > 0
    assert Path(result["archive"]).read_bytes() == Path(run(project, tmp_path / "fresh")["archive"]).read_bytes()
    assert not (tmp_path / "out/.parts").exists()


def test_another_layer_starts_a_strip_of_its_own(project: Path, wanted: bytes, tmp_path: Path) -> None:
    fail_half_way(project, tmp_path / "out")
    other = layer(masks_human=False)
    assert run(project, tmp_path / "out", other)["parts"]["reused"] == 0
    assert Path(run(project, tmp_path / "out")["archive"]).read_bytes() == wanted
