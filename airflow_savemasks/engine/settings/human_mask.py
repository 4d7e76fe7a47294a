"""The option `human`: how human masks look. Rules: more-masks, section 5."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from airflow_savemasks.engine.settings.values import as_number, exact_whole, exact_word, wrong

MOST_SIDE = 2**31 - 1  # pixels: the most that OpenCV counts


def _alpha(value: Any) -> float:
    number = None if isinstance(value, str) else as_number(value)
    if number is None or not 0 <= number <= 1:
        raise wrong(value, "is no number from 0 to 1", "Write one, such as 0.5")
    return float(number)


def _max_side(value: Any) -> int | None:
    return None if value is None else exact_whole(3, MOST_SIDE)(value)


class HumanMask(BaseModel):
    """alpha: how much of a class's colour covers the picture; layout: the picture beside itself, or the overlay alone;
    max_side: pixels that the finished mask has at most in width and height, None: as many as the picture asks for;
    format, quality: of the file, quality of a JPEG only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: Annotated[float, BeforeValidator(_alpha)] = 0.5
    layout: Annotated[Literal["side_by_side", "overlay"], BeforeValidator(exact_word("side_by_side", "overlay"))] = (
        "side_by_side"
    )
    max_side: Annotated[int | None, BeforeValidator(_max_side)] = None
    format: Annotated[Literal["png", "jpeg"], BeforeValidator(exact_word("png", "jpeg"))] = "png"
    quality: Annotated[int, BeforeValidator(exact_whole(1, 100))] = 90
