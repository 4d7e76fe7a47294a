"""The index beside an archive: a line of JSON for each item, in the order of the archive. Pure.

    {"volume": 0, "offset": 1536, "size": 9216, "item": "ds/x.png", "key": "5c...", "source": {...}, ...}

The item's bytes are `size` bytes at `offset` of the archive's volume of that number: its members one after the other,
each a header, the content, and what fills it up to the next 512 bytes. A member's own `offset` is that of its content
from the item's first byte. All that a line says but `volume` and `offset` stays true wherever the item is copied to, so
a line is moved by writing its beginning anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson
from pydantic import Field, TypeAdapter

Place = tuple[tuple[str, ...], int, str]  # an item's place in the order of an archive, see `Origin.place`
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, strict=True)]

_START = b'{"volume":%d,"offset":%d,'


@dataclass(frozen=True, slots=True)
class Origin:
    """Which item of which source it is. input: number of the layer's input; name: of the picture at the source."""

    input: Count
    dataset: str
    name: str

    @property
    def place(self) -> Place:
        """Archives are in this order: by dataset, then by input, then by name."""
        return tuple(self.dataset.split("/")), self.input, self.name


@dataclass(frozen=True, slots=True)
class Member:
    """offset: of the file's content in bytes from the item's first byte; size, sha256: of the content."""

    kind: str
    name: str
    offset: Count
    size: Count
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class IndexLine:
    """One item of an archive, or of a finished part (which is its volume 0).

    item: its folder and name in the archive; key: digest of all that its bytes depend on; pixels: class name -> visible
    pixels; undrawn: shape -> labels of it that are not drawn, as the shape is unknown; instances: what is visible of
    each label, None where there is no mask of ids; split: the share that it belongs to, or "".
    """

    volume: Count
    offset: Count
    size: Count
    item: str
    key: Key
    source: Origin
    height: Count
    width: Count
    labels: Count
    members: list[Member]
    pixels: dict[str, Count]
    undrawn: dict[str, Count] = field(default_factory=dict)
    instances: list[dict[str, Any]] | None = None
    split: str = ""


@dataclass(frozen=True, slots=True)
class KnownItem:
    """What an item is known by, and what is counted of it: of a line, as much as reusing the item takes.

    place: in the order of archives; files: how many members it has. All else is as in IndexLine.
    """

    volume: int
    offset: int
    size: int
    item: str
    key: str
    place: Place
    labels: int
    files: int
    pixels: dict[str, int]
    undrawn: dict[str, int]
    split: str = ""


_LINE = TypeAdapter(IndexLine)


def rest_of_line(
    size: int,
    item: str,
    key: str,
    source: Origin,
    shape: tuple[int, int],
    labels: int,
    members: Sequence[Member],
    pixels: dict[str, int],
    undrawn: dict[str, int],
    notes: Mapping[str, Any] | None = None,
) -> bytes:
    """A line without its beginning, which says where the item lies.

    shape: height and width in pixels; notes: keys that only some options ask for.
    """
    facts: dict[str, Any] = {"size": size, "item": item, "key": key, "source": source}
    facts |= {"height": shape[0], "width": shape[1], "labels": labels, "members": members, "pixels": pixels}
    if undrawn:
        facts["undrawn"] = undrawn
    facts |= notes or {}
    return orjson.dumps(facts)[1:] + b"\n"


def line_at(volume: int, offset: int, rest: bytes) -> bytes:
    """A whole line from its rest."""
    return _START % (volume, offset) + rest


def moved(line: bytes, known: KnownItem, volume: int, offset: int) -> bytes:
    """The line of an item that lies somewhere else now. known: what `read_line` made of the line."""
    start = _START % (known.volume, known.offset)
    if not line.startswith(start):  # it is the same JSON in another spelling
        raw = {**orjson.loads(line), "volume": volume, "offset": offset}
        return orjson.dumps(raw) + b"\n"
    return line_at(volume, offset, line[len(start) :])


def parse_line(line: bytes) -> IndexLine:
    """A whole line, checked. Raises ValueError for one that is damaged or of an earlier version."""
    return _LINE.validate_json(line)


def read_line(line: bytes) -> KnownItem:
    """What reusing an item takes of its line, a tenth of the time of `parse_line`. Raises ValueError as that does."""
    raw = orjson.loads(line)
    try:
        source = raw["source"]
        known = KnownItem(
            raw["volume"],
            raw["offset"],
            raw["size"],
            raw["item"],
            raw["key"],
            (tuple(source["dataset"].split("/")), source["input"], source["name"]),
            raw["labels"],
            len(raw["members"]),
            raw["pixels"],
            raw.get("undrawn") or {},
            raw.get("split", ""),
        )
        numbers = (
            known.volume,
            known.offset,
            known.size,
            known.labels,
            *known.pixels.values(),
            *known.undrawn.values(),
        )
        texts = (known.item, known.key, source["name"], known.split)
        if type(source["input"]) is not int or any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError("a number is none")
        if any(type(text) is not str for text in texts):
            raise ValueError("a text is none")
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"a line of the index lacks something ({error!r})") from error
    return known


def check_raw(raw: Any) -> dict[str, Any]:
    """A parsed line whose parts have the types that its readers rely on, in a third of the time of `parse_line`.

    Raises ValueError.
    """
    try:
        source = raw["source"]
        members = raw["members"]
        texts = (raw["item"], source["dataset"], source["name"], raw.get("split", ""))
        texts += tuple(text for one in members for text in (one["kind"], one["name"], one["sha256"]))
        numbers = (source["input"], raw["height"], raw["width"], raw["labels"], *raw["pixels"].values())
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it lacks something: {error!r}") from error
    if set(map(type, texts)) != {str} or set(map(type, numbers)) != {int}:
        raise ValueError("a text or a number is none")
    return raw  # type: ignore[no-any-return]
