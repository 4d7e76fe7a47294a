"""What can be searched of an archive, in a few bytes an item. Pure."""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

KEPT = 8  # answers, so that turning a page does not search again


@dataclass(frozen=True, slots=True)
class Question:
    """Which items. text: in the name, whatever its case; dataset, shows: name of a dataset, of a class, or None for
    any; unlabelled: only items without labels; share: of a split, or None.
    """

    text: str = ""
    dataset: str | None = None
    shows: str | None = None
    unlabelled: bool = False
    share: str | None = None

    @property
    def is_all(self) -> bool:
        return self == Question()


class Table:
    """lines: of the index, as JSON, in the order of the archive."""

    def __init__(self, lines: Iterable[dict[str, Any]]) -> None:
        self.datasets: dict[str, int] = {}  # name -> items, in the order of the archive
        self.area = 0  # pixels of all pictures
        self._names: list[str] = []
        self._dataset_of = array("I")
        self._unlabelled = array("I")
        self._showing: dict[str, array[int]] = {}
        self._shares: dict[str, set[int]] = {}
        self._answers: OrderedDict[Question, Sequence[int]] = OrderedDict()
        self._lock = threading.Lock()
        numbers: dict[str, int] = {}
        for number, line in enumerate(lines):
            name = line["source"]["dataset"]
            self.datasets[name] = self.datasets.get(name, 0) + 1
            self._dataset_of.append(numbers.setdefault(name, len(numbers)))
            self._names.append(line["item"].casefold())
            self.area += line["height"] * line["width"]
            if not line["labels"]:
                self._unlabelled.append(number)
            if share := line.get("split"):
                self._shares.setdefault(share, set()).add(number)
            for shown, pixels in line["pixels"].items():
                if pixels:
                    self._showing.setdefault(shown, array("I")).append(number)
        self._numbers = numbers

    def find(self, question: Question) -> Sequence[int]:
        """Numbers of the items that fit, in the order of the archive."""
        with self._lock:
            if question in self._answers:
                self._answers.move_to_end(question)
                return self._answers[question]
        found = self._search(question)
        with self._lock:
            self._answers[question] = found
            while len(self._answers) > KEPT:
                self._answers.popitem(last=False)
        return found

    def _search(self, question: Question) -> Sequence[int]:
        found: Sequence[int] = range(len(self._names))
        if question.shows is not None:
            found = self._showing.get(question.shows, array("I"))
        if question.unlabelled:
            without = set(self._unlabelled)
            found = array("I", (number for number in found if number in without))
        if question.dataset is not None:
            wanted = self._numbers.get(question.dataset, -1)
            found = array("I", (number for number in found if self._dataset_of[number] == wanted))
        if question.share is not None:
            within = self._shares.get(question.share, set())
            found = array("I", (number for number in found if number in within))
        if question.text:
            text = question.text.casefold()
            found = array("I", (number for number in found if text in self._names[number]))
        return found
