"""Which options of more-masks are not at their default: what a manifest says of them, and what masks depend on."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from airflow_savemasks.engine.settings.mask_options import MaskOptions
from airflow_savemasks.engine.settings.options import Options

OF_MASKS = ("machine_png", "overlap", "line_width", "human", "instances", "semantic", "class_maps")
OF_ITEMS = ("pick", "split", "layout", "redact")


def not_at_default(options: Options) -> dict[str, Any]:
    """Name -> value as JSON; of an object the keys that are not at theirs. Empty where nothing is asked for."""
    found = {}
    for name, field in MaskOptions.model_fields.items():
        value = getattr(options, name)
        if value != field.default:
            found[name] = value.model_dump(exclude_defaults=True) if isinstance(value, BaseModel) else value
    return found


def of_masks(options: Options) -> dict[str, Any]:
    """Those that masks and the archive's head depend on, besides what colors say; empty at their defaults."""
    found = not_at_default(options)
    kept = {name: found[name] for name in OF_MASKS if name in found}
    if kept.get("machine_png") == "rgb":
        del kept["machine_png"]  # the colors say it
    if options.human.format == "png" and "human" in kept:
        kept["human"].pop("quality", None)
        kept = {name: value for name, value in kept.items() if value != {}}
    return kept


def of_items(options: Options) -> dict[str, Any]:
    """Those that names, annotations, lines of the index, or which items there are depend on; empty at their defaults.

    A finished item was found to be wanted by a certain `pick`, so it is that of another one no more.
    """
    found = {name: value for name, value in not_at_default(options).items() if name in OF_ITEMS}
    if options.split is not None:
        found["split"] = [options.split.shares, options.split.by, options.split.seed]  # pairs: their order counts
    return found
