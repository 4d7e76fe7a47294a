"""How a file of a folder is put together of others: linked where that can be, otherwise copied by the system."""

from __future__ import annotations

import os
import stat
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, BinaryIO

from airflow_savemasks.engine.errors import Changed, StorageError
from airflow_savemasks.engine.storage.base import WORK_FOLDER, Entry, NewFile, Piece, Range
from airflow_savemasks.engine.storage.folder_conditions import made_in_folder
from airflow_savemasks.engine.storage.folder_reading import EXPORT_AGAIN, FolderReader
from airflow_savemasks.engine.storage.open_files import (
    COPIED,
    STEADY,
    begin_to_write_out,
    copy_range,
    entry_of,
    lock,
    open_regular,
    replace_file,
    sync,
    unchanged,
)
from airflow_savemasks.engine.storage.temporary import temporary_name


class FolderComposer(FolderReader):
    """The third of a folder as storage that composes."""

    @abstractmethod
    def writing(self, path: str) -> AbstractContextManager[NewFile]:
        """As a Storage has it."""

    def compose(self, path: str, pieces: Sequence[Piece]) -> Entry:
        first = pieces[0] if pieces else None
        if len(pieces) == 1 and isinstance(first, Range) and (linked := self._link(path, first)) is not None:
            return linked
        if isinstance(first, Range) and self._is_work_file(first):
            adopted = self._adopt(path, first, pieces[1:])
            if adopted is not None:
                return adopted
        with self.writing(path) as out:
            self._append(out, pieces)
        return out.entry

    def _append(self, out: IO[bytes], pieces: Sequence[Piece]) -> None:
        """Pieces behind what a file has; the disk writes the first of them while the next ones are copied."""
        begun = out.tell()
        for piece in pieces:
            self._obey()
            if isinstance(piece, bytes):
                out.write(piece)
                continue
            out.flush()
            for part in _in_steps(piece):
                self._copy(part, out.fileno())
                at = os.lseek(out.fileno(), 0, os.SEEK_CUR)
                if at - begun >= STEADY:
                    begin_to_write_out(out.fileno(), begun, at)
                    begun = at

    def _link(self, path: str, piece: Range) -> Entry | None:
        """Give a whole published file a second name; None where it is no such file, or there are no hard links.

        Neither name's file is ever written again: what is published is replaced.
        """
        known = piece.known
        if known is None or piece.path.startswith(f"{WORK_FOLDER}/") or (piece.offset, piece.size) != (0, known.size):
            return None
        target = self.root / path
        temporary = target.with_name(temporary_name(target.name))
        with self._errors(path):
            self._check(path, to_write=True)
        with self._errors(piece.path):
            self._check(piece.path)
        try:
            made_in_folder(target.parent, lambda: os.link(self.root / piece.path, temporary, follow_symlinks=False))
        except OSError:
            return None  # it is copied instead, and tells what is wrong if that fails too
        try:
            with self._errors(path):
                found = os.lstat(temporary)
                if not stat.S_ISREG(found.st_mode):
                    return None
                self._is_known(piece, found)
                self._obey()
                replace_file(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        return entry_of(found)

    def _is_work_file(self, piece: Range) -> bool:
        """Whether a range is a whole file of the work folder."""
        entry = self.stat(piece.path) if piece.path.startswith(f"{WORK_FOLDER}/") and not piece.offset else None
        return entry is not None and entry.size == piece.size

    def _adopt(self, path: str, first: Range, rest: Sequence[Piece]) -> Entry | None:
        """Publish a work file under another name, the rest written behind it, without copying it.

        None where the file system has no hard links, or where somebody else writes or publishes the work file: then
        it is copied instead. The work file stays until it is deleted, and is never written again.
        """
        target = self.root / path
        temporary = target.with_name(temporary_name(target.name))
        with self._errors(path):
            self._check(path, to_write=True)
        try:
            os.link(self.root / first.path, temporary)
        except OSError:
            return None  # it is copied instead, and tells what is wrong if that fails too
        try:
            with self._errors(path), temporary.open("r+b") as file:
                seen = os.fstat(file.fileno())
                if not lock(file) or seen.st_nlink != 2 or os.fstat(file.fileno()).st_size != first.size:
                    return None
                self._is_known(first, seen)
                return self._publish(file, first.size, rest, temporary, target)
        finally:
            temporary.unlink(missing_ok=True)

    def _publish(self, file: BinaryIO, size: int, rest: Sequence[Piece], temporary: Path, target: Path) -> Entry:
        try:
            file.seek(size)
            self._append(file, rest)
            file.flush()
            sync(file, self._stop)
            self._obey()
            entry = entry_of(os.fstat(file.fileno()))
            replace_file(temporary, target)
        except BaseException:
            os.truncate(file.fileno(), size)  # the next try finds the work file as it was
            raise
        return entry

    def _copy(self, piece: Range, target: int) -> None:
        with self._errors(piece.path):
            self._check(piece.path)
            source = open_regular(str(self.root / piece.path))
            try:
                before = os.fstat(source)
                known = piece.known is not None and not os.path.sameopenfile(source, target)  # adopted: ours, locked
                if known:
                    self._is_known(piece, before)
                left = piece.size - copy_range(source, target, piece.offset, piece.size, self._obey)
                if known and not unchanged(before, os.fstat(source)):
                    raise Changed(self.locate(piece.path))
            finally:
                os.close(source)
        if left:
            raise StorageError(self.locate(piece.path), f"ends {left} bytes too early", EXPORT_AGAIN)

    def _is_known(self, piece: Range, found: os.stat_result) -> None:
        """Raises Changed where an opened file is not the one that a range was chosen of."""
        if piece.known is not None and piece.known.identity != entry_of(found).identity:
            raise Changed(self.locate(piece.path))


def _in_steps(piece: Range) -> Iterator[Range]:
    """A range cut into runs of COPIED bytes."""
    for start in range(0, max(piece.size, 1), COPIED):
        yield Range(piece.path, piece.offset + start, min(COPIED, piece.size - start), piece.known)
