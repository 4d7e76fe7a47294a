"""What the masks of one picture may take of time and memory, looked at before anything is painted.

It takes the labels alone: a plan, which looks at no picture, finds what an export refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from airflow_savemasks.engine.limits import TooLarge, above
from airflow_savemasks.engine.masks import human_look
from airflow_savemasks.engine.masks.label_map import check_classes, check_places
from airflow_savemasks.engine.project.annotation import Label
from airflow_savemasks.engine.settings.colors import Colors
from airflow_savemasks.engine.settings.options import Options


def check_drawable(labels: Sequence[Label], height: int, width: int, colors: Colors, options: Options) -> None:
    """Raises TooLarge where one of the masks that are asked for would take too much, or cannot be written."""
    _check_wide_lines(labels, height, width, options)
    _check_rows_above(labels, options)
    drawn = [(place, label) for place, label in enumerate(labels, 1) if colors.draws(label.class_name)]
    if options.instances == "files":
        _check_files(len(drawn), height, width, options)
    elif options.instances == "ids":
        check_places(place for place, _ in drawn)
    for table in (colors.machine, colors.human, colors.semantic):
        if table is not None:
            check_classes([label.class_name for label in labels if label.class_name in table], table)
    if colors.human is not None:
        size = human_look.scaled_size(width, height, options.human) or (width, height)
        human_look.check_size(size, options.human)


def _check_wide_lines(labels: Sequence[Label], height: int, width: int, options: Options) -> None:
    if options.line_width > 1:
        _check_total("line_pixels", labels, lambda label: label.geometry.stroked_pixels(height, width), options)


def _check_rows_above(labels: Sequence[Label], options: Options) -> None:
    _check_total("rows_above", labels, lambda label: label.geometry.rows_above(), options)


def _check_total(name: str, labels: Sequence[Label], of: Callable[[Label], float], options: Options) -> None:
    """Raises TooLarge at the label with which all before it have more than the limit of that name."""
    total = 0.0
    for label in labels:
        total += of(label)
        if total > getattr(options.limits, name):
            fact, fix = above(name, int(total), options.limits)
            raise TooLarge(f"label {label.number} (class {label.class_name!r}) and those before it: {fact}", fix)


def _check_files(labels: int, height: int, width: int, options: Options) -> None:
    if labels * height * width > options.limits.instance_pixels:
        fact, fix = above("instance_pixels", labels * height * width, options.limits)
        raise TooLarge(f"{labels} masks of single labels: {fact}", f'{fix}, or choose instances="ids"')
