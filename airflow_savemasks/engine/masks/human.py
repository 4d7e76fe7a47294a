"""The human mask: the picture, a green column, and the picture with the classes' colors laid over, as one image.

It is made and compressed in stripes, so that no array of its whole size exists. Rules: supervisely-format, section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from airflow_savemasks.engine import native
from airflow_savemasks.engine.geometry.base import Canvas
from airflow_savemasks.engine.image import png_write as png
from airflow_savemasks.engine.image.png_write import ScanLines
from airflow_savemasks.engine.masks.drawing import Drawing, MaskFile, look_up, png_file
from airflow_savemasks.engine.masks.spans import Spans
from airflow_savemasks.engine.native.writing import HumanLines

Image = NDArray[np.uint8]

GREEN = (0, 255, 0)  # the column between the picture and the blend
STRIPE_BYTES = 1 << 19  # scan lines of one stripe without kernels: small enough for a core's cache


def draw(drawing: Drawing) -> Iterator[MaskFile]:
    """A human mask of a picture with its labels; the picture is decoded when they have been painted."""
    table = drawing.colors.human or {}
    labels = drawing.label_map(table)
    blended = labels.blended(table, 3) if labels.blends else None
    spans = Spans(labels.labels, drawing.width, drawing.height)
    yield png_file(
        human_lines(drawing.picture(), labels.canvas, labels.color_table(table), blended, spans, drawing.check)
    )


def human_lines(
    picture: Image, numbers: Canvas, colors: Image, drawing: Image | None, spans: Spans, check: Callable[[], None]
) -> ScanLines:
    """The scan lines of a human mask.

    picture: (height, width, 3) uint8 RGB; numbers: (height, width) uint8 or uint16, the class on top, 0 where nothing
    is painted; colors: (n, 3) uint8 RGB by number; drawing: None, or (height, width, 3) uint8 RGB that is black where
    nothing shows: the finished drawing, where alpha masks blend. spans: where the labels lie. check is called between
    stripes and may raise to stop.
    """
    height, width = numbers.shape
    if native.library:
        stream = _compiled(HumanLines(picture, numbers, colors, drawing), check)
    else:
        stream = png.deflate_stripes(_stripes(picture, numbers, colors, drawing, spans, check))
    return ScanLines(2 * width + 1, height, png.RGB, stream)


def _compiled(lines: HumanLines, check: Callable[[], None]) -> Iterator[bytes]:
    for top in range(0, lines.height, lines.rows):
        check()
        yield lines.write(top)
    yield lines.end()


def _stripes(
    picture: Image, numbers: Canvas, colors: Image, drawing: Image | None, spans: Spans, check: Callable[[], None]
) -> Iterator[Image]:
    """The same scan lines with numpy and OpenCV, always by the Sub filter."""
    height, width = numbers.shape
    rows = min(height, max(1, STRIPE_BYTES // (6 * width + 4)))
    lines = np.empty((rows, 1 + 3 * (2 * width + 1)), np.uint8)
    filtered = np.empty_like(lines)
    left, right = lines[:, 1 : 1 + 3 * width], lines[:, 4 + 3 * width :]
    lines[:, 1 + 3 * width : 4 + 3 * width] = GREEN
    for top in range(0, height, rows):
        check()
        bottom = min(top + rows, height)
        count = bottom - top
        original = picture[top:bottom]
        left[:count] = original.reshape(count, 3 * width)
        right[:count] = left[:count]
        for x0, x1 in spans.of(top, bottom):
            painted = numbers[top:bottom, x0:x1]
            if drawing is None:
                part = look_up(painted, colors)
            else:  # a faint alpha mask may leave black, which means "not painted"
                part = drawing[top:bottom, x0:x1]
                painted = part.max(axis=2)
            blend(right[:count].reshape(count, width, 3)[:, x0:x1], original[:, x0:x1], part, painted)
        yield png.filter_sub(lines[:count], 3, filtered[:count])


def blend(out: Image, picture: Image, drawing: Image, painted: Canvas) -> None:
    """out gets half picture, half drawing, cut off to whole numbers, where painted is not 0.

    out, picture, drawing: (h, w, 3); painted: (h, w).
    """
    # -0.25 turns addWeighted's rounding into cutting off, for every pair of bytes (tests/engine/masks/test_masks.py)
    half = cv2.addWeighted(drawing, 0.5, picture, 0.5, -0.25)
    cv2.copyTo(half, painted if painted.dtype == np.uint8 else (painted != 0).astype(np.uint8), out)
