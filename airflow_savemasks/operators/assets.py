"""The archive as an Airflow asset: its URI, and what the event of a published archive carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from airflow.sdk import Asset, AssetAlias

from airflow_savemasks.engine.log import log

MANIFEST = ".manifest.json"
KEPT = "/:@!$&'()*+,;=~"  # of a path in a URI; the rest is quoted, or Airflow would take it for a query or a fragment
COPIED = ("archive", "manifest", "index", "manifest_sha256", "items", "classes", "class_count", "bytes", "unchanged")


def archive_asset(archive: str, **more: Any) -> Asset:
    """The asset of an archive, for `outlets` of the DAG that exports it and the `schedule` of those that read it.

    archive: its place as the result has it: a path, or a URI such as `s3://bucket/masks/space.tar`; of an archive in
    volumes its name with `.tar`. more: `name`, `group`, `extra` of the asset. It is the asset whose event an
    `AssetAlias` among the outlets gets.
    """
    return Asset(uri=uri_of(archive), **more)


def uri_of(place: str) -> str:
    """A place in Team Files as a URI whose path is quoted; `file:///...` for a path."""
    scheme, colon, rest = place.partition("://")
    return f"{scheme}://{quote(rest, safe=KEPT)}" if colon else f"file://{quote(place, safe=KEPT)}"


def archive_place(result: Mapping[str, Any]) -> str:
    """The place by which an archive is known, however many volumes it has this time: its name with `.tar`."""
    return str(result["manifest"]).removesuffix(MANIFEST) + ".tar"


def event_extra(result: Mapping[str, Any]) -> dict[str, Any]:
    """What an event says of a published archive, plain JSON (docs/observability.md)."""
    items = result["items"]
    return {**{key: result[key] for key in COPIED}, "rendered": items["rendered"], "reused": items["reused"]}


def tell_assets(outlets: Iterable[Any], events: Any, result: Any) -> None:
    """Write where the archive is, and what is in it, into the events of the assets that are a task's outlets.

    An alias gets an event of the archive's own asset. An event is told where nothing changed, too: it says so.
    events: `outlet_events` of the context, or None; result: of a task, perhaps of one that publishes nothing.
    """
    if events is None or not isinstance(result, Mapping) or "archive" not in result:
        return
    extra = event_extra(result)
    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            _tell_alias(events[outlet], result, extra)
        elif isinstance(outlet, Asset):
            events[outlet].extra.update(extra)


def _tell_alias(event: Any, result: Mapping[str, Any], extra: dict[str, Any]) -> None:
    """An archive that is published is no failure for its name: an asset's may have 1500 letters, and no more."""
    try:
        event.add(archive_asset(archive_place(result)), extra=extra)
    except ValueError as error:
        log.warning("%s: no event is told of it: its URI cannot be that of an asset: %s", result["archive"], error)
