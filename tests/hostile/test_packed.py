"""Packed sources: bombs, headers of gigabytes, names that lead out, and ends that are missing."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.engine.samples import LAYER, exported, make_project
from tests.hostile.harness import refused, run_export


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=3)


def zipped(project: Path, file: Path, *more: tuple[str, int]) -> Path:
    """A zip of the project, and members of so many zero bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(path for path in project.rglob("*") if path.is_file()):
            packed.write(path, str(path.relative_to(project)))
        for name, size in more:
            with packed.open(name, "w", force_zip64=True) as out:
                for _ in range(size >> 20):
                    out.write(bytes(1 << 20))
    return file


@pytest.mark.parametrize(
    ("place", "fact"),
    [("ds0/img/0001a.png", "bytes of a picture's file"), ("ds0/ann/0001a.png.json", "bytes of an annotation's file")],
)
def test_a_member_that_inflates_to_gigabytes_is_not_inflated(
    project: Path, tmp_path: Path, place: str, fact: str
) -> None:
    (project / "ds0/img/0001a.png").write_bytes((project / "ds0/img/0001.png").read_bytes())
    if "img" in place:
        (project / "ds0/img/0001a.png").unlink()
    packed = zipped(project, tmp_path / "x.zip", (place, 2 << 30))
    refused(run_export(packed, tmp_path / "out", megabytes=400), "is bad, first", "0001a.png", fact)


def test_a_meta_that_inflates_to_gigabytes_is_refused(project: Path, tmp_path: Path) -> None:
    (project / "meta.json").unlink()
    packed = zipped(project, tmp_path / "x.zip", ("meta.json", 2 << 30))
    refused(run_export(packed, tmp_path / "out", megabytes=400), "bytes of meta.json")


def test_a_header_of_gigabytes_in_a_tar_is_refused(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.tar"
    with tarfile.open(file, "w") as tar:
        tar.add(project, "p")
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 3 << 30
    with file.open("r+b") as out:
        out.write(info.tobuf(tarfile.GNU_FORMAT))
        out.truncate(4 << 30)
    refused(run_export(file, tmp_path / "out", megabytes=400), "x.tar")


@pytest.mark.parametrize("name", ["../img/a.png", "/etc/a.png", "ds0/../../a.png"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_out_are_refused(project: Path, tmp_path: Path, name: str, kind: str) -> None:
    file = tmp_path / f"x.{kind}"
    if kind == "zip":
        zipped(project, file, (name, 1 << 20))
    else:
        with tarfile.open(file, "w") as tar:
            tar.add(project, "p")
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
    refused(run_export(file, tmp_path / "out"), name)
    assert not list((tmp_path / "out").glob("*.tar"))


def test_a_tar_that_ends_between_two_members_is_refused(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.tar"
    with tarfile.open(file, "w") as tar:
        tar.add(project, "p")
        ends = [member.offset for member in tar.getmembers()]
    whole = file.read_bytes()
    for end in ends[3:]:
        file.write_bytes(whole[:end])
        refused(run_export(file, tmp_path / "out"), "x.tar")
        break
    file.write_bytes(whole)
    found = run_export(file, tmp_path / "out")
    assert found.result
    assert exported(found.result) == 3


def test_a_compressed_bomb_is_refused_by_its_limit(project: Path, tmp_path: Path) -> None:
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w") as tar:
        tar.add(project, "p")
        info = tarfile.TarInfo("p/ds0/zeros.bin")
        info.size = 200 << 20
        tar.addfile(info, io.BytesIO(bytes(200 << 20)))
    file = tmp_path / "x.tar.gz"
    file.write_bytes(gzip.compress(inner.getvalue(), 1))
    words = ["--limit", f"unpacked_bytes={100 << 20}"]
    refused(run_export(file, tmp_path / "out", LAYER, *words), "unpacked_bytes")
    found = run_export(file, tmp_path / "out")
    assert found.result
    assert exported(found.result) == 3


def test_a_folder_that_is_called_like_a_zip_is_a_folder(project: Path, tmp_path: Path) -> None:
    project.rename(tmp_path / "x.zip")
    found = run_export(tmp_path / "x.zip", tmp_path / "out")
    assert found.result
    assert exported(found.result) == 3
