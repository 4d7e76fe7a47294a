"""Files as answers: read by ranges, a few megabytes at a time, and never more than the index vouches for."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi.responses import JSONResponse, Response, StreamingResponse

from airflow_savemasks.engine.errors import ArchiveError
from airflow_savemasks.ui.media import JSON, SHOWN, picture_type

if TYPE_CHECKING:
    from starlette.requests import Request

    from airflow_savemasks.engine.reading.item import ArchiveItem
    from airflow_savemasks.engine.storage.base import Entry, ReadableStorage
    from airflow_savemasks.ui.previews import Previews

PIECE = 4 << 20  # bytes of a file in memory
KEEP = "private, max-age=604800, immutable"  # for a URL that says which bytes it means
ASK = "private, no-cache"
MARK = 16  # digits of a file's SHA-256 in its URL


def file_of(
    request: Request, item: ArchiveItem, kind: str, mark: str, side: int | None, previews: Previews
) -> Response:
    """One file of an item. mark: which bytes the URL means; side: of a preview, one of SIDES, or None for the file."""
    member = item.member(kind)
    if member is None:
        return problem(404, f"{item.name} has no file of kind {kind!r}")
    tag = f'"{member.sha256}{"" if side is None else f"-{side}"}"'
    headers = {"ETag": tag, "Cache-Control": KEEP if mark == member.sha256[:MARK] else ASK}
    if same(request, tag):
        return Response(status_code=304, headers=headers)
    if side is not None and kind != "annotation":
        content, found = previews.give(member.sha256, kind, side, lambda: item.bytes(kind))
        return Response(content, media_type=found, headers=headers)
    read = pieces(item, kind)
    first = next(read, b"")
    media = JSON if kind == "annotation" else picture_type(first)
    if media is None:
        return problem(415, f"{member.name} is no picture of a kind that is shown, whatever its name says")
    headers |= {"Content-Length": str(member.size)}
    if media not in SHOWN and media != JSON:
        headers |= attachment(member.name)
    return StreamingResponse(chain([first], read), media_type=media, headers=headers)


def pieces(item: ArchiveItem, kind: str) -> Iterator[bytes]:
    """A file of an item. Its last piece is given out only once all of it is known to be what was written.

    Raises ArchiveError, StorageError.
    """
    member = item.member(kind)
    assert member is not None
    volume, offset, size = item.place(member)
    running = sha256()
    for at in range(0, size, PIECE):
        piece = item.archive.ranges.read(volume, offset + at, min(PIECE, size - at))
        running.update(piece)
        if at + PIECE >= size and running.hexdigest() != member.sha256:
            raise ArchiveError(f"{item.archive.uri}, {member.name}", "is not what was written", "Verify the archive")
        yield piece


def zip_of(item: ArchiveItem) -> Response:
    """All files of an item. Raises ArchiveError, StorageError where the first of them cannot be read."""
    name = item.name.replace("/", "_")
    zipped = _zipped(item)
    first = next(zipped)  # an archive that was replaced is an answer, and no half of a zip
    return StreamingResponse(chain([first], zipped), media_type="application/zip", headers=attachment(f"{name}.zip"))


def stored(storage: ReadableStorage, path: str, known: Entry, media: str) -> Response:
    """A whole file of Team Files, as it was when `known` was looked at."""
    headers = {**attachment(path), "Content-Length": str(known.size), "Cache-Control": "private, no-store"}
    read = storage.stream(path, 0, known.size, known) if known.size else iter(())
    first = next(read, b"")  # an error of the first byte is an answer, one of a later byte ends the connection
    return StreamingResponse(chain([first], read), media_type=media, headers=headers)


def attachment(path: str) -> dict[str, str]:
    """A header that makes a browser save a file under the last part of a path, whatever letters that has."""
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(path.rpartition('/')[2], safe='')}"}


def same(request: Request, tag: str) -> bool:
    """Whether the browser has it already."""
    asked = request.headers.get("if-none-match", "")
    return tag in [one.strip().removeprefix("W/") for one in asked.split(",")]


def problem(status: int, fact: str, place: str = "", fix: str = "") -> Response:
    """An error as JSON."""
    return JSONResponse({"place": place, "fact": fact, "fix": fix}, status)


class _Sink(io.RawIOBase):
    """What a zip is written to: it cannot go back, and is emptied after every piece."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._held.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        held, self._held = b"".join(self._held), []
        return held


def _zipped(item: ArchiveItem) -> Iterator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for kind, name in item.files.items():
            safe = "/".join(part for part in name.split("/") if part not in ("", ".", ".."))
            with archive.open(zipfile.ZipInfo(safe), "w", force_zip64=True) as out:
                for piece in pieces(item, kind):
                    out.write(piece)
                    yield sink.taken()
    yield sink.taken()
