"""What can go wrong between a client and an instance, switched on and off by a test.

Every switch takes which methods are concerned (a shell pattern: `images.*`), which share of their requests, how many
in all (`times`) and how many to spare first (`after`). Shares are drawn from a seed in the order of arrival, so the
n-th request of a kind has the same fate in every run.

    >>> faults = Faults(seed=1)
    >>> twice = faults.fail(503, method="images.*", times=2)
    >>> [len(faults.due("images.list")) for _ in range(3)], len(faults.due("projects.info")), twice.fired
    ([1, 1, 0], 0, 2)
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any, TypedDict, Unpack

UPLOADS = "file-storage.*upload"
BULK_ANSWERS = ("images.bulk.download", "annotations.bulk.info", "figures.bulk.download.geometry")


class Effect(Enum):
    """Kinds of faults."""

    FAIL = "another status"
    DROP = "connection closed, nothing done"
    LOSE_ANSWER = "the work is done, the connection closed before the answer"
    TRUNCATE = "connection closed in the middle of the answer"
    BREAK_UPLOAD = "connection closed in the middle of the request"
    SLOW = "a late answer"
    LEAVE_OUT = "one item missing in a bulk answer"
    WRONG_HASH = "another hash in the answer to an upload"
    WRONG_SIZE = "another size in the answer to an upload"


class Scope(TypedDict, total=False):
    """Which requests a fault concerns; see the module."""

    method: str
    share: float
    times: int | None
    after: int


@dataclass
class Fault:
    """A fault that is switched on; `matched` and `fired` count the requests it concerned and those it spoiled."""

    effect: Effect
    method: str = "*"
    share: float = 1.0
    times: int | None = None
    after: int = 0
    details: dict[str, Any] = field(default_factory=dict)
    chance: random.Random = field(default_factory=random.Random, repr=False)
    matched: int = 0
    fired: int = 0

    def strikes(self, method: str) -> bool:
        """Decide about the next request of a method, and count it."""
        if not fnmatchcase(method, self.method):
            return False
        self.matched += 1
        if self.matched <= self.after or (self.times is not None and self.fired >= self.times):
            return False
        if self.chance.random() >= self.share:
            return False
        self.fired += 1
        return True


class Faults:
    """All faults that are switched on."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._faults: list[Fault] = []
        self._switched = 0
        self._lock = threading.Lock()

    def due(self, method: str) -> list[Fault]:
        """Return the faults that strike the request that has just arrived."""
        with self._lock:
            return [fault for fault in self._faults if fault.strikes(method)]

    def clear(self) -> None:
        """Switch all faults off; shares are drawn from the start again."""
        with self._lock:
            self._faults.clear()
            self._switched = 0

    def remove(self, fault: Fault) -> None:
        """Switch one fault off."""
        with self._lock:
            self._faults = [other for other in self._faults if other is not fault]

    def fail(self, status: int = 503, *, retry_after: int | None = None, **scope: Unpack[Scope]) -> Fault:
        """Answer with a status (429 with `Retry-After: <retry_after>` if given) in place of doing the work."""
        return self._switch(Effect.FAIL, scope, status=status, retry_after=retry_after)

    def revoke_token(self, **scope: Unpack[Scope]) -> Fault:
        """Answer 401 although the token is the right one."""
        return self._switch(Effect.FAIL, scope, status=401, retry_after=None)

    def forbid(self, **scope: Unpack[Scope]) -> Fault:
        """Answer 403: the token's owner lacks the rights."""
        return self._switch(Effect.FAIL, scope, status=403, retry_after=None)

    def drop(self, **scope: Unpack[Scope]) -> Fault:
        """Close the connection without doing anything."""
        return self._switch(Effect.DROP, scope)

    def lose_answer(self, **scope: Unpack[Scope]) -> Fault:
        """Do the work, then close the connection in place of an answer."""
        return self._switch(Effect.LOSE_ANSWER, scope)

    def truncate(self, *, keep: float = 0.5, **scope: Unpack[Scope]) -> Fault:
        """Announce the whole answer by `Content-Length`, send the share `keep` of it and close the connection."""
        return self._switch(Effect.TRUNCATE, scope, keep=keep)

    def break_upload(self, *, at: int, **scope: Unpack[Scope]) -> Fault:
        """Close the connection after `at` bytes of a request's body; shorter ones pass."""
        return self._switch(Effect.BREAK_UPLOAD, {"method": UPLOADS, **scope}, at=at)

    def slow(self, seconds: float, **scope: Unpack[Scope]) -> Fault:
        """Wait before the work."""
        return self._switch(Effect.SLOW, scope, seconds=seconds)

    def leave_out(self, *, ids: tuple[int, ...] = (), **scope: Unpack[Scope]) -> Fault:
        """Leave ids out of a bulk answer (by default the one in the middle of those asked for)."""
        return self._switch(Effect.LEAVE_OUT, {"method": BULK_ANSWERS[0], **scope}, ids=ids)

    def wrong_hash(self, **scope: Unpack[Scope]) -> Fault:
        """Answer an upload with the hash of other bytes (the file itself is stored right)."""
        return self._switch(Effect.WRONG_HASH, {"method": UPLOADS, **scope})

    def wrong_size(self, **scope: Unpack[Scope]) -> Fault:
        """Answer an upload with a size one byte too small."""
        return self._switch(Effect.WRONG_SIZE, {"method": UPLOADS, **scope})

    def _switch(self, effect: Effect, scope: Scope, **details: object) -> Fault:
        with self._lock:
            chance = random.Random(f"{self.seed}-{self._switched}")
            self._switched += 1
            fault = Fault(effect, details=details, chance=chance, **scope)
            self._faults.append(fault)
        return fault


def first(faults: list[Fault], effect: Effect) -> Fault | None:
    """Return the first fault of a kind."""
    return next((fault for fault in faults if fault.effect is effect), None)


def left_out(faults: list[Fault], ids: list[int]) -> set[int]:
    """Return the ids that must be missing in a bulk answer."""
    fault = first(faults, Effect.LEAVE_OUT)
    if fault is None or not ids:
        return set()
    return set(fault.details["ids"]) or {ids[len(ids) // 2]}
