"""The colors of the masks, as the layer asks for them, and what is doubtful about them: one line for each kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher, get_close_matches

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.project.meta import Meta
from airflow_savemasks.engine.settings.color_forms import from_hex
from airflow_savemasks.engine.settings.layer import Layer
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.tally import Tally

Rgb = tuple[int, int, int]

ALMOST_BLACK: Rgb = (1, 1, 1)  # black in a human mask would mean "not painted"
MOST_GRAYS = 255
MOST_NAMED = 10  # classes spelled out in an error
MISSPELLED = 0.8  # of 1: how much two names share where one is the other misspelled, such as "rokcet" and "rocket"
MACHINE, HUMAN = "gt_machine_color", "gt_human_color"  # keys of the layer


@dataclass(frozen=True, slots=True)
class Colors:
    """What to draw: class name -> RGB, None where that mask is not made.

    machine: values of gray masks of 16 bits may be above 255; gray: machine masks have one channel; shown: how people
    see each class of meta.json, black nowhere; semantic: the colors of meta.json; palette: PLTE of machine masks.
    """

    machine: Mapping[str, Rgb] | None
    human: Mapping[str, Rgb] | None
    gray: bool
    shown: Mapping[str, Rgb] = field(default_factory=dict)
    semantic: Mapping[str, Rgb] | None = None
    palette: bytes = b""

    @classmethod
    def of(cls, machine: Mapping[str, Rgb] | None, human: Mapping[str, Rgb] | None, *, force_rgb: bool) -> Colors:
        """Colors as the layer gives them: a black human color becomes [1, 1, 1]."""
        gray = not force_rgb and all(len(set(rgb)) == 1 for rgb in (machine or {}).values())
        visible = None if human is None else {name: rgb if any(rgb) else ALMOST_BLACK for name, rgb in human.items()}
        return cls(machine, visible, gray)

    @property
    def counted(self) -> Mapping[str, Rgb]:
        """The colors of the mask whose visible pixels are counted: the machine mask, or the human one without it."""
        return self.machine if self.machine is not None else self.human or {}

    def draws(self, name: str) -> bool:
        """Whether a class has a value or a color in a machine or human mask that is made; black is one."""
        return name in (self.machine or ()) or name in (self.human or ())

    def show(self, name: str) -> bool:
        """Whether a class would be seen in a machine or human mask: black is the background of a machine mask."""
        return name in (self.human or {}) or any((self.machine or {}).get(name, ()))


@dataclass(slots=True)
class Doubts:
    """unknown: the colors for classes that no source has, as where, fact; misspelled: whether one of them reads like a
    class that has no color; doubtful: a line for each other kind of mistake; undrawn: a line of the classes without a
    color, or nothing.
    """

    unknown: tuple[str, str] | None = None
    misspelled: bool = False
    doubtful: list[str] = field(default_factory=list)
    undrawn: list[str] = field(default_factory=list)


def with_colors(layer: Layer, meta: Meta, options: Options) -> Layer:
    """The layer with colors for all classes where it leaves them to meta.json.

    Human masks: the classes' own; machine masks: grays from 1 on, in the order of meta.json. With unlisted="auto",
    which gives them just these later on, it lists none. Raises SettingsError where there are more classes than grays.
    """
    machine, human = layer.machine_colors, layer.human_colors
    if options.unlisted == "auto":
        return replace(layer, machine_colors=machine or {}, human_colors=human or {})
    if machine is None:
        if len(meta.classes) > MOST_GRAYS:
            fact = f"empty, but there are {len(meta.classes)} classes, and no more than {MOST_GRAYS} grays"
            fix = 'Write the colours of those that are wanted, or ask for unlisted="auto" and machine_png="gray16"'
            raise SettingsError(MACHINE, fact, fix)
        machine = {name: (number, number, number) for number, name in enumerate(meta.classes, 1)}
    if human is None:
        human = {name: as_rgb(item.raw["color"]) for name, item in meta.classes.items()}
    return replace(layer, machine_colors=machine, human_colors=human)


def as_rgb(text: str) -> Rgb:
    """`#FF7B00` -> (255, 123, 0)"""
    red, green, blue = from_hex(text)
    return red, green, blue


def check_colors(layer: Layer, meta: Meta, mapped: Mapping[str, str | None], options: Options) -> list[str]:
    """What is doubtful about a layer's colors and allowed, as warnings.

    meta: of the archive; mapped: every class of a source -> its name in the archive, None if it is left out. Raises
    SettingsError for colors of classes that no source has (`unknown_colors`), and for any other doubt where colors are
    strict (`strict_colors`; "all" counts classes without a color, too).
    """
    found = find_doubts(layer, meta, mapped)
    if options.unlisted == "auto":
        found.undrawn.clear()  # each has a color
    refused = options.unknown_colors == "error" or (options.unknown_colors == "typos" and found.misspelled)
    if found.unknown and refused:
        fix = 'Correct the names; where one layer serves several projects, allow it with unknown_colors="warn"'
        raise SettingsError(*found.unknown, fix)
    strict = [*found.doubtful, *(found.undrawn if options.strict_colors == "all" else ())]
    if strict and options.strict_colors:
        raise SettingsError("colours (strict_colors)", "; ".join(strict), "Correct the layer, or allow it")
    unknown = [f"{found.unknown[0]}: {found.unknown[1]}; their colours are not used"] if found.unknown else []
    return [*unknown, *found.doubtful, *found.undrawn]


def find_doubts(layer: Layer, meta: Meta, mapped: Mapping[str, str | None]) -> Doubts:
    """What `check_colors` judges. A mask that is not made has no doubtful colors."""
    used: dict[str, Mapping[str, Rgb]] = {}
    if layer.masks_machine:
        used[MACHINE] = layer.machine_colors or {}
    if layer.masks_human:
        used[HUMAN] = layer.human_colors or {}
    strangers = {name: None for colors in used.values() for name in colors if name not in meta.classes}
    ignored = [name for name in strangers if name in mapped and mapped[name] is None]
    unknown = [name for name in strangers if name not in ignored]
    found = Doubts()
    if unknown:
        where = ", ".join(key for key, colors in used.items() if any(name in colors for name in unknown))
        found.unknown = (where, _no_source_has(unknown, meta, mapped))
        found.misspelled = any(
            _reads_like(name, known)
            for colors in used.values()
            for name in unknown
            if name in colors
            for known in meta.classes
            if known not in colors
        )
    if ignored:
        found.doubtful.append(f"colours of classes that classes_mapping leaves out are not used: {_tally(ignored)}")
    if black := [name for name, rgb in used.get(MACHINE, {}).items() if not any(rgb)]:
        found.doubtful.append(f"{MACHINE}: black like the background: {_tally(black)}")
    if shared := [f"{key} {text}" for key, colors in used.items() for text in _shared(colors)]:
        found.doubtful.append(f"classes share a colour: {'; '.join(shared)}")
    if undrawn := _undrawn(used, meta):
        found.undrawn.append(undrawn)
    return found


def _no_source_has(names: list[str], meta: Meta, mapped: Mapping[str, str | None]) -> str:
    folded = {known.casefold(): known for known in meta.classes}
    said = []
    for name in names[:MOST_NAMED]:
        new = mapped.get(name)
        close = get_close_matches(name.casefold(), folded, 1)
        if new is not None:
            said.append(f"{name!r} (classes_mapping makes {new!r} of it)")
        else:
            said.append(f"{name!r} (did you mean {folded[close[0]]!r}?)" if close else repr(name))
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"no source has the class{'es' if len(names) > 1 else ''} {', '.join(said)}{more}"


def _reads_like(name: str, known: str) -> bool:
    """Whether one is the other misspelled: `class_1` is not `class_2`, as such names differ by numbers only."""
    one, other = name.casefold(), known.casefold()
    if re.findall(r"\d+", one) != re.findall(r"\d+", other):
        return False
    alike = SequenceMatcher(None, one, other, autojunk=False).ratio() >= MISSPELLED
    return alike or sorted(one) == sorted(other)  # or letters that changed places


def _shared(colors: Mapping[str, Rgb]) -> list[str]:
    """The classes that cannot be told apart, with their color: `'leaf', 'box' [9, 9, 9]`."""
    by_color: dict[Rgb, list[str]] = {}
    for name, rgb in colors.items():
        by_color.setdefault(rgb, []).append(name)
    return [f"{_tally(names)} {list(rgb)}" for rgb, names in by_color.items() if len(names) > 1]


def _undrawn(used: Mapping[str, Mapping[str, Rgb]], meta: Meta) -> str:
    """Classes without a color, in one line: those that no mask shows, then those that only one does not show."""
    nowhere = [name for name in meta.classes if not any(name in colors for colors in used.values())]
    said = [f"{_classes(nowhere)} not drawn: {_tally(nowhere)}"] if nowhere else []
    for key, kind in ((MACHINE, "machine"), (HUMAN, "human")):
        missing = [name for name in meta.classes if key in used and name not in used[key] and name not in nowhere]
        if missing:
            said.append(f"{_classes(missing)} not drawn in {kind} masks: {_tally(missing)}")
    return "; ".join(said)


def _classes(names: list[str]) -> str:
    return "1 class without a colour is" if len(names) == 1 else f"{len(names)} classes without a colour are"


def _tally(names: Iterable[str]) -> Tally:
    tally = Tally()
    for name in names:
        tally.add(name)
    return tally
