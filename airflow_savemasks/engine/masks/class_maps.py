"""The files beside meta.json that say which class has which value or color. Rules: more-masks, section 8."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from airflow_savemasks.engine.masks.free_names import FreeNames
from airflow_savemasks.engine.masks.registry import KINDS
from airflow_savemasks.engine.project.meta import Meta
from airflow_savemasks.engine.settings.colors import Colors, Rgb

LABELMAP, CLASSES = "labelmap.txt", "classes.csv"
BACKGROUND = "background"
NOT_IN_LABELMAP = re.compile(r"[:\r\n]|^#")
QUOTED = re.compile(r'[,"\r\n]')  # what a field of CSV stands in quotes for


def names() -> list[str]:
    """Those that class maps may have."""
    return [*(kind.color_file for kind in KINDS if kind.color_file), LABELMAP, CLASSES]


def class_maps(meta: Meta, colors: Colors) -> list[tuple[str, bytes]]:
    """Name and content of each, in the order of the archive."""
    tables = {kind.color_file: kind.colors(colors) for kind in KINDS if kind.color_file and kind.colors}
    files = {name: _as_json(meta, table) for name, table in tables.items() if table is not None}
    files |= {LABELMAP: "\n".join(_labelmap(meta, colors)), CLASSES: "\n".join(_classes(meta, colors))}
    return [(name, f"{text}\n".encode()) for name, text in files.items()]


def _as_json(meta: Meta, table: Mapping[str, Rgb]) -> str:
    known = {name: list(table[name]) for name in meta.classes if name in table}
    return json.dumps(known, ensure_ascii=False, indent=2)


def _labelmap(meta: Meta, colors: Colors) -> Iterator[str]:
    yield "# label:color_rgb:parts:actions"
    yield f"{BACKGROUND}:0,0,0::"
    free = FreeNames(BACKGROUND)
    for name in filter(colors.draws, meta.classes):
        yield f"{free.give(NOT_IN_LABELMAP.sub('_', name))}:{_triple(colors.shown[name])}::"


def _classes(meta: Meta, colors: Colors) -> Iterator[str]:
    yield "value,name,red,green,blue"
    yield f"0,{BACKGROUND},0,0,0"
    for name in filter(colors.draws, meta.classes):
        values = set((colors.machine or {}).get(name, ()))
        value = str(values.pop()) if len(values) == 1 else ""
        quoted = '"' + name.replace('"', '""') + '"' if QUOTED.search(name) else name
        yield f"{value},{quoted},{_triple(colors.shown[name])}"


def _triple(rgb: Rgb) -> str:
    return ",".join(map(str, rgb))
