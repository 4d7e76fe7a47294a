"""The human mask: the picture with the classes' colors laid over, beside the picture behind a green column or alone.

At its full size it is made and compressed in stripes, so that no array of it exists. Rules: supervisely-format, section
5; more-masks, section 5.
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
from airflow_savemasks.engine.masks import human_look
from airflow_savemasks.engine.masks.drawing import Drawing, MaskFile, look_up, png_file
from airflow_savemasks.engine.masks.spans import Spans
from airflow_savemasks.engine.native import writing
from airflow_savemasks.engine.native.writing import HumanLines

Image = NDArray[np.uint8]

STRIPE_BYTES = 1 << 19  # scan lines of one stripe without kernels: small enough for a core's cache


def draw(drawing: Drawing) -> Iterator[MaskFile]:
    """A human mask of a picture with its labels; the picture is decoded when they have been painted."""
    look = drawing.options.human
    scaled = human_look.scaled_size(drawing.width, drawing.height, look)
    table = drawing.colors.human or {}
    labels = drawing.label_map(table)
    blended = labels.blended(table, 3) if labels.blends else None
    spans = Spans(labels.labels, drawing.width, drawing.height)
    drawn = labels.canvas, labels.color_table(table), blended, spans, drawing.check
    mix, beside = human_look.mix_table(look.alpha), look.layout == "side_by_side"
    if look.format == "png" and scaled is None:
        yield png_file(human_lines(drawing.picture(), *drawn, mix, beside=beside))
        return
    picture = drawing.picture()
    image = human_look.finished(picture, blended_picture(picture, *drawn, mix), scaled, beside=beside)
    if look.format == "png":
        yield png_file(png.rgb_lines(image))
    else:
        yield MaskFile(".jpg", [human_look.jpeg(image, look.quality)])


def human_lines(
    picture: Image,
    numbers: Canvas,
    colors: Image,
    drawing: Image | None,
    spans: Spans,
    check: Callable[[], None],
    mix: Image | None = None,
    *,
    beside: bool = True,
) -> ScanLines:
    """The scan lines of a human mask.

    picture: (height, width, 3) uint8 RGB; numbers: (height, width) uint8 or uint16, the class on top, 0 where nothing
    is painted; colors: (n, 3) uint8 RGB by number; drawing: None, or (height, width, 3) uint8 RGB that is black where
    nothing shows: the finished drawing, where alpha masks blend. spans: where the labels lie. check is called between
    stripes and may raise to stop. mix: as human_look.mix_table; beside: whether the picture stands on the left.
    """
    height, width = numbers.shape
    if native.library:
        stream = _compiled(HumanLines(picture, numbers, colors, drawing, mix, beside=beside), check)
    else:
        stream = png.deflate_stripes(_stripes(picture, numbers, colors, drawing, spans, check, mix, beside=beside))
    return ScanLines(2 * width + 1 if beside else width, height, png.RGB, stream)


def blended_picture(
    picture: Image,
    numbers: Canvas,
    colors: Image,
    drawing: Image | None,
    spans: Spans,
    check: Callable[[], None],
    mix: Image | None,
) -> Image:
    """The picture with colors over it, (height, width, 3) uint8 RGB; what is given is as in `human_lines`."""
    if native.library:
        return writing.blend(picture, numbers, colors, drawing, mix)
    out = picture.copy()
    height, width = numbers.shape
    rows = max(1, STRIPE_BYTES // (3 * width))
    for top in range(0, height, rows):
        check()
        _blend_rows(out[top : top + rows], top, picture, numbers, colors, drawing, spans, mix)
    return out


def _compiled(lines: HumanLines, check: Callable[[], None]) -> Iterator[bytes]:
    for top in range(0, lines.height, lines.rows):
        check()
        yield lines.write(top)
    yield lines.end()


def _stripes(
    picture: Image,
    numbers: Canvas,
    colors: Image,
    drawing: Image | None,
    spans: Spans,
    check: Callable[[], None],
    mix: Image | None,
    *,
    beside: bool,
) -> Iterator[Image]:
    """The same scan lines with numpy and OpenCV, always by the Sub filter."""
    height, width = numbers.shape
    start = 4 + 3 * width if beside else 1  # of the blend in a line
    rows = min(height, max(1, STRIPE_BYTES // (start + 3 * width)))
    lines = np.empty((rows, start + 3 * width), np.uint8)
    filtered = np.empty_like(lines)
    if beside:
        lines[:, 1 + 3 * width : start] = human_look.GREEN
    for top in range(0, height, rows):
        check()
        original = picture[top : top + rows]
        count = len(original)
        if beside:
            lines[:count, 1 : 1 + 3 * width] = original.reshape(count, 3 * width)
        blend = lines[:count, start:]
        blend[:] = original.reshape(count, 3 * width)
        _blend_rows(blend.reshape(count, width, 3), top, picture, numbers, colors, drawing, spans, mix)
        yield png.filter_sub(lines[:count], 3, filtered[:count])


def _blend_rows(
    out: Image,
    top: int,
    picture: Image,
    numbers: Canvas,
    colors: Image,
    drawing: Image | None,
    spans: Spans,
    mix: Image | None,
) -> None:
    """Blend into out, which holds rows of the picture from row `top` on."""
    bottom = top + len(out)
    for x0, x1 in spans.of(top, bottom):
        painted = numbers[top:bottom, x0:x1]
        if drawing is None:
            part = look_up(painted, colors)
        else:  # a faint alpha mask may leave black, which means "not painted"
            part = drawing[top:bottom, x0:x1]
            painted = part.max(axis=2)
        blend(out[:, x0:x1], picture[top:bottom, x0:x1], part, painted, mix)


def blend(out: Image, picture: Image, drawing: Image, painted: Canvas, mix: Image | None = None) -> None:
    """out gets half picture, half drawing, cut off to whole numbers, where painted is not 0; or what mix makes of them.

    out, picture, drawing: (h, w, 3); painted: (h, w).
    """
    # -0.25 turns addWeighted's rounding into cutting off, for every pair of bytes (tests/engine/masks/test_masks.py)
    mixed = cv2.addWeighted(drawing, 0.5, picture, 0.5, -0.25) if mix is None else mix[drawing, picture]
    cv2.copyTo(mixed, painted if painted.dtype == np.uint8 else (painted != 0).astype(np.uint8), out)
