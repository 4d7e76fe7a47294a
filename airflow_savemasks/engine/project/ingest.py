"""Pairs of a picture and its annotation, from an inbox folder into a project in Supervisely's format."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from airflow_savemasks.engine.errors import ItemError, ProjectError
from airflow_savemasks.engine.image.decode import decode, inspect
from airflow_savemasks.engine.limits import LIMITS
from airflow_savemasks.engine.project import whole_numbers
from airflow_savemasks.engine.project.annotation import AnnotationReader
from airflow_savemasks.engine.project.bad_item import as_bad_item
from airflow_savemasks.engine.project.meta import Meta, merge_metas, parse_meta
from airflow_savemasks.engine.project.source import is_picture
from airflow_savemasks.engine.storage.folder import FolderStorage


@dataclass(slots=True)
class Report:
    """Names of pictures by what happened to them; broken: name -> why it was left where it is."""

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def ingest_pairs(inbox: str, project: str, dataset: str) -> Report:
    """Take `x.jpg` with `x.jpg.json`, and the `meta.json` beside them, into one dataset of a project.

    New pairs are added, changed ones replaced, equal ones left alone. A pair that could not be exported (no
    annotation, a picture that does not decode, another size, an unknown class) is named in the report and not taken.
    Classes of the project that the inbox lacks stay. Raises ProjectError where the inbox has no valid meta.json.
    """
    source, target = Path(inbox), FolderStorage(Path(project))
    if not (source / "meta.json").is_file():
        raise ProjectError(inbox, "no meta.json in the inbox", "Put the classes and tags of the pictures there")
    meta = _update_meta(source, target)
    reader = AnnotationReader(meta, None, None, meta)
    report = Report()
    for picture in sorted(path for path in source.iterdir() if is_picture(path.name)):
        annotation = picture.with_name(f"{picture.name}.json")
        try:
            files = _checked(picture, annotation, reader)
        except ItemError as error:
            report.broken[picture.name] = f"{error.problem}. {error.fix}"
            continue
        places = [f"{dataset}/img/{picture.name}", f"{dataset}/ann/{annotation.name}"]
        before = [target.read(place) if target.stat(place) else None for place in places]
        if before == files:
            report.unchanged.append(picture.name)
            continue
        for place, content in zip(places, files, strict=True):
            with target.writing(place) as out:
                out.write(content)
        (report.replaced if before[0] is not None else report.added).append(picture.name)
    return report


def _update_meta(source: Path, target: FolderStorage) -> Meta:
    merged = _meta_of((source / "meta.json").read_bytes(), f"{source}/meta.json")
    if target.stat("meta.json"):
        known = _meta_of(target.read("meta.json"), target.locate("meta.json"))
        merged = merge_metas([(str(source), merged), (target.uri, known)])
    content = whole_numbers.dumps(merged.to_json(), orjson.OPT_INDENT_2)
    if not target.stat("meta.json") or target.read("meta.json") != content:
        with target.writing("meta.json") as out:
            out.write(content)
    return merged


def _checked(picture: Path, annotation: Path, reader: AnnotationReader) -> list[bytes]:
    """The bytes of a pair that can be exported. Raises ItemError."""
    if not picture.is_file():
        raise ItemError(str(picture), "no file", "Remove it from the inbox, or put the picture there")
    if not annotation.is_file():
        raise ItemError(str(picture), f"no annotation {annotation.name}", "Put it beside the picture")
    files = [picture.read_bytes(), annotation.read_bytes()]
    with as_bad_item(str(picture)):
        inspect(files[0], LIMITS)
        height, width = decode(files[0]).shape[:2]
    with as_bad_item(str(annotation)):
        labels = reader.read(files[1], str(annotation))
    if (labels.height, labels.width) != (height, width):
        raise ItemError(
            str(picture),
            f"the picture is {width}x{height} pixels, its annotation for {labels.width}x{labels.height}",
            "Annotate the picture that is there",
        )
    return files


def _meta_of(content: bytes, where: str) -> Meta:
    try:
        raw = whole_numbers.loads(content)
    except orjson.JSONDecodeError as error:
        raise ProjectError(where, f"broken JSON ({error})", "Write it again") from error
    return parse_meta(raw, where)
