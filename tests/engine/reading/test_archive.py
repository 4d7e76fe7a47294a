"""An open archive gives what is in the tar, in any process, and never what another archive has."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import pickle
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from airflow_savemasks import open_archive
from airflow_savemasks.engine.archive.published import archive_of
from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.engine.reading import archive as module
from airflow_savemasks.engine.reading.archive import Archive
from airflow_savemasks.engine.storage.base import Entry
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import add_item, annotation, layer, make_project, members, run


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An archive of two datasets, twelve and three items."""
    project = make_project(tmp_path / "project", items=12)
    make_project(project, items=3, dataset="ds0/datasets/deep")
    run(project, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def opened(out: Path) -> Archive:
    return open_archive(str(out / "export.tar"))


def rgb(content: bytes, flags: int) -> np.ndarray[Any, Any]:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    return image[:, :, ::-1] if image.ndim == 3 else image


def test_every_file_of_every_item_is_the_one_in_the_tar(out: Path, opened: Archive) -> None:
    tar = members(out / "export.tar")
    seen = {"meta.json"}
    assert len(opened) == 15
    for item in opened:
        assert set(item.files) == {"picture", "annotation", "human", "machine"}
        for kind, name in item.files.items():
            assert item.bytes(kind) == tar[name]
            seen.add(name)
        assert item.annotation == json.loads(tar[item.files["annotation"]])
        assert np.array_equal(item.picture, rgb(tar[item.files["picture"]], cv2.IMREAD_COLOR))
        assert np.array_equal(item.human, rgb(tar[item.files["human"]], cv2.IMREAD_UNCHANGED))
        assert np.array_equal(item.machine, rgb(tar[item.files["machine"]], cv2.IMREAD_UNCHANGED))
        assert item.machine.shape == item.shape
        assert item.labels == len(item.annotation["objects"])
        assert sum(item.pixels.values()) <= item.shape[0] * item.shape[1]
    assert seen == set(tar)
    assert opened.meta == json.loads(tar["meta.json"])
    assert opened.manifest == json.loads((out / "export.manifest.json").read_text())


def test_items_are_found_by_number_by_name_by_slice_and_by_dataset(opened: Archive) -> None:
    names = [item.name for item in opened]
    assert [opened[number].name for number in range(15)] == names
    assert opened[-1].name == names[-1]
    assert [opened[name].number for name in names] == list(range(15))
    assert [item.name for item in opened[2:9:3]] == names[2:9:3]
    assert opened.datasets == ["ds0", "ds0/deep"]
    assert [item.name for item in opened.dataset("ds0/deep")] == names[12:]
    assert opened.dataset("ds0/deep")[1] == opened[13]
    assert opened[13].dataset == "ds0/deep"
    for wrong, error in (("ds0/none.png", KeyError), (15, IndexError), (-16, IndexError)):
        with pytest.raises(error):
            opened[wrong]
    with pytest.raises(KeyError, match="there are \\['ds0', 'ds0/deep'\\]"):
        opened.dataset("other")


def test_volumes_and_renamed_archives_are_read_alike(tmp_path: Path, out: Path, opened: Archive) -> None:
    run(tmp_path / "project", tmp_path / "volumes", volume_size=40_000)
    assert len(list((tmp_path / "volumes").glob("*.tar"))) > 2
    for ending in ("", ".tar", "-00002.tar"):
        cut = open_archive(f"{tmp_path}/volumes/export{ending}")
        assert [item.bytes("machine") for item in cut] == [item.bytes("machine") for item in opened]
    for path in list(out.iterdir()):
        path.rename(path.with_name(path.name.replace("export", "other")))
    renamed = open_archive((out / "other.tar").as_uri())
    assert [item.name for item in renamed] == [item.name for item in cut]
    assert renamed[3].bytes("picture") == cut[3].bytes("picture")


def test_a_path_may_be_relative_and_then_the_folder_may_change(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(out)
    opened = open_archive("export.tar")
    monkeypatch.chdir("/")
    assert pickle.loads(pickle.dumps(opened))[0].bytes("machine") == opened[0].bytes("machine")


def test_what_is_not_there_is_named(tmp_path: Path, out: Path, opened: Archive) -> None:
    with pytest.raises(ArchiveError, match="no file of kind 'masks'. Choose of"):
        opened[0].bytes("masks")
    run(tmp_path / "project", tmp_path / "machine", layer(masks_human=False))
    with pytest.raises(ArchiveError, match="ds0/0000.png: has no file of kind 'human'. It has .*'machine'"):
        _ = open_archive(str(tmp_path / "machine/export.tar"))[0].human
    with pytest.raises(ArchiveError, match="no such archive. Correct the name"):
        open_archive(str(out / "none.tar"))
    (out / "export.manifest.json").unlink()
    with pytest.raises(ArchiveError, match="no manifest, so the export did not end"):
        open_archive(str(out / "export.tar"))


def test_pictures_come_as_in_their_files_turned_as_their_exif_says(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=0)
    gray = np.arange(60 * 50, dtype=np.uint8).reshape(50, 60)
    deep = np.arange(60 * 50 * 3, dtype=np.uint16).reshape(50, 60, 3) * 7
    turned = cv2.imencode(".jpg", np.zeros((50, 60, 3), np.uint8))[1].tobytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    turned = turned[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + turned[2:]
    files = {
        "a.png": (cv2.imencode(".png", gray)[1].tobytes(), (60, 50)),
        "b.png": (cv2.imencode(".png", deep)[1].tobytes(), (60, 50)),
        "c.jpg": (turned, (50, 60)),
    }
    for name, (content, (width, height)) in files.items():
        (project / f"ds0/img/{name}").write_bytes(content)
        (project / f"ds0/ann/{name}.json").write_text(json.dumps(annotation(1, width, height)))
    run(project, tmp_path / "out")
    first, second, third = open_archive(str(tmp_path / "out/export.tar"))
    assert np.array_equal(first.picture, gray)
    assert second.picture.dtype == np.uint16
    assert np.array_equal(second.picture, deep[:, :, ::-1])
    assert third.picture.shape == (60, 50, 3)
    assert third.machine.shape == third.shape == (60, 50)


def total(item: Any) -> tuple[str, int]:
    return item.name, int(item.machine.sum())


def of_number(archive_and_number: tuple[Archive, int]) -> tuple[str, int]:
    archive, number = archive_and_number
    return total(archive[number])


@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_archives_and_items_go_to_other_processes(opened: Archive, way: str) -> None:
    wanted = [total(item) for item in opened]
    with multiprocessing.get_context(way).Pool(2) as pool:
        assert pool.map(total, list(opened)) == wanted
        assert pool.map(of_number, [(opened, number) for number in range(15)]) == wanted
        pool.close()
        pool.join()  # no SIGTERM: forked workers have the signal handlers of whatever ran in this process before


def test_a_process_opens_an_archive_once_for_all_items_that_come_to_it(opened: Archive) -> None:
    module.OPEN.clear()
    first, second = (pickle.loads(pickle.dumps(opened[number])) for number in (1, 2))
    assert first.archive is second.archive
    assert first == opened[1]
    assert hash(first) == hash(opened[1])
    assert first != second


def test_an_archive_that_was_replaced_is_not_read_any_more(tmp_path: Path, opened: Archive) -> None:
    item, words = opened[3], pickle.dumps(opened)
    before = item.bytes("machine")
    add_item(tmp_path / "project", "0003.png", seed=77)
    run(tmp_path / "project", tmp_path / "out")
    with pytest.raises(ArchiveError, match=r"export\.tar: was replaced after it was opened. Open it again"):
        item.bytes("machine")
    module.OPEN.clear()
    with pytest.raises(ArchiveError, match="was replaced after it was opened"):
        pickle.loads(words)
    assert open_archive(opened.uri)[3].bytes("machine") != before


def test_only_what_a_manifest_vouches_for_is_opened(out: Path) -> None:
    index, archive, manifest = (out / f"export.{end}" for end in ("index.jsonl", "tar", "manifest.json"))
    whole = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (index, archive, manifest)}

    def spoil(path: Path, at: int) -> None:
        content = bytearray(whole[path][0])
        content[at] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(whole[path][1], whole[path][1]))

    spoil(index, 200)
    with pytest.raises(ArchiveError, match="is not the index that the manifest was written for"):
        open_archive(str(archive))
    index.write_bytes(whole[index][0] + b"\n")
    with pytest.raises(ArchiveError, match="is not the archive of its manifest"):
        open_archive(str(archive))
    index.write_bytes(whole[index][0])
    os.utime(index, ns=(whole[index][1], whole[index][1]))
    item = open_archive(str(archive))[4]
    member = item.member("machine")
    assert member is not None
    spoil(archive, item.place(member)[1] + 70)
    assert item.bytes("machine") != members_of(whole[archive][0])[item.files["machine"]]
    with pytest.raises(ArchiveError, match=f"{item.files['machine']}: is not what was written"):
        open_archive(str(archive), check_hashes=True)[4].bytes("machine")
    spoil(manifest, 40)
    with pytest.raises(ArchiveError, match="the manifest is damaged"):
        open_archive(str(archive))


@pytest.mark.parametrize("options", [{}, {"layout": "webdataset"}, {"volume_size": 30_000}])
def test_a_copied_archive_is_read_with_every_file_compared(tmp_path: Path, options: dict[str, Any]) -> None:
    """As one that was downloaded: its files are others than those that were written, and may be other ones."""
    result = run(make_project(tmp_path / "project", items=5), tmp_path / "out", **options)
    shutil.copytree(tmp_path / "out", tmp_path / "copy", copy_function=shutil.copyfile)
    archive = open_archive(result["archive"])
    copied = open_archive(str(tmp_path / "copy" / Path(result["archive"]).name))
    assert (archive.check_hashes, copied.check_hashes) == (False, True)
    for one, other in zip(archive, copied, strict=True):
        assert {kind: one.bytes(kind) for kind in one.files} == {kind: other.bytes(kind) for kind in other.files}
    assert archive.root == copied.root
    again = pickle.loads(pickle.dumps(copied[2]))
    assert again.bytes("machine") == archive[2].bytes("machine")
    place = copied[0].place(copied[0].member("picture"))
    for file in (tmp_path / "copy").glob("*.tar"):
        content = bytearray(file.read_bytes())
        content[place[1] + 70] ^= 1
        file.write_bytes(content)
    with pytest.raises(ArchiveError, match="is not what was written"):
        open_archive(copied.uri)[0].bytes("picture")


def test_the_head_of_a_copied_archive_is_compared_too(tmp_path: Path) -> None:
    for layout, file in (("supervisely", "export.tar"), ("webdataset", "export.meta.json")):
        out, copy = tmp_path / layout, tmp_path / f"{layout} copy"
        run(make_project(tmp_path / "project"), out, layout=layout)
        shutil.copytree(out, copy, copy_function=shutil.copyfile)
        content = bytearray((copy / file).read_bytes())
        content[600 if layout == "supervisely" else 20] ^= 1
        (copy / file).write_bytes(content)
        with pytest.raises(ArchiveError, match=r"meta.json: is not what was written"):
            open_archive(str(copy / "export.tar")).root  # noqa: B018 - it is read


def members_of(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]


class Far(FolderStorage):
    """A folder that is as far away as a bucket; what is read of archives, and how much at once."""

    remote = True

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.ranges: list[tuple[int, int]] = []
        self.now = self.most = 0
        self._counting = threading.Lock()

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        if not path.endswith(".tar"):
            yield from super().stream(path, offset, size, known)
            return
        with self._counting:
            self.ranges.append((offset, size))
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.02)
        yield from super().stream(path, offset, size, known)
        with self._counting:
            self.now -= 1


def test_behind_a_network_what_was_read_of_one_item_is_read_ahead_of_the_next_ones(out: Path) -> None:
    far = Far(out)
    archive = Archive("x", lambda: far, archive_of(far, "export.tar"), check_hashes=True)
    read = [(item.bytes("machine"), item.machine.shape) for item in archive]
    assert [content for content, _ in read] == [item.bytes("machine") for item in open_archive(str(out / "export.tar"))]
    machine = {item.place(found) for item in archive if (found := item.member("machine"))}
    assert {(offset, size) for _, offset, size in machine} == set(far.ranges)
    assert far.most > 4


def test_read_ahead_holds_few_bytes(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD_BYTES", 1)
    far = Far(out)
    archive = Archive("x", lambda: far, archive_of(far, "export.tar"), check_hashes=False)
    for item in archive:
        item.bytes("picture")
    assert far.most == 1
    assert len(far.ranges) == 15
