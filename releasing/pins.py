"""What constraints.txt says: which versions, with which hashes, and who asks for each."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

OURSELVES = "airflow-savemasks (pyproject.toml)"  # the package and its extras; groups stand behind a colon


@dataclass
class Pin:
    """One distribution; marker: where it is installed, "" for everywhere; via: names of those that ask for it."""

    name: str
    version: str
    marker: str = ""
    hashes: list[str] = field(default_factory=list)
    via: list[str] = field(default_factory=list)


def read_pins(root: Path) -> dict[str, Pin]:
    """Name -> pin, of the constraints.txt of a checkout. Raises ValueError for a line of another form."""
    pins: dict[str, Pin] = {}
    pin = None
    for line in (root / "constraints.txt").read_text("utf-8").splitlines():
        text = line.strip(" \\")
        if found := re.fullmatch(r"([a-z0-9-]+)==(\S+)(?: ; (.+))?", text):
            pin = pins[found[1]] = Pin(found[1], found[2], found[3] or "")
        elif text.startswith("--hash=sha256:") and pin:
            pin.hashes.append(text.removeprefix("--hash=sha256:"))
        elif line.startswith("    #") and pin:
            if name := text.lstrip("# ").removeprefix("via").strip():
                pin.via.append(name)
        elif line and not line.startswith("#"):
            raise ValueError(f"constraints.txt: {line!r} is no version, hash or comment; run `make constraints`")
    return pins


def direct(root: Path) -> set[str]:
    """The names that the package itself asks for, without extras."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return {re.split(r"[^A-Za-z0-9-]", words, maxsplit=1)[0] for words in project["dependencies"]}


def reached(pins: dict[str, Pin], roots: set[str]) -> set[str]:
    """The names that are installed with some: they, what they ask for, and so on.

    What only an extra of a distribution asks for is counted for the distribution: rather too many than too few.
    """
    found: set[str] = set()
    new = roots & set(pins)
    while new:
        found |= new
        new = {name for name, pin in pins.items() if new & set(pin.via)} - found
    return found


def used_for(root: Path) -> dict[str, str]:
    """Name -> "package", "extras" or "development", whichever comes first."""
    pins = read_pins(root)
    core = reached(pins, direct(root))
    ours = reached(pins, {name for name, pin in pins.items() if OURSELVES in pin.via})
    return {name: "package" if name in core else "extras" if name in ours else "development" for name in pins}
