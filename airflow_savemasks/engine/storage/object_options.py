"""What a bucket's policy asks of every request: encryption, storage class, tags, who pays; in the cloud's own names.

A client factory may carry them as its attribute `options`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any

from airflow_savemasks.engine.errors import SettingsError


def options_of(factory: Any, uri: str, known: Collection[str]) -> Mapping[str, Any]:
    """The options that a factory carries. Raises SettingsError for one that is not `known`: none is left out."""
    options: Mapping[str, Any] = getattr(factory, "options", None) or {}
    for name in options:
        if name not in known:
            close = get_close_matches(name, known, 1)
            fix = f"Did you mean {close[0]!r}?" if close else f"Known are {sorted(known)}"
            raise SettingsError(uri, f"its objects have no option {name!r}", fix)
    return options
