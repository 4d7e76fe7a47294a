"""`supervisely://` URIs: which project of an instance, filtered how; which folder of which team's files. Pure.

supervisely://<workspace id or name>/<project>[/<dataset>[/<child>]]
supervisely://project/<id>[/<dataset>]
    ?tags=train,val   only images with one of these tags
    &datasets=a,b/c   only these datasets
    &labelled=true    only images with a label
    &updated_since=2026-01-01T00:00:00Z
supervisely://team/<id>/some/folder
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote, urlsplit

from airflow_savemasks.engine.errors import SettingsError

SCHEME = "supervisely://"
FILTERS = ("datasets", "tags", "labelled", "updated_since")


@dataclass(frozen=True, slots=True)
class ProjectUri:
    """workspace: id or name, None where `project` is an id. updated_since: aware, None for all."""

    workspace: str | None
    project: str
    datasets: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    labelled: bool = False
    updated_since: datetime | None = None


def is_instance(uri: str) -> bool:
    """Whether a URI is one of an instance."""
    return uri.startswith(SCHEME)


def parse_project(uri: str) -> ProjectUri:
    """Raises SettingsError that says how such a URI looks."""
    fix = f"Write {SCHEME}<workspace>/<project>[/<dataset>] or {SCHEME}project/<id>"
    split = urlsplit(uri)
    first, *rest = [unquote(part) for part in (split.netloc + split.path).strip("/").split("/")]
    if not first or not rest or not rest[0]:
        raise SettingsError(uri, "names no project", fix)
    by_id = first == "project"
    if by_id and not rest[0].isdigit():
        raise SettingsError(uri, f"{rest[0]!r} is no project id", fix)
    given = dict(parse_qsl(split.query, keep_blank_values=True))
    if unknown := sorted(set(given) - set(FILTERS)):
        raise SettingsError(uri, f"unknown filters {unknown}", f"Known are {list(FILTERS)}")
    datasets = _names(given.get("datasets"))
    if len(rest) > 1:
        datasets = (*(datasets or ()), "/".join(rest[1:]))
    return ProjectUri(
        workspace=None if by_id else first,
        project=rest[0],
        datasets=datasets,
        tags=_names(given.get("tags")),
        labelled=_flag(uri, given.get("labelled", "")),
        updated_since=_time(uri, given.get("updated_since", "")),
    )


def parse_team_folder(uri: str) -> tuple[int, str]:
    """Team id and folder (absolute, without the last slash). Raises SettingsError."""
    split = urlsplit(uri)
    parts = [unquote(part) for part in split.path.split("/") if part]
    if split.netloc != "team" or not parts or not parts[0].isdigit():
        raise SettingsError(uri, "is no folder of Team Files", f"Write {SCHEME}team/<id>/some/folder")
    return int(parts[0]), "".join(f"/{part}" for part in parts[1:])


def instant(text: str) -> datetime:
    """ISO 8601 as aware datetime, UTC where it says no zone. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _names(text: str | None) -> tuple[str, ...] | None:
    names = tuple(name.strip() for name in (text or "").split(",") if name.strip())
    return names or None


def _flag(uri: str, text: str) -> bool:
    if text.lower() not in ("", "true", "false", "1", "0"):
        raise SettingsError(uri, f"labelled={text} is neither true nor false", "Write labelled=true or leave it out")
    return text.lower() in ("true", "1")


def _time(uri: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        return instant(text.replace(" ", "+"))  # a "+" of a time zone is a blank in a query
    except ValueError:
        raise SettingsError(
            uri, f"updated_since={text} is no time", "Write ISO 8601, such as {{ data_interval_start }}"
        ) from None
