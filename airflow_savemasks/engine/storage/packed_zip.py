"""The index of a zip, and what is packed in it. The index is read entry by entry: no zip makes a list of it first."""

from __future__ import annotations

import calendar
import zlib
from collections.abc import Iterator
from datetime import datetime
from struct import Struct
from zipfile import BadZipFile

from airflow_savemasks.engine.errors import StorageError
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.storage.base import Entry
from airflow_savemasks.engine.storage.packed_index import PACK_AGAIN, Index, Member
from airflow_savemasks.engine.storage.range_reader import RangeReader, Readable

END, END_64, LOCATOR_64 = Struct("<4s4H2LH"), Struct("<4sQ2H2L4Q"), Struct("<4sLQL")
ENTRY = Struct("<4s6H3L5H2L")
COMMENT = 65_535  # bytes at most, at the end
EXTRA_64 = 1  # the id of the extra field with sizes of 64 bits
STORED, DEFLATED = 0, 8
ENCRYPTED, UTF8 = 1, 1 << 11
MACOS_FOLDER = "__MACOSX/"  # what macOS adds to a zip
PIECE = 64 << 10  # packed bytes inflated at once
SLACK = 64 << 10  # bytes that packed data may be larger than the file


def zip_index(source: Readable, archive: Entry, uri: str, limits: Limits, *, remote: bool) -> Index:
    """The files of a zip. remote: whether a network is between. Raises StorageError, BadZipFile, ValueError."""
    file = RangeReader(source, archive, limits, remote=remote)
    index = Index(uri, limits, later_wins=False)
    for name, flags, method, member in _entries(file, limits):
        if name.endswith("/") or name.startswith(MACOS_FOLDER):
            continue
        if flags & ENCRYPTED:
            raise StorageError(uri, f"{name!r} is encrypted", "Pack it without a password")
        if method not in {STORED, DEFLATED}:
            raise StorageError(uri, f"{name!r} is not deflated", "Pack it with an ordinary zip program")
        most = member.entry.size + member.entry.size // 100 + SLACK if method == DEFLATED else member.entry.size
        if member.packed > most:
            raise StorageError(uri, f"{name!r} is larger packed than it says to be unpacked", PACK_AGAIN)
        index.add(name, member)
    return index


def inflate(packed: bytes, size: int) -> bytes | None:
    """Deflated bytes unpacked; None where there are more or fewer than `size`. Raises zlib.error."""
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces, came = [], 0
    view = memoryview(packed)
    for at in range(0, len(packed), PIECE):
        piece: bytes | memoryview = view[at : at + PIECE]
        while piece and not decoder.eof:
            out = decoder.decompress(piece, size - came + 1)
            pieces.append(out)
            came += len(out)
            if came > size:
                return None
            piece = decoder.unconsumed_tail
    return b"".join(pieces) if decoder.eof and came == size else None


def _entries(file: RangeReader, limits: Limits) -> Iterator[tuple[str, int, int, Member]]:
    """Name, flags, method and place of each entry of the central directory."""
    at, size, before = _directory(file, limits)
    end = at + size
    while at < end:
        file.allow()
        file.seek(at)
        fields = file.read(ENTRY.size)
        if len(fields) < ENTRY.size or fields[:4] != b"PK\1\2":
            raise BadZipFile(f"no entry of its directory where one should be, at byte {at}")
        _, _, _, flags, method, time, date, crc, packed, unpacked, *lengths, _, _, _, offset = ENTRY.unpack(fields)
        raw, extra = file.read(lengths[0]), file.read(lengths[1])
        at += ENTRY.size + sum(lengths)
        unpacked, packed, offset = _large(extra, [unpacked, packed, offset])
        name = raw.decode("utf-8", "surrogateescape") if flags & UTF8 else raw.decode("cp437")
        entry = Entry(unpacked, f"{crc:08x}-{unpacked}-{date:04x}{time:04x}", _modified(date, time))
        yield name, flags, method, Member(entry, before + offset, packed, crc, method == DEFLATED)
    if at != end:
        raise BadZipFile("its directory has another length than it says")


def _directory(file: RangeReader, limits: Limits) -> tuple[int, int, int]:
    """Where the directory begins, its bytes, and how many bytes stand before the zip."""
    file.allow(2 * COMMENT)
    file.seek(max(0, file.size - END.size - COMMENT))
    tail = file.read(END.size + COMMENT)
    here = tail.rfind(b"PK\5\6")
    if here < 0 or len(tail) - here < END.size:
        raise BadZipFile("it has no directory at its end")
    place = file.size - len(tail) + here
    *_, count, size, offset, comment = END.unpack_from(tail, here)
    if len(tail) - here < END.size + comment:
        raise BadZipFile("it ends too early")
    if here >= LOCATOR_64.size and tail[here - LOCATOR_64.size :][:4] == b"PK\6\7":
        place -= LOCATOR_64.size + END_64.size
        if place < 0:
            raise BadZipFile("the end of the central directory in 64 bits is missing")
        file.seek(place)
        end = file.read(END_64.size)
        if len(end) < END_64.size or end[:4] != b"PK\6\6":
            raise BadZipFile("its large directory is not where it should be")
        *_, count, size, offset = END_64.unpack(end)
    limits.check("members", count)
    before = place - size - offset
    if before < 0:
        raise BadZipFile("its directory is not where it should be")
    return offset + before, size, before


def _large(extra: bytes, sizes: list[int]) -> list[int]:
    """Sizes and offset, those of 64 bits taken from the extra field."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = (int.from_bytes(extra[at + place : at + place + 2], "little") for place in (0, 2))
        if kind == EXTRA_64:
            data = extra[at + 4 : at + 4 + length]
            for number, value in enumerate(sizes):
                if value == 0xFFFFFFFF:
                    if len(data) < 8:
                        raise BadZipFile("a large file without its size")
                    sizes[number], data = int.from_bytes(data[:8], "little"), data[8:]
        at += 4 + length
    return sizes


def _modified(date: int, time: int) -> float:
    """Seconds since 1970; 0 for no date or an odd one, as programs without a clock write it."""
    parts = (1980 + (date >> 9), date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, (time & 31) * 2)
    try:
        return float(calendar.timegm(datetime(*parts).timetuple()))  # noqa: DTZ001 - a zip knows no zones
    except ValueError:
        return 0.0
