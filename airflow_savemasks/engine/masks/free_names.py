"""Names that no other has, as the SDK's `generate_free_name` makes them."""

from __future__ import annotations


class FreeNames:
    """Gives a name as it is if it is free, otherwise with the first free number: `kiwi`, `kiwi_01`, ..., `kiwi_100`."""

    def __init__(self, *taken: str) -> None:
        self._taken = set(taken)
        self._last: dict[str, int] = {}  # up to which all numbers behind a name are taken

    def give(self, wanted: str) -> str:
        name = wanted
        if name in self._taken:
            number = self._last.get(wanted, 0) + 1
            while (name := f"{wanted}_{number:02d}") in self._taken:
                number += 1
            self._last[wanted] = number
        self._taken.add(name)
        return name
