"""A project in one tar or zip: the same export as from its folder, by few reads; what is damaged is named."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.storage.base import Entry, Storage
from airflow_savemasks.engine.storage.opening import open_source_storage, open_storage
from airflow_savemasks.engine.storage.packed import PackedStorage
from tests.engine.samples import add_item, make_project, run
from tests.storages.places import Place
from tests.storages.test_contract import everything, put

LONG = "ünicode " + "long" * 40


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = make_project(tmp_path / "fruits", items=6)
    add_item(root, f"{LONG}.png", 7, dataset="ds0")
    return root


def make_tar(project: Path, to: Path, top: str = "", form: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(to, "w", format=form) as tar:
        for path in sorted(project.rglob("*")):
            tar.add(path, f"{top}{path.relative_to(project)}", recursive=False)
    return to


def make_zip(project: Path, to: Path, top: str = "", form: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(to, "w", form) as packed:
        for path in sorted(project.rglob("*")):
            packed.write(path, f"{top}{path.relative_to(project)}")
        packed.writestr("__MACOSX/._x", b"x")
    return to


PACKED: dict[str, Callable[[Path, Path], Path]] = {
    "pax.tar": make_tar,
    "gnu.tar": lambda project, to: make_tar(project, to, "fruits/", tarfile.GNU_FORMAT),
    "dot.TAR": lambda project, to: make_tar(project, to, "./"),
    "deflated.zip": make_zip,
    "stored.zip": lambda project, to: make_zip(project, to, "fruits/", zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("name", PACKED)
def test_an_export_from_an_archive_is_that_from_its_folder(project: Path, tmp_path: Path, name: str) -> None:
    packed = PACKED[name](project, tmp_path / name)
    run(packed, tmp_path / "out")
    run(project, tmp_path / "expected")
    assert (tmp_path / "out/export.tar").read_bytes() == (tmp_path / "expected/export.tar").read_bytes()
    assert run(packed, tmp_path / "out")["items"]["rendered"] == 0


@pytest.mark.parametrize("name", ["gnu.tar", "deflated.zip"])
def test_an_archive_lies_on_any_storage(place: Place, project: Path, tmp_path: Path, name: str) -> None:
    packed = PACKED[name](project, tmp_path / name)
    put(place.open(), name, packed.read_bytes())
    storage = open_source_storage(f"{place.root}/{name}", place.client)
    here = open_storage(str(project))
    assert everything(storage) == everything(here)
    with ThreadPoolExecutor(8) as pool:
        for path, content in pool.map(lambda path: (path, storage.read(path)), everything(here) * 3):
            assert content == here.read(path)
    assert storage.stat("meta.json") == storage.listdir("").files["meta.json"]
    assert b"".join(storage.stream("meta.json", 2, 5)) == here.read("meta.json")[2:7]
    assert storage.stat("nope") is None
    with pytest.raises(StorageError, match="does not exist"):
        storage.read("nope")
    assert not hasattr(storage, "writing")
    assert not hasattr(storage, "delete")


def test_identities_stay_with_an_unchanged_archive_and_in_a_zip_with_unchanged_files(
    project: Path, tmp_path: Path
) -> None:
    tar, packed = make_tar(project, tmp_path / "x.tar"), make_zip(project, tmp_path / "x.zip")
    before = [open_source_storage(str(path)).listdir("ds0/img").files for path in (tar, packed)]
    assert before == [open_source_storage(str(path)).listdir("ds0/img").files for path in (tar, packed)]
    add_item(project, "0000.png", 99)
    make_tar(project, tar)
    make_zip(project, packed)
    after = [open_source_storage(str(path)).listdir("ds0/img").files for path in (tar, packed)]
    assert all(after[0][name] != entry for name, entry in before[0].items())
    assert [name for name, entry in before[1].items() if after[1][name] != entry] == ["0000.png"]


class Counting:
    """A storage that counts reads and their bytes."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.reads: list[int] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._storage, name)

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        self.reads.append(size)
        return self._storage.stream(path, offset, size, known)


@pytest.mark.parametrize(("kind", "reads", "size"), [("tar", 80, 8_000_000), ("zip", 4, 400_000)])
def test_an_index_is_read_by_few_and_small_reads(tmp_path: Path, kind: str, reads: int, size: int) -> None:
    path = tmp_path / f"x.{kind}"
    big = os.urandom(1_000_000)
    if kind == "tar":
        with tarfile.open(path, "w") as tar:
            for number in range(2020):
                info = tarfile.TarInfo(f"{number}")
                info.size = len(big) if number < 20 else 1000
                tar.addfile(info, io.BytesIO(big))
    else:
        with zipfile.ZipFile(path, "w") as packed:
            for number in range(2020):
                packed.writestr(f"{number}", big if number < 20 else big[:1000])
    counting = Counting(open_storage(str(path)))
    storage = PackedStorage(counting)
    assert len(storage.listdir("").files) == 2020
    assert len(counting.reads) <= reads
    assert sum(counting.reads) <= size
    counting.reads.clear()
    assert storage.read("3") == big
    assert len(counting.reads) == 1


@pytest.mark.parametrize(
    ("name", "spoil", "match"),
    [
        ("x.tar", lambda data: data[: len(data) // 2], "cannot be read as an archive"),
        ("x.tar", lambda data: b"no tar at all" * 100, "cannot be read as an archive"),
        ("x.tar", lambda data: data[: 512 * 4] + b"#" * 512 + data[512 * 5 :], "no tar header where one should be"),
        ("x.zip", lambda data: data[:-30], "cannot be read as an archive"),
        ("x.zip", lambda data: data.replace(b"PK\3\4", b"PK\3\5"), "is another archive"),
        ("x.zip", lambda data: data[:300] + b"######" + data[306:], "cannot be unpacked|damaged"),
    ],
)
def test_a_damaged_archive_is_named(tmp_path: Path, name: str, spoil: Callable[[bytes], bytes], match: str) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    for letter in "abc":
        (folder / letter).write_bytes(os.urandom(500))
    path = PACKED["pax.tar" if name.endswith("tar") else "deflated.zip"](folder, tmp_path / name)
    path.write_bytes(spoil(path.read_bytes()))
    storage = open_source_storage(str(path))
    with pytest.raises(StorageError, match=match) as caught:
        for file in sorted(storage.listdir("").files):
            storage.read(file)
    assert name in caught.value.where


def test_an_archive_that_is_replaced_while_it_is_read_is_noticed(project: Path, tmp_path: Path) -> None:
    path = make_tar(project, tmp_path / "x.tar")
    storage = open_source_storage(str(path))
    storage.listdir("")
    (project / "another").write_bytes(b"x" * 900)
    make_tar(project, path)
    with pytest.raises(StorageError, match="was changed after it was listed"):
        storage.read("meta.json")


def test_links_and_encrypted_members_are_refused_not_left_out(project: Path, tmp_path: Path) -> None:
    (project / "ds0/img/link.png").symlink_to("0000.png")
    (project / "ds0/img/hard.png").hardlink_to(project / "ds0/img/0001.png")
    path = make_tar(project, tmp_path / "x.tar")
    with pytest.raises(StorageError, match=r"link\.png.*tar --dereference"):
        open_source_storage(str(path)).listdir("")
    subprocess.run(["tar", "--dereference", "-cf", str(path), "-C", str(tmp_path), "fruits"], check=True)
    storage = open_source_storage(str(path))
    assert storage.read("ds0/img/link.png") == storage.read("ds0/img/0000.png")
    assert storage.read("ds0/img/hard.png") == storage.read("ds0/img/0001.png")


def test_an_archive_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"x\.tar: does not exist"):
        open_source_storage(str(tmp_path / "x.tar")).listdir("")
