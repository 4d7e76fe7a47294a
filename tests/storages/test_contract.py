"""What every storage does, against real servers: the same tests for a folder, S3, Google, Azure and SFTP."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from airflow_savemasks.engine.errors import Changed, NotFound, Stopped, StorageError
from airflow_savemasks.engine.storage.base import WORK_FOLDER, Entry, Range, Storage
from airflow_savemasks.engine.storage.folder import FolderStorage
from airflow_savemasks.engine.storage.writes import Writes
from tests.engine.samples import add_item, make_project, run
from tests.storages.conftest import BLOCK
from tests.storages.places import Place
from tests.storages.servers import PAGE

ODD = ["with blank", "ünïcode-日本", "100%", "%41", "a#b", "a+b", "a&b=c", "q?x", "quote'\"", "[1]*", "~t", "..a"]
NOISE = np.random.default_rng(1).bytes(3 * BLOCK + 17)


def put(storage: Storage, path: str, content: bytes) -> None:
    with storage.writing(path) as out:
        out.write(content)


def everything(storage: Storage, path: str = "") -> list[str]:
    """All files below a folder."""
    found = storage.listdir(path)
    names = [f"{path}/{name}" if path else name for name in sorted(found.files)]
    for folder in sorted(found.folders):
        names += everything(storage, f"{path}/{folder}" if path else folder)
    return names


def test_one_level_is_listed_as_stat_sees_it(place: Place) -> None:
    storage = place.open()
    for path in ("top.txt", "a/1", "a/2", "a/b/3", "ab/4"):
        put(storage, path, path.encode() * 3)
    assert sorted(storage.listdir("").folders) == ["a", "ab"]
    level = storage.listdir("a")
    assert level.folders == ["b"]
    assert sorted(level.files) == ["1", "2"]
    assert level.files["1"] == storage.stat("a/1")
    assert level.files["1"].size == 9
    assert storage.listdir("no/such") == type(level)([], {})
    assert storage.stat("a") is None
    below = place.open("a")
    assert sorted(below.listdir("").files) == ["1", "2"]
    assert below.read("b/3") == b"a/b/3" * 3


def test_more_files_than_one_page_of_a_listing(place: Place) -> None:
    storage = place.open()
    names = [f"{number:04d}" for number in range(PAGE + 20)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: put(storage, f"many/{name}", b"x"), names))
    assert sorted(storage.listdir("many").files) == names
    storage.delete(f"many/{name}" for name in names)
    assert everything(storage) == []


def test_identity_changes_with_the_content_and_only_then(place: Place) -> None:
    storage = place.open()
    put(storage, "x", b"one")
    first = storage.stat("x")
    assert storage.stat("x") == first
    put(storage, "x", b"other")
    assert storage.stat("x").identity != first.identity


def test_reading_whole_and_in_ranges(place: Place) -> None:
    storage = place.open()
    put(storage, "big", NOISE)
    put(storage, "empty", b"")
    assert storage.read("big") == NOISE
    assert storage.read("empty") == b""
    for offset, size in [(0, 1), (5, 0), (BLOCK - 1, 2), (7, len(NOISE) - 7), (len(NOISE) - 1, 1)]:
        assert b"".join(storage.stream("big", offset, size)) == NOISE[offset : offset + size]
    for offset, size in [(len(NOISE) - 1, 5), (len(NOISE) + 9, 5)]:
        with pytest.raises(StorageError, match="too early"):
            list(storage.stream("big", offset, size))


def test_only_the_bytes_of_the_file_that_was_listed_are_read(place: Place) -> None:
    storage = place.open()
    put(storage, "x", NOISE)
    known = storage.listdir("").files["x"]
    assert storage.read("x", known) == NOISE
    assert b"".join(storage.stream("x", 5, BLOCK, known)) == NOISE[5 : BLOCK + 5]
    emulator = place.root.startswith("gs")  # knows no conditions on generations: only sizes tell there
    put(storage, "x", NOISE + b"and more")
    with pytest.raises(Changed, match="was changed after it was listed"):
        storage.read("x", known)
    if not emulator:
        with pytest.raises(Changed, match="was changed after it was listed"):
            list(storage.stream("x", 5, BLOCK, known))
    put(storage, "x", b"")
    assert storage.read("x", storage.stat("x")) == b""
    with pytest.raises(Changed):
        storage.read("x", known)
    storage.delete(["x"])
    with pytest.raises((NotFound, Changed)):  # Azurite looks at the condition first
        storage.read("x", known)


def test_a_file_of_the_same_size_is_another_one(place: Place) -> None:
    if place.root.startswith("gs"):
        pytest.skip("the emulator knows no conditions on generations")
    storage = place.open()
    put(storage, "x", NOISE)
    known = storage.stat("x")
    if place.root.startswith("sftp"):
        time.sleep(1.1)  # its times are whole seconds
    put(storage, "x", NOISE[::-1])
    for work in (lambda: storage.read("x", known), lambda: list(storage.stream("x", 5, BLOCK, known))):
        with pytest.raises(Changed):
            work()


def test_after_a_stop_nothing_is_asked_and_nothing_is_published(place: Place) -> None:
    storage = place.open()
    put(storage, "x", NOISE)
    stop = threading.Event()
    storage.watch(stop)
    chunks = storage.stream("x", 0, len(NOISE))
    next(chunks)
    with pytest.raises(Stopped), storage.writing("new") as out:
        out.write(NOISE[: BLOCK + 1])
        stop.set()
    with pytest.raises(Stopped):
        list(chunks)
    for work in (
        lambda: storage.read("x"),
        lambda: storage.stat("x"),
        lambda: storage.listdir(""),
        lambda: put(storage, "small", b"1"),
        lambda: storage.compose("y", [b"1", Range("x", 0, len(NOISE))]),
        lambda: storage.write_if("y", b"1", None),
        lambda: storage.delete(["x"]),
        lambda: storage.remove_abandoned(WORK_FOLDER, ["x"]) or storage.stat("x"),
    ):
        with pytest.raises(Stopped):
            work()
    storage.watch(threading.Event())
    assert everything(storage) == ["x"]
    assert place.traces() == []
    put(storage, "new", b"1")


def test_names_that_cannot_be_stored_are_told_before_they_are_written(place: Place) -> None:
    storage = place.open()
    put(storage, "a/x", b"1")
    assert storage.obstacle("a/x") is None
    assert storage.obstacle("no/such/folder/y.tar") is None
    assert storage.obstacle("a/" + "x" * 1100) is not None
    assert storage.obstacle("\udce9") is not None
    kind = place.root.partition("://")[0]
    if kind == "gs":
        assert "line break" in (storage.obstacle("a\nb") or "")
    if kind == "azure":
        for name in ("a\\b", "a./b", "/".join("x" * 255)):
            assert storage.obstacle(name)
    if kind in {"sftp", place.root}:
        assert storage.obstacle("a") == "a folder of that name lies there"
        assert "is a file" in (storage.obstacle("a/x/y") or "")
        assert storage.obstacle("é" * 128)


def test_what_is_missing_does_not_exist(place: Place) -> None:
    storage = place.open()
    put(storage, "a/x", b"1")
    assert storage.stat("nope") is None
    if not isinstance(storage, FolderStorage):  # which says that a part of the path is a file
        assert storage.stat("a/x/deeper") is None
    for work in (
        lambda: storage.read("nope"),
        lambda: list(storage.stream("nope", 0, 1)),
        lambda: storage.compose("new", [b"x", Range("nope", 0, 3)]),
        lambda: storage.compose("new", [Range("nope", 0, 6 << 20), b"x"]),
    ):
        with pytest.raises(NotFound) as caught:
            work()
        assert caught.value.problem == "does not exist"
        assert place.root.split("/")[-1] in caught.value.where
    assert everything(storage) == ["a/x"]
    assert place.traces() == []


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_a_file_of_any_size_appears_whole_or_not_at_all(place: Place, size: int) -> None:
    storage = place.open()
    put(storage, "a/b", b"old")
    with pytest.raises(KeyError), storage.writing("a/b") as out:
        out.write(NOISE[:size])
        raise KeyError
    with pytest.raises(KeyError), storage.writing("a/new") as out:
        out.write(NOISE[:size])
        assert storage.stat("a/new") is None
        raise KeyError
    assert everything(storage) == ["a/b"]
    assert storage.read("a/b") == b"old"
    assert place.traces() == []
    with storage.writing("a/b") as out:
        out.writelines([NOISE[: size // 2], NOISE[size // 2 : size]])
    assert storage.read("a/b") == NOISE[:size]
    assert place.traces() == []


def test_a_writer_that_is_forgotten_publishes_nothing(place: Place) -> None:
    storage = place.open()
    block = storage.writing("forgotten")
    out = block.__enter__()
    out.write(NOISE[: BLOCK + 5])
    del out, block
    assert storage.stat("forgotten") is None


def test_compose_joins_bytes_and_ranges(place: Place) -> None:
    storage = place.open()
    put(storage, "big", NOISE)
    put(storage, "small", b"0123456789")
    storage.compose("x", [b"<", Range("small", 2, 3), Range("small", 0, 0), b"", b"|", Range("small", 9, 1), b">"])
    assert storage.read("x") == b"<234|9>"
    storage.compose("nothing", [])
    assert storage.read("nothing") == b""
    storage.compose("y", [b"head", Range("big", 3, len(NOISE) - 3), Range("small", 0, 10), Range("big", 0, BLOCK + 1)])
    assert storage.read("y") == b"head" + NOISE[3:] + b"0123456789" + NOISE[: BLOCK + 1]
    storage.compose("z", [Range("big", 1, BLOCK), Range("big", 0, BLOCK + 3), b"end"])
    assert storage.read("z") == NOISE[1 : BLOCK + 1] + NOISE[: BLOCK + 3] + b"end"


def test_compose_reads_the_old_version_of_the_file_that_it_replaces(place: Place) -> None:
    storage = place.open()
    put(storage, "x", NOISE)
    storage.compose("x", [b"new", Range("x", 10, BLOCK), b"-", Range("x", 0, BLOCK + 9), b"end"])
    assert storage.read("x") == b"new" + NOISE[10 : BLOCK + 10] + b"-" + NOISE[: BLOCK + 9] + b"end"


def test_compose_of_a_range_that_ends_too_early_leaves_nothing(place: Place) -> None:
    storage = place.open()
    put(storage, "big", NOISE)
    with pytest.raises(StorageError, match="ends .* too early"):
        storage.compose("y", [Range("big", 0, BLOCK + 1), b"x", Range("big", len(NOISE) - 3, 9)])
    assert everything(storage) == ["big"]
    assert place.traces() == []


@pytest.mark.parametrize("size", [0, 9, BLOCK, 2 * BLOCK + 5])
def test_a_write_itself_says_what_a_later_look_sees(place: Place, size: int) -> None:
    storage = place.open()
    put(storage, "big", NOISE)
    with storage.writing("a/x") as out:
        out.write(NOISE[:size])
    composed = [
        storage.compose("a/y", [NOISE[:size]]),
        storage.compose("a/z", [b"head", Range("big", 0, size), b"end"]),
        storage.compose("a/big", [Range("big", 0, len(NOISE))]),
    ]
    level = storage.listdir("a").files
    for name, entry in zip("x y z big".split(), [out.entry, *composed], strict=True):
        assert (entry.size, entry.identity) == (level[name].size, level[name].identity)
        assert entry == storage.stat(f"a/{name}")
        assert abs(entry.modified - level[name].modified) < 5
        assert len(storage.read(f"a/{name}", entry)) == entry.size


def test_who_writes_afterwards_is_somebody_else(place: Place) -> None:
    storage = place.open()
    with storage.writing("x") as out:
        out.write(b"mine")
    put(storage, "x", b"theirs")
    assert out.entry != storage.stat("x")
    with pytest.raises(Changed):
        storage.read("x", out.entry)


def test_ranges_of_another_file_than_the_known_one_are_not_composed(place: Place) -> None:
    if place.root.startswith("gs"):
        pytest.skip("the emulator knows no conditions on generations")
    storage = place.open()
    put(storage, "big", NOISE)
    known = storage.stat("big")
    whole = Range("big", 0, len(NOISE), known)
    shapes = [[whole], [b"head", whole], [b"x", Range("big", 3, 9, known)], [whole, Range("big", 1, BLOCK, known)]]
    for number, pieces in enumerate(shapes):
        assert storage.compose(f"{number}", pieces).size == storage.stat(f"{number}").size
    if place.root.startswith("sftp"):
        time.sleep(1.1)  # its times are whole seconds
    put(storage, "big", NOISE[::-1])
    before = everything(storage)
    for number, pieces in enumerate(shapes):
        with pytest.raises(Changed) as caught:
            storage.compose(f"new {number}", pieces)
        assert caught.value.where == storage.locate("big")
    storage.delete(["big"])
    with pytest.raises((NotFound, Changed)):
        storage.compose("new", shapes[0])
    assert everything(storage) == [name for name in before if name != "big"]
    assert place.traces() == []


def test_a_file_is_written_only_in_place_of_the_known_one(place: Place) -> None:
    storage = place.open()
    first = storage.write_if("a/x", b"one", None)
    assert first == storage.stat("a/x")
    assert storage.write_if("a/x", b"two", None) is None, "something lies there"
    second = storage.write_if("a/x", b"two", first)
    assert second == storage.stat("a/x") != first
    third = storage.write_if("a/x", b"333", second)
    assert third == storage.stat("a/x")
    assert third not in {first, second}, "of one size, within a moment, and another one"
    assert storage.write_if("a/x", b"four", first) is None
    assert storage.read("a/x", third) == b"333"
    assert storage.write_if("a/x", b"333", second) == third, "it was ours, whose answer was lost"
    assert everything(storage) == ["a/x"]
    storage.delete(["a/x"])
    assert storage.write_if("a/x", b"four", third) is None, "the known one is gone"
    assert everything(storage) == []
    assert place.traces() == []


def test_of_two_who_write_on_one_condition_one_wins(place: Place) -> None:
    if place.root.startswith("gs"):
        pytest.skip("the emulator knows no conditions on generations")
    one = place.open()
    other = one if place.root.startswith("sftp") else place.open()  # SFTP: of the threads of one storage
    known = None
    with ThreadPoolExecutor(2) as pool:
        for turn in range(10):
            ready = threading.Barrier(2)

            def write(storage: Storage, content: bytes, ready: threading.Barrier, known: Entry | None) -> Entry | None:
                ready.wait()
                return storage.write_if("a/x", content, known)

            contents = [b"of one %d" % turn, b"of two %d" % turn]
            calls = [
                pool.submit(write, storage, content, ready, known)
                for storage, content in zip((one, other), contents, strict=True)
            ]
            written = [call.result() for call in calls]
            (known,) = [entry for entry in written if entry is not None]
            assert one.read("a/x", known) == contents[written.index(known)]
    assert place.traces() == []


def test_deleting_what_is_there_and_what_is_not(place: Place) -> None:
    storage = place.open()
    for path in ("a/b/1", "a/b/2", "c"):
        put(storage, path, b"x")
    storage.delete([])
    storage.delete(["a/b/1", "a/b/2", "nope", "no/such/file"])
    assert everything(storage) == ["c"]
    assert storage.listdir("").folders == []


def test_odd_names(place: Place) -> None:
    storage = place.open("röot #1 100%")
    for name in ODD:
        put(storage, f"in {name}/{name}", name.encode())
        storage.compose(f"copy/{name}", [b"=", Range(f"in {name}/{name}", 0, len(name.encode()))])
    assert sorted(storage.listdir("").folders) == sorted(["copy", *(f"in {name}" for name in ODD)])
    assert sorted(storage.listdir("copy").files) == sorted(ODD)
    for name in ODD:
        assert storage.read(f"copy/{name}") == b"=" + name.encode()
        assert storage.listdir(f"in {name}").files[name] == storage.stat(f"in {name}/{name}")
    storage.delete(everything(storage))
    assert everything(storage) == []


def test_many_threads_share_a_storage(place: Place) -> None:
    storage = place.open()
    contents = {f"{number}": NOISE[number : number + 50_000 + number] for number in range(24)}
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda item: put(storage, *item), contents.items()))
        for path, content in pool.map(lambda path: (path, storage.read(path)), [*contents] * 4):
            assert content == contents[path]


def test_small_files_written_at_once(place: Place) -> None:
    storage = place.open()
    contents = {f"{number}": NOISE[number : number + 500] for number in range(60)}
    with Writes(storage, threading.Event()) as writes:
        for path, content in contents.items():
            writes.put(path, [content[:100], content[100:]])
    assert writes.entries == storage.listdir("").files
    assert all(storage.read(path, writes.entries[path]) == content for path, content in contents.items())


def test_sweeping_a_clean_place_finds_nothing(place: Place) -> None:
    storage = place.open()
    put(storage, ".parts/a/x.tar", b"x")
    assert storage.remove_abandoned(".parts/a", ["a.tar"]) == 0
    assert storage.remove_abandoned("no/such", ["b/a.tar"]) == 0
    assert everything(storage) == [".parts/a/x.tar"]


def test_an_export_to_a_storage_is_that_to_a_folder(place: Place, tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=20)
    there = place.open("out")
    here = tmp_path / "here"
    expected = run(project, here)
    result = run(project, there)
    assert result["archive"] == there.locate("export.tar")
    assert everything(there) == ["export.index.jsonl", "export.manifest.json", "export.tar"]
    for name in ("export.tar", "export.index.jsonl"):
        assert there.read(name) == (here / name).read_bytes()
    assert result["items"] == expected["items"] == {"rendered": 20, "reused": 0, "skipped": 0}
    again = run(project, there)
    assert again["unchanged"]
    assert again["items"] == {"rendered": 0, "reused": 20, "skipped": 0}
    add_item(project, "0007.png", seed=70)
    changed = run(project, there)
    assert changed["items"] == run(project, here)["items"] == {"rendered": 1, "reused": 19, "skipped": 0}
    assert there.read("export.tar") == (here / "export.tar").read_bytes()
    split = run(project, there, volume_size=20_000)
    assert len(split["volumes"]) > 2
    more = run(project, there, volume_size=20_000)
    assert split["items"] == {"rendered": 0, "reused": 20, "skipped": 0}
    assert more["unchanged"]
    assert more["volumes"] == split["volumes"]
    add_item(project, "0007.png", seed=7)
    assert run(project, there, volume_size=20_000)["items"]["rendered"] == 1
    assert everything(there)[:2] == ["export-00001.tar", "export-00002.tar"]
    assert "export.tar" not in everything(there)


def test_an_export_from_a_storage_is_that_from_a_folder(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_savemasks.engine.storage import opening

    project = make_project(tmp_path / "project", items=5)
    make_project(project, items=3, dataset="other")
    there = place.open("projects/one")
    for file in project.rglob("*"):
        if file.is_file():
            put(there, str(file.relative_to(project)), file.read_bytes())
    if place.client is not None:  # what an Airflow connection does, or the backend's own configuration
        opened = opening.open_storage
        monkeypatch.setattr(opening, "open_storage", lambda uri, client=None: opened(uri, place.client))
    run(there.uri, tmp_path / "from there")
    monkeypatch.undo()
    run(project, tmp_path / "from here")
    archives = [(tmp_path / name / "export.tar").read_bytes() for name in ("from there", "from here")]
    assert archives[0] == archives[1]
