"""The colors of the masks, as the layer asks for them, and what is doubtful about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airflow_savemasks.engine.project.meta import Meta
from airflow_savemasks.engine.settings.layer import Layer
from airflow_savemasks.engine.tally import Tally

Rgb = tuple[int, int, int]

ALMOST_BLACK: Rgb = (1, 1, 1)  # black in a human mask would mean "not painted"


@dataclass(frozen=True, slots=True)
class Colors:
    """What to draw: class name -> RGB, None where that mask is not made. `gray`: machine masks have one channel."""

    machine: Mapping[str, Rgb] | None
    human: Mapping[str, Rgb] | None
    gray: bool

    @classmethod
    def of(cls, machine: Mapping[str, Rgb] | None, human: Mapping[str, Rgb] | None, *, force_rgb: bool) -> Colors:
        """Colors as the layer gives them: a black human color becomes [1, 1, 1]."""
        gray = not force_rgb and all(len(set(rgb)) == 1 for rgb in (machine or {}).values())
        visible = None if human is None else {name: rgb if any(rgb) else ALMOST_BLACK for name, rgb in human.items()}
        return cls(machine, visible, gray)


def color_warnings(layer: Layer, meta: Meta) -> list[str]:
    """Mistakes in colors that the original lets pass, in words."""
    warnings = []
    used = [
        (key, colors)
        for key, colors, wanted in (
            ("gt_machine_color", layer.machine_colors, layer.masks_machine),
            ("gt_human_color", layer.human_colors, layer.masks_human),
        )
        if wanted
    ]
    for key, colors in used:
        by_color: dict[tuple[int, int, int], list[str]] = {}
        for name, rgb in colors.items():
            by_color.setdefault(rgb, []).append(name)
            if name not in meta.classes:
                warnings.append(f"{key}: class {name!r} is not in meta.json, so its colour is not used")
            if key == "gt_machine_color" and not any(rgb):
                warnings.append(f"{key}: class {name!r} is black like the background")
        warnings += [
            f"{key}: classes {names} share the colour {list(rgb)}" for rgb, names in by_color.items() if len(names) > 1
        ]
        missing = Tally()
        for name in meta.classes:
            if name not in colors:
                missing.add(name)
        if missing.count:
            warnings.append(
                f"{key}: {missing.count} classes of meta.json have no colour, so they are not drawn: {missing}"
            )
    return warnings
