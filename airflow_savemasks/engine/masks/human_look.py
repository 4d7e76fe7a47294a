"""How a human mask looks besides what it shows: opacity, size, layout, JPEG. Rules: more-masks, section 5."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine.image.scale import scale_down
from airflow_savemasks.engine.limits import TooLarge
from airflow_savemasks.engine.settings.human_mask import HumanMask

Image = NDArray[np.uint8]

GREEN = (0, 255, 0)  # the column between the picture and the blend
HALF = 0.5
LONGEST_JPEG = 65_500  # pixels of a side, which is where the encoder ends


@lru_cache(maxsize=8)
def mix_table(alpha: float) -> Image | None:
    """(256, 256) uint8: what each value of a color (row) makes of each value of the picture; None of half and half.

    Each product is rounded to float64, then their sum, which is cut off.
    """
    if alpha == HALF:
        return None
    values = np.arange(256, dtype=np.float64)
    return np.asarray(((alpha * values)[:, None] + ((1 - alpha) * values)[None, :]).astype(np.uint8))


def scaled_size(width: int, height: int, look: HumanMask) -> tuple[int, int] | None:
    """Width and height that picture and blend are scaled to; None where they stay as they are."""
    most = look.max_side
    beside = look.layout == "side_by_side"
    whole = 2 * width + 1 if beside else width
    if most is None or max(whole, height) <= most:
        return None
    if whole < height:
        return max(1, width * most // height), most
    new = (most - 1) // 2 if beside else most
    return new, max(1, height * new // width)


def check_size(size: tuple[int, int], look: HumanMask) -> None:
    """size: width and height of picture and blend. Raises TooLarge for a JPEG that no encoder writes."""
    width = 2 * size[0] + 1 if look.layout == "side_by_side" else size[0]
    if look.format == "jpeg" and max(width, size[1]) > LONGEST_JPEG:
        fact = f"the human mask has {width}x{size[1]} pixels, and a JPEG at most {LONGEST_JPEG} on each side"
        raise TooLarge(fact, "Ask for a smaller one with human.max_side, or for a PNG")


def finished(picture: Image, blend: Image, size: tuple[int, int] | None, *, beside: bool) -> Image:
    """Picture and blend (height, width, 3) to the whole mask. size: width and height that each is scaled to."""
    if size is not None:
        blend = scale_down(blend, *size)
    if not beside:
        return blend
    left = picture if size is None else scale_down(picture, *size)
    return np.concatenate([left, np.full((len(left), 1, 3), GREEN, np.uint8), blend], axis=1)


def jpeg(image: Image, quality: int) -> bytes:
    """(height, width, 3) uint8 RGB to a baseline JPEG without subsampled colors."""
    full = cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality, *full])
    return data.tobytes()
