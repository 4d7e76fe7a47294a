"""How deep JSON may be nested that is written again: what reads it goes deeper than what writes it."""

from __future__ import annotations

from typing import Any

DEEPEST = 240  # orjson writes 254 levels; what is kept of a label has four above it


def is_too_deep(value: Any) -> bool:
    """Whether lists and objects lie in each other more than DEEPEST times."""
    level = [value] if type(value) in (dict, list) else []
    for _ in range(DEEPEST):
        if not level:
            return False
        inner = [child for one in level for child in (one.values() if type(one) is dict else one)]
        level = [child for child in inner if type(child) in (dict, list)]
    return bool(level)
