"""From the layer's colors and the options to what is drawn: colors and values. Rules: more-masks, sections 0 to 2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.project.meta import Meta
from airflow_savemasks.engine.settings.colors import ALMOST_BLACK, HUMAN, MACHINE, Colors, Rgb, as_rgb
from airflow_savemasks.engine.settings.layer import Layer
from airflow_savemasks.engine.settings.options import Options

MOST_OF_8, MOST_OF_16 = 255, 65_535


@dataclass(slots=True)
class _Wrong:
    """Everything that is wrong, to be told in one message."""

    facts: list[str] = field(default_factory=list)
    fixes: dict[str, None] = field(default_factory=dict)

    def add(self, fact: str, fix: str) -> None:
        self.facts.append(fact)
        self.fixes[fix] = None

    def refuse(self) -> None:
        if self.facts:
            raise SettingsError("colours", "; ".join(self.facts), ". ".join(self.fixes))


def drawn_colors(layer: Layer, meta: Meta, options: Options) -> Colors:
    """Colors of all masks of an export.

    layer: with colors (`with_colors`); meta: of the archive. Raises SettingsError for what a layer's colors and its
    classes do not allow: classes that `unlisted="fail"` refuses, values that do not fit, a palette that cannot be; all
    of it in one.
    """
    own = {name: as_rgb(item.raw["color"]) for name, item in meta.classes.items()}
    listed = layer.human_colors or {}
    machine = dict(layer.machine_colors or {}) if layer.masks_machine else None
    human = dict(listed) if layer.masks_human else None
    wrong = _Wrong()
    if options.unlisted == "fail":
        for key, table in ((MACHINE, machine), (HUMAN, human)):
            missing = [] if table is None else [name for name in own if name not in table]
            if missing:
                wrong.add(f'{key}: no colour for {_named(missing)} (unlisted="fail")', "Give each class a colour")
    elif options.unlisted == "auto":
        if machine is not None:
            _number(own, machine, options, wrong)
        if human is not None:
            human |= {name: rgb for name, rgb in own.items() if name not in human}
    colors = Colors.of(machine, human, force_rgb=options.machine_png == "rgb")
    shown = {name: _visible(listed.get(name, rgb)) for name, rgb in own.items()}
    values = {name: machine[name] for name in own if name in machine} if machine is not None else {}
    palette = b""
    if options.machine_png == "gray16":
        _check_grays(values, wrong)
    elif options.machine_png == "palette" and machine is not None:
        _check_palette(values, wrong)
        palette = b"" if wrong.facts else _palette({rgb[0]: shown[name] for name, rgb in values.items()})
    wrong.refuse()
    return replace(colors, shown=shown, semantic=own if options.semantic else None, palette=palette)


def _number(names: Iterable[str], machine: dict[str, Rgb], options: Options, wrong: _Wrong) -> None:
    """Give the classes without a value the smallest grays that are free, in their order."""
    taken = {rgb[0] for rgb in machine.values() if len(set(rgb)) == 1}
    value = 0
    for name in names:
        if name not in machine:
            value += 1
            while value in taken:
                value += 1
            machine[name] = (value, value, value)
    numbered = f'unlisted="auto" numbers classes up to {value}'
    if value > MOST_OF_16:
        wrong.add(f"{numbered}, and no mask has values above {MOST_OF_16}", "Map several classes to one")
    elif value > MOST_OF_8 and options.machine_png != "gray16":
        wrong.add(f"{numbered}, and 8 bits have none above {MOST_OF_8}", 'Ask for machine_png="gray16"')


def _check_grays(values: Mapping[str, Rgb], wrong: _Wrong) -> None:
    if odd := [name for name, rgb in values.items() if len(set(rgb)) > 1]:
        fact = f'{MACHINE}: machine_png="gray16" needs grays, and these are none: {_with_colors(odd, values)}'
        wrong.add(fact, "Give each class a gray [n, n, n]")


def _check_palette(values: Mapping[str, Rgb], wrong: _Wrong) -> None:
    """Each class needs a gray of its own that is not black."""
    facts = []
    by_gray: dict[int, list[str]] = {}
    odd = []
    for name, rgb in values.items():
        if len(set(rgb)) == 1:
            by_gray.setdefault(rgb[0], []).append(name)
        else:
            odd.append(name)
    if odd:
        facts.append(f"not gray: {_with_colors(odd, values)}")
    if black := by_gray.pop(0, []):
        facts.append(f"black: {_named(black)}")
    facts += [f"share the gray {gray}: {_named(names)}" for gray, names in by_gray.items() if len(names) > 1]
    if facts:
        fact = f'{MACHINE}: machine_png="palette" needs a gray of its own for each class; {"; ".join(facts)}'
        wrong.add(fact, "Give each class another gray [n, n, n] from 1 to 255")


def _palette(shown: Mapping[int, Rgb]) -> bytes:
    """PLTE: 256 entries, the shown colors of classes at their grays, and a ramp of grays."""
    return b"".join(bytes(shown.get(gray, (gray, gray, gray))) for gray in range(256))


def _visible(rgb: Rgb) -> Rgb:
    return rgb if any(rgb) else ALMOST_BLACK


def _named(names: Iterable[str]) -> str:
    """All of them: who corrects a layer has to know each."""
    return ", ".join(f"'{name}'" if name.isprintable() else repr(name) for name in names)


def _with_colors(names: Iterable[str], values: Mapping[str, Rgb]) -> str:
    return ", ".join(f"{_named([name])} {list(values[name])}" for name in names)
