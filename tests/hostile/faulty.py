"""Storages that fail, stall, lie and die as real ones do, by a seed: what an export has to come through unharmed.

`ObjectStorage` is an object storage in memory: whole-object writes, an identity for each, reads on condition. Any
number of clients share one `Bucket`. `Faulty` stands before any storage and does harm to its calls as `Faults` decides.
"""

from __future__ import annotations

import io
import itertools
import random
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, BinaryIO, cast

from airflow_savemasks.engine.errors import Changed, NotFound, StorageError
from airflow_savemasks.engine.storage.base import Buffer, Entry, Folder, NewFile, Piece, Placed, Range, Storage

HOUR = 3600.0
REMEMBERED = 12  # states of a bucket that a late listing may show
RANDOM_NAME = re.compile(r"[0-9a-f]{16,40}")


class Killed(BaseException):
    """The process is dead: nothing of it reaches the storage any more."""


@dataclass(frozen=True, slots=True)
class Stored:
    content: bytes
    entry: Entry


class Bucket:
    """What a server holds. etags: identities are of the content, as S3 has them; otherwise each write has its own."""

    def __init__(self, *, etags: bool = False) -> None:
        self.files: dict[str, Stored] = {}
        self.before: deque[dict[str, Stored]] = deque(maxlen=REMEMBERED)
        self.clock = 1_700_000_000.0
        self.etags = etags
        self.lock = threading.RLock()
        self._writes = itertools.count(1)

    def put(self, path: str, content: bytes) -> Entry:
        with self.lock:
            self.before.append(dict(self.files))
            self.clock += 0.001
            made = sha256(content).hexdigest() if self.etags else f"generation {next(self._writes)}"
            entry = Entry(len(content), made, self.clock)
            self.files[path] = Stored(content, entry)
            return entry

    def remove(self, path: str) -> None:
        with self.lock:
            self.before.append(dict(self.files))
            self.files.pop(path, None)

    def paths(self, start: str = "") -> list[str]:
        return sorted(path for path in self.files if path.startswith(start))


class _Object(io.BytesIO):
    entry: Entry


class ObjectStorage(Storage):
    """A client of a bucket. stale: how many writes ago the state is that listings show."""

    uri = "memory://bucket"

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.stale: Callable[[], int] = lambda: 0

    def locate(self, path: str) -> str:
        return f"{self.uri}/{path}"

    def watch(self, stop: threading.Event) -> None:
        pass

    def listdir(self, path: str) -> Folder:
        start = f"{path}/" if path else ""
        with self.bucket.lock:
            stale = self.stale()
            files = self.bucket.before[-stale] if 0 < stale <= len(self.bucket.before) else dict(self.bucket.files)
        below = {name[len(start) :]: stored.entry for name, stored in files.items() if name.startswith(start)}
        folders = sorted({name.partition("/")[0] for name in below if "/" in name})
        return Folder(folders, {name: entry for name, entry in below.items() if "/" not in name})

    def stat(self, path: str) -> Entry | None:
        stored = self.bucket.files.get(path)
        return stored and stored.entry

    def read(self, path: str, known: Entry | None = None) -> bytes:
        stored = self.bucket.files.get(path)
        if stored is None:
            raise NotFound(self.locate(path), "does not exist", "Put it there")
        if known is not None and stored.entry != known:
            raise Changed(self.locate(path))
        return stored.content

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        while size > 0:
            data = self.read(path, known)[offset : offset + min(size, 20_000)]
            if not data:
                raise StorageError(self.locate(path), f"ends {size} bytes too early", "Export again with reuse=False")
            yield data
            offset, size = offset + len(data), size - len(data)

    @contextmanager
    def writing(self, path: str) -> Iterator[NewFile]:
        out = _Object()
        yield cast("NewFile", out)
        out.entry = self.bucket.put(path, out.getvalue())

    def compose(self, path: str, pieces: Sequence[Piece]) -> Entry:
        parts: list[bytes] = []
        for piece in pieces:
            if isinstance(piece, bytes):
                parts.append(piece)
            else:
                parts += self.stream(piece.path, piece.offset, piece.size, piece.known)
        return self.bucket.put(path, b"".join(parts))

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.bucket.remove(path)

    def obstacle(self, path: str) -> str | None:
        return None

    def remove_abandoned(self, folder: str, names: Iterable[str]) -> int:
        return 0


@dataclass
class Faults:
    """What goes wrong, by a seed: the same for the same seed and the same calls, whatever threads make them.

    rates: chance of a harm for each call: "fail" before it is done, "lose" its answer, "kill" before, "die" after it,
    "stall", "cut" a stream, "late" and "mixed" listings, "back" the clock by an hour. at: what is to be done before the
    nth call of a kind, by (operation, kind of path, n), whatever the rates say. log: all calls.
    """

    seed: object = 0
    rates: dict[str, float] = field(default_factory=dict)
    at: dict[tuple[str, str, int], Callable[[], None]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    dead: bool = False
    done: Counter[str] = field(default_factory=Counter)
    _calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def choice(self, operation: str, path: str) -> random.Random:
        """The dice for one call. Raises Killed for a dead client."""
        self.obey()
        kind = kind_of(path)
        with self._lock:
            number = self._calls[operation, kind]
            self._calls[operation, kind] += 1
            self.log.append(f"{operation} {path} #{number}")
        if act := self.at.pop((operation, kind, number), None):
            act()
            self.obey()
        return random.Random(f"{self.seed} {operation} {kind} {number}")

    def obey(self) -> None:
        if self.dead:
            raise Killed

    def happens(self, harm: str, dice: random.Random) -> bool:
        chance = dice.random()
        if chance >= self.rates.get(harm, 0.0):
            return False
        self.done[harm] += 1
        self.log.append(f"    {harm}")
        return True

    def before(self, operation: str, path: str, where: str) -> random.Random:
        dice = self.choice(operation, path)
        if self.happens("stall", dice):
            time.sleep(dice.random() * 0.003)
        if self.happens("kill", dice):
            self.kill()
        if self.happens("fail", dice):
            raise StorageError(where, "a fault of the network", "Try again")
        return dice

    def after(self, dice: random.Random, where: str) -> None:
        self.obey()
        if self.happens("die", dice):
            self.kill()
        if self.happens("lose", dice):
            raise StorageError(where, "the answer was lost", "Try again")

    def kill(self) -> None:
        self.dead = True
        raise Killed


def kind_of(path: str) -> str:
    """A path without what is random in it."""
    return RANDOM_NAME.sub("*", path).replace("*.*.receipt", "*..receipt")


class Faulty(Storage):
    """A storage whose calls suffer what `faults` decides."""

    def __init__(self, inner: Storage, faults: Faults) -> None:
        self.inner, self.faults = inner, faults
        self.uri, self.boot_id, self.keeps_parts = inner.uri, inner.boot_id, inner.keeps_parts
        self.grows = inner.grows

    def locate(self, path: str) -> str:
        return self.inner.locate(path)

    def link(self, path: str) -> str | None:
        return self.inner.link(path)

    def obstacle(self, path: str) -> str | None:
        self.faults.obey()
        return self.inner.obstacle(path)

    def watch(self, stop: threading.Event) -> None:
        self.inner.watch(stop)

    def listdir(self, path: str) -> Folder:
        dice = self.faults.before("list", path, self.locate(path))
        if isinstance(self.inner, ObjectStorage):
            stale = dice.randint(1, REMEMBERED) if self.faults.happens("late", dice) else 0
            self.inner.stale = lambda: stale
        found = self.inner.listdir(path)
        names = sorted(found.files)
        if self.faults.happens("mixed", dice):
            dice.shuffle(names)
        return Folder(found.folders, {name: self._aged(found.files[name], dice) for name in names}, found.others)

    def _aged(self, entry: Entry, dice: random.Random) -> Entry:
        back = HOUR if self.faults.happens("back", dice) else 0.0
        return Entry(entry.size, entry.identity, entry.modified - back)

    def stat(self, path: str) -> Entry | None:
        dice = self.faults.before("stat", path, self.locate(path))
        entry = self.inner.stat(path)
        return entry and self._aged(entry, dice)

    def read(self, path: str, known: Entry | None = None) -> bytes:
        self.faults.before("read", path, self.locate(path))
        return self.inner.read(path, known)

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        dice = self.faults.before("stream", path, self.locate(path))
        cut = self.faults.happens("cut", dice)
        for chunk in self.inner.stream(path, offset, size, known):
            self.faults.obey()
            if cut:
                yield chunk[: dice.randrange(len(chunk))]
                raise StorageError(self.locate(path), "ends too early", "Try again")
            yield chunk

    @contextmanager
    def writing(self, path: str) -> Iterator[NewFile]:
        self.faults.before("open", path, self.locate(path))
        with self.inner.writing(path) as out:
            yield out
            dice = self.faults.before("put", path, self.locate(path))
        self.faults.after(dice, self.locate(path))

    def compose(self, path: str, pieces: Sequence[Piece]) -> Entry:
        dice = self.faults.before("compose", path, self.locate(path))
        for piece in pieces:
            if isinstance(piece, Range):
                self.faults.log.append(f"    of {piece.path} {piece.offset}+{piece.size}")
        made = self.inner.compose(path, pieces)
        self.faults.after(dice, self.locate(path))
        return made

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            dice = self.faults.before("delete", path, self.locate(path))
            self.inner.delete([path])
            self.faults.after(dice, self.locate(path))

    def remove_abandoned(self, folder: str, names: Iterable[str]) -> int:
        self.faults.before("abandoned", folder, self.locate(folder))
        return self.inner.remove_abandoned(folder, names)

    def remove_growing(self, path: str) -> None:
        dice = self.faults.before("delete", path, self.locate(path))
        self.inner.remove_growing(path)
        self.faults.after(dice, self.locate(path))

    @contextmanager
    def growing(self, path: str) -> Iterator[BinaryIO | None]:
        self.faults.before("grow", path, self.locate(path))
        with self.inner.growing(path) as file:
            yield None if file is None else cast("BinaryIO", _Open(file, self.faults, path))


class _Open:
    """A growing file: a dead process neither writes it nor cuts anything off."""

    def __init__(self, file: BinaryIO, faults: Faults, path: str) -> None:
        self._file, self._faults, self._path = file, faults, path

    def write(self, data: bytes) -> int:
        self._faults.before("append", self._path, self._path)
        return self._file.write(data)

    def write_at(self, pieces: Sequence[Buffer], offset: int) -> None:
        self._faults.before("append", self._path, self._path)
        cast("Placed", self._file).write_at(pieces, offset)

    def __getattr__(self, name: str) -> Any:
        self._faults.obey()
        return getattr(self._file, name)
