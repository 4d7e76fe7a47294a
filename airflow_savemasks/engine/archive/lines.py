"""Text files of a storage line by line, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_savemasks.engine.storage.base import Entry, ReadableStorage


def read_lines(
    storage: ReadableStorage, path: str, size: int, known: Entry | None = None, offset: int = 0
) -> Iterator[bytes]:
    """The lines in `size` bytes of a file, with their ends. Raises StorageError, and Changed as `stream` does."""
    return _split(storage.stream(path, offset, size, known)) if size else iter(())


def _split(chunks: Iterator[bytes]) -> Iterator[bytes]:
    held = b""
    for chunk in chunks:
        lines = (held + chunk).split(b"\n")
        held = lines.pop()
        for line in lines:
            yield line + b"\n"
    if held:
        yield held
