"""What the masks of one picture may take of time and memory, looked at before anything is painted."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_savemasks.engine.limits import TooLarge, above
from airflow_savemasks.engine.project.annotation import Label
from airflow_savemasks.engine.settings.options import Options


def check_wide_lines(labels: Sequence[Label], height: int, width: int, options: Options) -> None:
    """Raises TooLarge where lines and points paint more than `line_pixels`, however often a pixel is painted."""
    if options.line_width == 1:
        return
    total = 0.0
    for label in labels:
        total += label.geometry.stroked_pixels(height, width)
        if total > options.limits.line_pixels:
            fact, fix = above("line_pixels", int(total), options.limits)
            raise TooLarge(f"label {label.number} (class {label.class_name!r}) and those before it: {fact}", fix)


def check_files(labels: int, height: int, width: int, options: Options) -> None:
    """Raises TooLarge where the masks of single labels have more than `instance_pixels` together."""
    if labels * height * width > options.limits.instance_pixels:
        fact, fix = above("instance_pixels", labels * height * width, options.limits)
        raise TooLarge(f"{labels} masks of single labels: {fact}", f'{fix}, or choose instances="ids"')
