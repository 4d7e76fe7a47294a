"""What a run tells: the result of an export, that of a plan, and bad items."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from airflow_savemasks.documents.shared import Count, Document, Items, Rgb, Seconds, Sha256, SkippedItem


class Listed(Document):
    """A source, as it was listed."""

    uri: str = Field(description="without what may be secret")
    items: Count
    bytes: Count = Field(description="of pictures and annotations, as far as the source tells them")


class Stages(Document):
    """Seconds of each stage."""

    plan: Seconds | None = None
    render: Seconds | None = None
    publish: Seconds | None = None


class Result(Document):
    """What an export returns: the XCom of the task, and the last line of `savemasks export`."""

    archive: str = Field(description="where it is; of several volumes the first")
    manifest: str = Field(description="where the manifest is")
    index: str = Field(description="where the index is")
    manifest_sha256: Sha256 = Field(description="of the manifest's bytes, which vouch for every file of every item")
    items: Items
    unchanged: bool = Field(description="whether the archive that was there is the one that was asked for: it stays")
    classes: dict[str, Count] = Field(description="class -> items that show it, of at most 200 classes")
    class_count: Count = Field(description="how many classes are shown at all")
    skipped: list[SkippedItem] = Field(description="bad items that were left out")
    left_out: Count | None = Field(None, description="pictures that `pick` leaves out, where there is a `pick`")
    files: Count = Field(description="members of the archive")
    bytes: Count = Field(description="of all volumes")
    seconds: Seconds = Field(description="that the export took; in a group its last task, `stages` has the others")
    stages: Stages = Field(description="seconds by stage; those of all workers added up")
    sources: list[Listed]
    unannotated: Count = Field(description="pictures without an annotation, exported without labels")
    orphans: Count = Field(description="annotations without a picture, left out")
    warnings: list[str]
    summary: str = Field(description="two lines for a message")
    link: str | None = Field(None, description="where a browser finds it, in an instance")
    volumes: list[str] | None = Field(None, description="where they are, if there are several")
    removed: list[str] | None = Field(None, description="older archives that were removed, where `keep` is given")


class Renamed(Document):
    item: str = Field(description="dataset and name at the source")
    becomes: str = Field(description="its name in the archive")


class FoundBad(Document):
    item: str
    fact: str
    fix: str


class PlannedClass(Document):
    """A class of the archive's meta.json."""

    name: str
    items: Count = Field(description="with a label of it")
    labels: Count
    machine: Rgb | None = Field(None, description="its colour in machine masks, null where it is not drawn")
    human: Rgb | None = Field(None, description="its colour in human masks, null where it is not drawn")


class Plan(Document):
    """What `savemasks plan` and `dry_run=True` return."""

    dry_run: Literal[True]
    would_write: str = Field(description="where the archive would be")
    replaces: bool = Field(description="whether an archive is there that would be replaced")
    unchanged: bool = Field(description="whether the archive that is there would stay as it is")
    items: Items
    added: Count = Field(description="items that the archive that would be replaced does not have")
    removed: Count = Field(description="items that only the archive has that would be replaced")
    removed_items: list[str] = Field(description="the first of them")
    renamed: Count = Field(description="items whose name another one has")
    renamed_items: list[Renamed] = Field(description="the first of them")
    labels: Count
    unlabelled: Count = Field(description="items without a label")
    classes: list[PlannedClass]
    unannotated: Count
    orphans: Count
    left_out: Count | None = Field(None, description="pictures that `pick` leaves out, where there is a `pick`")
    bad_items: list[FoundBad] = Field(description="the first that listing and annotations show")
    bad_items_file: str | None = Field(None, description="of a task: where all of them stand, if there are any")
    bytes: Count | None = Field(description="of the archive, by the last one; null where nothing tells")
    seconds: Seconds | None = Field(description="by the speed of the last one; null where nothing tells")
    measured_by: str | None = Field(description="the archive by which these two are measured")
    warnings: list[str]
    would_fail: list[str] = Field(description="why the export would fail, as far as that is known")


class BadItem(Document):
    """A line of `<dst>.bad_items.jsonl`."""

    item: str = Field(description="folder and name in the archive")
    place: str = Field(description="project, dataset and picture, and which label it is")
    fact: str
    fix: str
    preview: str | None = Field(None, description="a JPEG in base64, of the first ones")
