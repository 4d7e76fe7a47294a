"""A layer with its sources opened: everything that all parts of one export share.

Made in every process that takes part (the single task, or each mapped one); two processes agree when `digest` does.
"""

from __future__ import annotations

import pickle
import platform
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import orjson

from airflow_savemasks.engine import native
from airflow_savemasks.engine.errors import ProjectError, SettingsError
from airflow_savemasks.engine.project import whole_numbers
from airflow_savemasks.engine.project.annotation import AnnotationReader
from airflow_savemasks.engine.project.meta import Meta, map_meta, merge_metas, names_after, parse_meta
from airflow_savemasks.engine.project.source import Again, Source
from airflow_savemasks.engine.project.stored import choose
from airflow_savemasks.engine.settings.asked import of_items, of_masks
from airflow_savemasks.engine.settings.colors import Colors, check_colors, with_colors
from airflow_savemasks.engine.settings.drawn_colors import drawn_colors
from airflow_savemasks.engine.settings.layer import Layer
from airflow_savemasks.engine.settings.options import Options
from airflow_savemasks.engine.settings.split_tag import check_split

RENDERER = 3  # raised whenever the same input gives other bytes
LIBRARIES = ("isal", "numpy", "opencv-python-headless", "shapely")


@dataclass(slots=True)
class Listed:
    """How many items an input has for the archive, and the bytes of their pictures and annotations as listed."""

    items: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class JobInput:
    """One input of the layer, opened: its source, the datasets that are wanted (None: all), the annotations' reader.

    listed: what was listed of it, in the process that planned.
    """

    source: Source
    wanted: tuple[str, ...] | None
    reader: AnnotationReader
    listed: Listed = field(default_factory=Listed)

    def datasets(self) -> list[str]:
        """The chosen ones, looked for now: only whoever plans needs them. Raises ProjectError, StorageError."""
        return choose(self.source, self.wanted)


@dataclass(frozen=True, slots=True)
class Job:
    """`meta` is that of the archive; `digest` covers all that the bytes depend on, apart from the items themselves."""

    layer: Layer
    options: Options
    inputs: tuple[JobInput, ...]
    meta: Meta
    colors: Colors
    warnings: tuple[str, ...]
    digest: str

    def watch(self, stop: threading.Event) -> None:
        """Have every source obey `stop`."""
        for entry in self.inputs:
            entry.source.watch(stop)


@dataclass(frozen=True, slots=True)
class _Handed:
    """A job without its open sources. again: opens each, as `Source.again`."""

    job: Job
    again: tuple[Again, ...]


def hand_over(job: Job) -> bytes | None:
    """The job as plain data, for `take_over` in another process; None where a source cannot be opened there.

    Raises what a source raises that tells how it is opened.
    """
    again = [entry.source.again for entry in job.inputs]
    if any(way is None for way in again):
        return None
    closed = tuple(replace(entry, source=None) for entry in job.inputs)  # type: ignore[arg-type]
    return pickle.dumps(_Handed(replace(job, inputs=closed), tuple(way for way in again if way is not None)))


def take_over(data: bytes) -> Job:
    """The job again, its sources opened, to load and render items of. Reads nothing. Raises what opening raises."""
    handed = pickle.loads(data)  # noqa: S301 - by `hand_over`, of the process that started this one
    assert isinstance(handed, _Handed)
    opened = {id(way): way() for way in handed.again}
    inputs = tuple(
        replace(entry, source=opened[id(way)]) for entry, way in zip(handed.job.inputs, handed.again, strict=True)
    )
    for entry in inputs:
        entry.source.limits = handed.job.options.limits
    return replace(handed.job, inputs=inputs)


def open_job(layer: Layer, sources: Mapping[str, Source], options: Options) -> Job:
    """Read every meta.json, map and merge them, check the colors. Reads no item.

    sources: for each input of the layer its `$name` or its project's name -> source. Raises SettingsError,
    ProjectError, StorageError.
    """
    chosen = [_source_of(entry.name, entry.project, sources) for entry in layer.inputs]
    for source in chosen:
        source.limits = options.limits
    raws = {source.uri: _writable(source) for source in chosen}
    own = [parse_meta(raws[source.uri], f"{source.uri}/meta.json") for source in chosen]
    mapped = [
        map_meta(meta, entry.classes_mapping, entry.tags_mapping, source.uri)
        for meta, entry, source in zip(own, layer.inputs, chosen, strict=True)
    ]
    by_src = sorted(range(len(chosen)), key=lambda number: layer.src.index(layer.inputs[number].name))
    merged = merge_metas((chosen[number].uri, mapped[number]) for number in by_src)
    inputs = tuple(
        JobInput(
            source,
            entry.datasets,
            AnnotationReader(
                meta, entry.classes_mapping, entry.tags_mapping, merged, options.limits, options.line_width
            ),
        )
        for source, meta, entry in zip(chosen, own, layer.inputs, strict=True)
    )
    renamed: dict[str, str | None] = {}
    for meta, entry in zip(own, layer.inputs, strict=True):
        for old, new in names_after(meta.classes, entry.classes_mapping).items():
            renamed[old] = new or renamed.get(old)
    check_split(options.split, merged)
    layer = with_colors(layer, merged, options)
    doubtful = check_colors(layer, merged, renamed, options)
    colors = drawn_colors(layer, merged, options)
    parts = {
        "renderer": renderer(),
        "colours": [colors.machine, colors.human, colors.gray],
        "meta": merged.to_json(),
        "inputs": [
            [source.uri, raws[source.uri], entry.classes_mapping, entry.tags_mapping]
            for source, entry in zip(chosen, layer.inputs, strict=True)
        ],
    }
    if asked := of_items(options):
        parts["items"] = asked
    if asked := of_masks(options):
        parts |= {"options": asked, "shown": colors.shown}
    digest = sha256(whole_numbers.dumps(parts, orjson.OPT_SORT_KEYS)).hexdigest()
    return Job(layer, options, inputs, merged, colors, (*layer.warnings, *merged.warnings, *doubtful), digest)


def _writable(source: Source) -> Any:
    """A source's meta.json, which has to be written again. Raises ProjectError where it is nested too deep for that."""
    raw = source.meta()
    try:
        whole_numbers.dumps(raw)
    except TypeError as error:
        raise ProjectError(f"{source.uri}/meta.json", f"it cannot be written again ({error})", "Flatten it") from error
    return raw


def renderer() -> dict[str, str]:
    """What decides the bytes besides the input: our version of the rules, the libraries, the machine's kind."""
    ours = {"renderer": str(RENDERER), "kernels": native.identity(), "machine": platform.machine()}
    return ours | {name: version(name) for name in LIBRARIES}


def _source_of(name: str, project: str | None, sources: Mapping[str, Source]) -> Source:
    source = sources.get(name) or sources.get(project or "")
    if source is None:
        wanted = repr(name) if project is None else f"{name!r} (project {project!r})"
        raise SettingsError("sources", f"nothing for {wanted}; given are {sorted(sources)}", f"Say where {name!r} lies")
    return source
