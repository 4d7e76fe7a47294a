"""Listings that are asked for in a known order, begun while earlier ones are used: each costs a round trip or more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Generic, TypeVar

from airflow_savemasks.engine.storage.in_flight import InFlight

T = TypeVar("T")

FIRST, MOST = 2, 16  # listings at once: at first, and where they are known to be small
HELD = 50_000  # entries of listings that may be held before they are used; beyond that one comes after the other


class Ahead(Generic[T]):
    """Listings by name. What one holds is unknown before it is there, so they begin with few at once."""

    def __init__(self, list_one: Callable[[str], T], entries: Callable[[T], int], most: int = MOST) -> None:
        """list_one: must obey a stop by itself; entries: how many a listing has; most: 0 where it is no use."""
        self._list_one, self._entries, self._most = list_one, entries, most
        self._flights = InFlight()
        self._wanted: deque[str] = deque()
        self._begun: deque[tuple[str, Future[T]]] = deque()
        self._window = min(FIRST, most)

    def expect(self, names: Iterable[str]) -> None:
        """These will be asked for, in this order. Nothing is listed before the first of them is."""
        self._wanted = deque(names if self._most else ())
        self._begun.clear()

    def take(self, name: str) -> T:
        """The listing of a name; the next ones are begun. Raises what listing it raised."""
        expected = self._begun[0][0] if self._begun else self._wanted[0] if self._wanted else None
        if name != expected:
            return self._list_one(name)
        self._fill()
        listing = self._begun.popleft()[1].result()
        size = self._entries(listing)
        self._window = max(1, min(self._most, 4 * self._window, HELD // max(1, size)))
        self._fill()
        return listing

    def _fill(self) -> None:
        while self._wanted and len(self._begun) < self._window:
            name = self._wanted.popleft()
            self._begun.append((name, self._flights.begin(lambda name=name: self._list_one(name))))  # type: ignore[misc]


def side_by_side(list_one: Callable[[str], T], names: list[str], *, remote: bool) -> Iterator[T]:
    """The listings of all names, in order, small ones that are all going to be used."""
    ahead = Ahead(list_one, lambda _: 1, MOST if remote else 0)
    ahead.expect(names)
    yield from map(ahead.take, names)
