"""Google Cloud Storage: what its service puts together, on which conditions, and what a killed compose leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_savemasks.engine.errors import NotFound
from airflow_savemasks.engine.storage import gcs, gcs_compose
from airflow_savemasks.engine.storage.base import Range
from airflow_savemasks.engine.storage.temporary import temporary_name
from tests.storages import places
from tests.storages.places import Place
from tests.storages.proxy import Faults, faulty
from tests.storages.test_contract import NOISE, everything, put


@pytest.fixture
def proxy(gcs_address: str) -> Iterator[tuple[Place, Faults]]:
    with faulty(gcs_address) as (address, faults):
        yield places.gcs_place(address), faults


@pytest.mark.parametrize("count", [1, 31, 32, 33, 70])
def test_whole_objects_are_put_together_by_the_service(
    proxy: tuple[Place, Faults], monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(gcs_compose, "WORTHWHILE", 1000)
    place, faults = proxy
    storage = place.open()
    contents = [NOISE[number : number + 1000 + number] for number in range(count)]
    pieces: list[bytes | Range] = [b"head"]
    for number, content in enumerate(contents):
        with storage.writing(f"a/{number}") as out:
            out.write(content)
        pieces.append(Range(f"a/{number}", 0, len(content), out.entry if number % 2 else None))
    pieces[6:6] = [Range("a/0", 5, 100), b"|"]
    expected = [b"head", *contents]
    expected[6:6] = [contents[0][5:105], b"|"]
    faults.clear()
    assert storage.compose("a/x", pieces) == storage.stat("a/x")
    assert storage.read("a/x") == b"".join(expected)
    assert len(everything(storage)) == count + 1
    assert sum(len(body) for path, body in faults.bodies if path.startswith("/upload")) < 1800  # the rest stays there


def test_the_service_is_told_which_generations_are_meant(proxy: tuple[Place, Faults]) -> None:
    """The emulator knows no conditions, so it is the requests that are looked at."""
    place, faults = proxy
    storage = place.open()
    with storage.writing("x") as out:
        out.write(NOISE)
    faults.clear()
    storage.compose("y", [Range("x", 0, len(NOISE), out.entry)])
    generation = out.entry.identity.partition("|")[0]
    bodies = [body for path, body in faults.bodies if urlsplit(path).path.endswith("/compose")]
    assert [body.count(f'"ifGenerationMatch": {generation}'.encode()) for body in bodies] == [1]
    faults.clear()
    storage.read("x", out.entry)
    list(storage.stream("x", 3, 5, out.entry))
    storage.compose("y", [b"head", Range("x", 3, 5, out.entry)])
    asked = [parse_qs(urlsplit(path).query) for path, _ in faults.bodies if "alt=media" in path]
    assert [words.get("ifGenerationMatch") for words in asked] == [[generation]] * 3


def test_what_a_killed_compose_left_is_swept_after_an_hour(
    gcs_address: str, make_place: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = make_place("gs").open()
    for name in ("a/kiwi.tar", "a/kiwi-00002.tar", "a/lemon.tar", "b/kiwi.tar"):
        folder, _, file = name.rpartition("/")
        put(storage, f"{folder}/{temporary_name(file)}", b"x")
    assert storage.remove_abandoned(".parts/a", ["a/kiwi.tar"]) == 0
    monkeypatch.setattr(gcs, "ABANDONED", -60.0)
    assert storage.remove_abandoned(".parts/a", ["a/kiwi.tar", "a/kiwi.manifest.json"]) == 2
    assert len(everything(storage)) == 2


def test_a_compose_that_fails_leaves_nothing(proxy: tuple[Place, Faults]) -> None:
    place, _ = proxy
    storage = place.open()
    put(storage, "x", NOISE)
    pieces = [b"head", Range("x", 0, len(NOISE)), Range("nope", 0, 5)]
    with pytest.raises(NotFound):
        storage.compose("y", pieces)
    assert everything(storage) == ["x"]
