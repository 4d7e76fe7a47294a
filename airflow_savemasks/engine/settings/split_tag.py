"""The tag whose values decide a split, looked for in meta.json. Rules: more-masks, section 11.

Apart from the option itself, which is imported wherever a DAG is parsed and knows no projects.
"""

from __future__ import annotations

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.project.meta import Meta
from airflow_savemasks.engine.settings.split import Split


def check_split(split: Split | None, meta: Meta) -> None:
    """Raises SettingsError where the tag that decides does not exist, or has no values. meta: of the archive."""
    if split is None or split.tag is None:
        return
    with_values = [name for name, tag in meta.tags.items() if tag.value_type != "none"]
    if split.tag in with_values:
        return
    fact = f"tag {split.tag!r} {'has no values' if split.tag in meta.tags else 'does not exist'}"
    there = f"Tags with values are {', '.join(map(repr, with_values))}" if with_values else "No tag has values"
    raise SettingsError("split.by", fact, f"{there}; they are those of the archive, after the mapping")
