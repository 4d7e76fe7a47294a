"""The option `gates`: what an archive has to be like to be published."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from airflow_savemasks.engine.settings.pick import Names
from airflow_savemasks.engine.settings.values import as_number, exact_whole, wrong

MOST_ITEMS = 2**53  # whole numbers that JSON keeps everywhere


def _share(value: Any) -> float | None:
    if value is None:
        return None
    number = None if isinstance(value, str) else as_number(value)
    if number is None or not 0 <= number <= 1:
        raise wrong(value, "is no share from 0 to 1", "Write one, such as 0.2 for a fifth")
    return float(number)


def _items(value: Any) -> int | None:
    return None if value is None else exact_whole(0, MOST_ITEMS)(value)


Share = Annotated[float | None, BeforeValidator(_share)]


class Gates(BaseModel):
    """None and () ask for nothing.

    max_unlabelled: share of the items that may have no label; max_empty_masks: share of the items that may have labels
    and a mask that shows none; min_items: how many items there have to be; max_class_drift: by which part of itself the
    larger of a class's two shares of all visible pixels may differ from the smaller one, before and now (0.3: from 10 %
    to 7 %, or from 7 % to 10 %); classes_present: names of classes that have to be seen, as the archive has them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_unlabelled: Share = None
    max_empty_masks: Share = None
    min_items: Annotated[int | None, BeforeValidator(_items)] = None
    max_class_drift: Share = None
    classes_present: Names = ()

    @property
    def asks(self) -> bool:
        """Whether there is a gate at all; otherwise it is as None."""
        return self != Gates()
