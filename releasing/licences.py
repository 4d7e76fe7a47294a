"""Prints docs/licences.md: the licence of everything in constraints.txt, as its own metadata says; `make licences`.

Runs with the Python of an environment in which all of constraints.txt is installed. Raises LookupError where
something is not.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

from pins import read_pins, used_for

ROOT = Path(__file__).resolve().parents[1]
LONG = 60  # characters: more of it is the licence's text and not its name
HEAD = """# Licences of all dependencies

Made by `make licences` from the metadata of what `constraints.txt` names; what is installed on Windows or on other
Pythons only is left out. *package*: comes with `pip install airflow-savemasks`; *extras*: with one of its extras;
*development*: what tests and tools need, never installed with the package. None of it is part of our wheels, which
hold nothing but our own files.

| distribution | licence | for |
|---|---|---|"""


def licence(about: PackageMetadata) -> str:
    """The licence's expression, or its classifiers, or its name as given; "not said" if there is nothing."""
    if expression := about.get("License-Expression"):
        return expression
    classifiers = [text for text in about.get_all("Classifier") or [] if text.startswith("License :: ")]
    named = sorted({text.rpartition(" :: ")[2] for text in classifiers} - {"OSI Approved"})
    if named:
        return ", ".join(named)
    said = (about.get("License") or "").strip().partition("\n")[0]
    return said if 0 < len(said) <= LONG else "not said"


def main() -> int:
    print(HEAD)
    uses = used_for(ROOT)
    for name, pin in sorted(read_pins(ROOT).items()):
        try:
            about = metadata(name)
        except PackageNotFoundError:
            if pin.marker:
                continue
            raise LookupError(f"{name}: not installed here; run `make licences`") from None
        print(f"| {name} | {licence(about)} | {uses[name]} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
