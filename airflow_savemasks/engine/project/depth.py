"""How deep JSON may be nested that is written again: what reads it goes deeper than what writes it."""

from __future__ import annotations

from typing import Any

DEEPEST = 240  # orjson writes 254 levels; what is kept of a label has four above it
CONTAINERS = {dict, list}


def is_too_deep(level: list[Any]) -> bool:
    """Whether lists and objects lie in each other more than DEEPEST times. level: the outermost ones."""
    for _ in range(DEEPEST):
        if not level:
            return False
        inner = [child for one in level for child in (one.values() if type(one) is dict else one)]
        level = [child for child in inner if child and type(child) in CONTAINERS]
    return bool(level)
