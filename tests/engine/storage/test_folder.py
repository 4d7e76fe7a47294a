"""The folder as storage: whole or not at all, on a disk that fills up, and after a killed writer."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import AccessError, SettingsError, StorageError
from airflow_savemasks.engine.storage.base import Range
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.storage.temporary import is_temporary_of
from airflow_savemasks.engine.storage.uris import scheme_of, without_password
from tests.engine.samples import WORK, exported, job_of, make_project, plan_of, render, run


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    storage = open_storage(f"file://{tmp_path}/with%20blank")
    with pytest.raises(KeyError), storage.writing("a/b") as out:
        out.write(b"half")
        assert storage.stat("a/b") is None
        raise KeyError
    assert list((tmp_path / "with blank" / "a").iterdir()) == []
    with storage.writing("a/b") as out:
        out.write(b"whole")
    assert storage.read("a/b") == b"whole"


def test_compose_joins_bytes_and_ranges_of_other_files_and_of_the_file_itself(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    (tmp_path / "x").write_bytes(b"0123456789")
    storage.compose("x", [b"<", Range("x", 2, 3), b"|", Range("x", 0, 10), b">"])
    assert (tmp_path / "x").read_bytes() == b"<234|0123456789>"
    with pytest.raises(StorageError, match="ends 4 bytes too early"):
        storage.compose("y", [Range("x", 14, 6)])
    assert not (tmp_path / "y").exists()


def test_a_root_that_cannot_be_written_is_named_before_anything_is_rendered(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SettingsError, match=r"file/out/export.tar: cannot be written: .*/file is a file, not a folder"):
        run(make_project(tmp_path / "project"), tmp_path / "file" / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_missing_rights_are_an_access_error(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(AccessError, match="no permission"):
        run(make_project(tmp_path / "project"), tmp_path / "out")


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from airflow_savemasks.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_file_that_the_disk_refuses_fails_clearly_and_leaves_no_half_file(tmp_path: Path) -> None:
    import json

    from tests.engine.samples import LAYER

    (tmp_path / "layer.json").write_text(json.dumps(LAYER))
    project = make_project(tmp_path / "project", items=20)
    words = [str(tmp_path / "layer.json"), "--source", str(project), "--team-files", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", FULL, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert "run it again" in done.stderr
    assert not [path for path in (tmp_path / "out").rglob("*") if path.name.endswith((".tmp", "export.tar"))]
    assert exported(run(project, tmp_path / "out")) == 20


def test_a_full_disk_fails_clearly(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        with pytest.raises(StorageError, match=r"No space left on device\. Free some space"):
            run(make_project(tmp_path / "project", items=20), disk)
        assert not [path for path in disk.rglob("*") if path.name.endswith((".tmp", "export.tar"))]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


WRITER = """
import sys, time
from airflow_savemasks.engine.progress import Progress
from airflow_savemasks.engine.storage.opening import open_storage
with open_storage(sys.argv[1]).writing(sys.argv[2]) as out:
    out.write(b"half"); out.flush(); print("writing", flush=True); time.sleep(60)
"""


def test_what_a_killed_writer_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), f".parts/a/{name}"], stdout=subprocess.PIPE)
        for name in ("dead.tar", "living.tar")
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        writers[0].kill()
        writers[0].wait()
        time.sleep(0.1)
        assert storage.remove_abandoned(".parts/a", ["a.tar"]) == 1
        (left,) = (tmp_path / ".parts/a").iterdir()
        assert is_temporary_of(left.name, ["living.tar"])
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()


def test_parts_of_this_archive_that_nobody_used_go_after_their_days_and_those_of_others_stay(tmp_path: Path) -> None:
    out, project = tmp_path / "out", make_project(tmp_path / "project")
    for folder, name, age in ((WORK, "old", 8), (WORK, "young", 6), (".parts/another", "old", 8)):
        part = out / folder / f"{name}.tar"
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(b"x")
        then = time.time() - age * 24 * 3600
        os.utime(part, (then, then))
    plan_of(job_of(project, keep_parts_days=7), open_storage(str(out)))
    left = {path.name for path in (out / WORK).glob("*.tar")} | {p.name for p in (out / ".parts/another").iterdir()}
    assert left == {"young.tar", "old.tar"}
    assert not (out / WORK / "old.tar").exists()


def test_a_plain_path_is_taken_as_it_stands_and_a_file_uri_is_not(tmp_path: Path) -> None:
    for name in ("a%20b", "a b", "what?", "a#b"):
        (tmp_path / name).mkdir()
        assert open_storage(str(tmp_path / name)).locate("x") == str(tmp_path / name / "x")
    assert open_storage(f"file://{tmp_path}/a%20b").locate("") == str(tmp_path / "a b")
    assert open_storage(f"FILE://{tmp_path}/a").locate("") == str(tmp_path / "a")


def test_old_parts_that_this_export_can_use_stay(tmp_path: Path) -> None:
    out, project = tmp_path / "out", make_project(tmp_path / "project")
    job, storage = job_of(project, keep_parts_days=1), open_storage(str(out))
    render(job, storage, plan_of(job, storage))
    then = time.time() - 30 * 24 * 3600
    for path in (out / WORK).iterdir():
        os.utime(path, (then, then))
    before = {path.name for path in (out / WORK).iterdir() if path.suffix in (".growing", ".receipt")}
    plan_of(job, storage)
    assert before <= {path.name for path in (out / WORK).iterdir()}
    assert run(project, out)["items"]["rendered"] == 0


def test_schemes_are_those_of_uris_alone() -> None:
    assert [scheme_of(uri) for uri in ("/a", "a:b", "file:///a", "S3://b/c", "")] == [
        "file",
        "file",
        "file",
        "s3",
        "file",
    ]
    with pytest.raises(SettingsError, match=r"gopher://x: unknown scheme 'gopher'. Known are \['file://', 's3://'"):
        open_storage("gopher://x")
    with pytest.raises(SettingsError, match="is no UTF-8. Rename it"):
        open_storage("/tmp/caf\udce9")
    assert without_password("s3://b/a:b@c") == "s3://b/a:b@c"
    assert without_password("sftp://:secret@host/a") == "sftp://@host/a"
    assert without_password("sftp://user@host/a") == "sftp://user@host/a"
