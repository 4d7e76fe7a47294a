"""The index of an archive as a file, so that the tasks of a group read it once: JSON, a row for each member."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from airflow_savemasks.engine.storage.base import Entry
from airflow_savemasks.engine.storage.packed_index import Member

FORMAT = 1
File = tuple[int, str, float]  # size, identity, time
KEPT = TypeAdapter(tuple[int, File, list[tuple[str, File, int, int, int, bool]]])  # offset, packed, check, deflated


def dump(members: Mapping[str, Member], archive: Entry) -> bytes:
    """Compressed. Names that are no UTF-8 are kept, too."""
    rows = [
        [path, _file(member.entry), member.offset, member.packed, member.check, member.deflated]
        for path, member in members.items()
    ]
    words = json.dumps([FORMAT, _file(archive), rows], separators=(",", ":"))
    return zlib.compress(words.encode("ascii"), 1)


def load(data: bytes) -> tuple[dict[str, Member], Entry]:
    """Members by path, and the archive that they lie in. Raises ValueError."""
    try:
        number, archive, rows = KEPT.validate_python(json.loads(zlib.decompress(data)))
    except (zlib.error, ValidationError) as error:
        raise ValueError(f"no index: {error}") from error
    if number != FORMAT:
        raise ValueError(f"an index of format {number}, and {FORMAT} is read here")
    members = {
        path: Member(Entry(*file), offset, packed, check, deflated)
        for path, file, offset, packed, check, deflated in rows
    }
    return members, Entry(*archive)


def _file(entry: Entry) -> File:
    return entry.size, entry.identity, entry.modified
