"""The option `split`: which share a picture belongs to. Rules: more-masks, section 11."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from airflow_savemasks.engine.settings.values import exact_text, wrong

NEVER_IN_A_FILE_NAME = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')  # more-masks, section 6
LONGEST_NAME = 100  # characters
NEAR = 1e-9  # how far from 1 the shares may add up to
EXAMPLE = 'Write some that add up to 1, such as {"train": 0.8, "val": 0.2}'

Shares = tuple[tuple[str, float], ...]


def _shares(value: Any) -> Shares:
    """An object, or a list of pairs, which keeps its order on every way."""
    pairs = list(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(pairs, list | tuple) or not pairs:
        raise wrong(value, "is neither an object of shares nor a list of pairs", EXAMPLE)
    found: list[tuple[str, float]] = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise wrong(pair, "is no pair of a name and a share", 'Write pairs, such as ["train", 0.8]')
        found.append((_name(pair[0]), _share(*pair)))
    folded = [name.casefold() for name, _ in found]
    if len(set(folded)) < len(folded):
        raise wrong([name for name, _ in found], "has a name twice (case is ignored)", "Give each share its own name")
    total = 0.0
    for _, share in found:
        total += share
    if not abs(total - 1) <= NEAR:
        raise wrong(dict(found), f"adds up to {total}, not to 1", EXAMPLE)
    return tuple(found)


def _name(value: Any) -> str:
    name = exact_text(value)
    if not 1 <= len(name) <= LONGEST_NAME:
        raise wrong(value, f"has {len(name)} characters", f"Name a share with 1 to {LONGEST_NAME} characters")
    if name.startswith(".") or NEVER_IN_A_FILE_NAME.search(name):
        fix = 'Leave out a dot at its beginning, control characters and < > : " / \\ | ? *'
        raise wrong(value, "cannot name a file", fix)
    return name


def _share(name: str, value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= 1 + NEAR:
        raise wrong(value, f"is no share of {name!r}", "Write a number above 0 and up to 1, such as 0.8")
    return float(value)


def _by(value: Any) -> str:
    by = exact_text(value)
    if by not in ("item", "dataset") and not (by.startswith("tag:") and by != "tag:"):
        raise wrong(value, "is unknown", 'Choose of "item", "dataset" and "tag:<name of a tag>"')
    return by


class Split(BaseModel):
    """shares: pairs of name and share, whose order counts; by: what goes together; seed: another one, another split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shares: Annotated[Shares, BeforeValidator(_shares)]
    by: Annotated[str, BeforeValidator(_by)] = "item"
    seed: Annotated[str, BeforeValidator(exact_text)] = ""

    @property
    def tag(self) -> str | None:
        """The name of the tag whose value decides."""
        return self.by.removeprefix("tag:") if self.by.startswith("tag:") else None

    def key_of(self, dataset: str, name: str, tags: Iterable[tuple[str, Any]]) -> str:
        """What decides: of a picture its dataset and name at the source, and its own tags with their values."""
        if self.by == "dataset":
            return dataset
        texts = [as_text(value) for tag, value in tags if tag == self.tag]
        return min(texts, default=f"{dataset}/{name}")

    def share_of(self, key: str) -> str:
        """The share of a picture, by its key alone: no other picture moves it."""
        digest = sha256(f"{self.seed}\0{key}".encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64
        total = 0.0
        for name, share in self.shares:
            total += share
            if total > place:
                return name
        return self.shares[-1][0]


def as_text(value: Any) -> str:
    """A tag's value as a key: whole numbers without a fraction, 3 for 3.0 too, other numbers as Python writes them."""
    if isinstance(value, str):
        return value
    return str(int(value)) if value == int(value) else repr(float(value))
