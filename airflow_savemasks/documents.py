"""What this package writes as JSON, as models: for readers of these files, for the reference, and for tests.

`Result.model_json_schema()` and the like are the JSON Schemas; `Manifest.model_validate_json(...)` checks a file.
Nothing that exports uses them: what is written is checked against them by tests.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Rgb = Annotated[list[int], Field(min_length=3, max_length=3)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Items(_Document):
    """How many items: rendered by this run, taken as they were, bad and left out. The archive has the first two."""

    rendered: Count
    reused: Count
    skipped: Count


class SkippedItem(_Document):
    item: str = Field(description="folder and name in the archive")
    reason: str


class Listed(_Document):
    """A source, as it was listed."""

    uri: str = Field(description="without what may be secret")
    items: Count
    bytes: Count = Field(description="of pictures and annotations, as far as the source tells them")


class Stages(_Document):
    """Seconds of each stage."""

    plan: Seconds | None = None
    render: Seconds | None = None
    publish: Seconds | None = None


class Result(_Document):
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
    seconds: Seconds = Field(description="that the export took")
    stages: Stages = Field(description="seconds by stage; those of all workers added up")
    sources: list[Listed]
    unannotated: Count = Field(description="pictures without an annotation, exported without labels")
    orphans: Count = Field(description="annotations without a picture, left out")
    warnings: list[str]
    summary: str = Field(description="two lines for a message")
    link: str | None = Field(None, description="where a browser finds it, in an instance")
    volumes: list[str] | None = Field(None, description="where they are, if there are several")
    removed: list[str] | None = Field(None, description="older archives that were removed, where `keep` is given")


class Renamed(_Document):
    item: str = Field(description="dataset and name at the source")
    becomes: str = Field(description="its name in the archive")


class FoundBad(_Document):
    item: str
    fact: str
    fix: str


class PlannedClass(_Document):
    """A class of the archive's meta.json."""

    name: str
    items: Count = Field(description="with a label of it")
    labels: Count
    machine: Rgb | None = Field(None, description="its colour in machine masks, null where it is not drawn")
    human: Rgb | None = Field(None, description="its colour in human masks, null where it is not drawn")


class Plan(_Document):
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


class BadItem(_Document):
    """A line of `<dst>.bad_items.jsonl`."""

    item: str = Field(description="folder and name in the archive")
    place: str = Field(description="project, dataset and picture, and which label it is")
    fact: str
    fix: str
    preview: str | None = Field(None, description="a JPEG in base64, of the first ones")


class WrittenFile(_Document):
    file: str
    size: Count = Field(description="bytes")
    identity: str | None = Field(None, description="as the storage tells it; changes when the file changes")
    sha256: Sha256 | None = None


class Volume(_Document):
    file: str
    size: Count = Field(description="bytes")
    identity: str


class Head(_Document):
    """What each volume begins with: meta.json, and class maps."""

    size: Count
    sha256: Sha256
    files: list[WrittenFile] | None = Field(None, description="each of them, where there are several")


class ManifestClass(_Document):
    """A class of meta.json, with the figures of this archive."""

    name: str
    shape: str
    machine: Rgb | None = None
    human: Rgb | None = None
    semantic: Rgb | None = None
    items: Count = Field(description="that show it")
    pixels: Count = Field(description="visible ones, of all items")


class Totals(_Document):
    items: Count
    files: Count = Field(description="members of all volumes")
    labels: Count
    bytes: Count = Field(description="of all volumes")
    skipped: Count
    left_out: Count | None = None


class Figure(_Document):
    """The figure of a gate, and its bound, null where it was not asked for."""

    model_config = ConfigDict(extra="forbid")

    figure: Any
    bound: Any
    items: Count | None = Field(None, description="how many items that is")
    against: str | None = Field(None, description="of drift: the archive that it is measured against")
    of: str | None = Field(None, alias="class", description="of drift: the class that moved most")


class GateFigures(_Document):
    max_unlabelled: Figure
    max_empty_masks: Figure
    min_items: Figure
    max_class_drift: Figure
    classes_present: Figure


class Speed(_Document):
    """How fast items were rendered, by the last run that rendered any."""

    items: Count
    seconds: Seconds


class SkippedOfManifest(SkippedItem):
    unread: bool = Field(description="it could not be read, so the next export tries it again")


class PlanOfManifest(_Document):
    digest: str = Field(description="of the items with all that their bytes depend on: two archives with one are equal")
    name: str
    settings: Sha256 = Field(description="digest of all but the items")
    volume_size: Count | None


class Manifest(_Document):
    """`<dst>.manifest.json`, written last: an archive with a manifest that fits is whole."""

    format: Literal[3]
    name: str = Field(description="of the archive in Team Files, without .tar")
    volumes: list[Volume]
    index: WrittenFile
    head: Head
    tail: list[WrittenFile] | None = Field(None, description="members that the last volume ends with: lists of shares")
    root_files: list[WrittenFile] | None = Field(None, description='with layout "webdataset": what lies beside it')
    settings: dict[str, Any] = Field(description="what was asked for: masks, colours, sources, options not at default")
    classes: list[ManifestClass]
    totals: Totals
    items: Items
    gates: GateFigures
    speed: Speed | None = None
    splits: dict[str, Count] | None = Field(None, description="share -> its items")
    unannotated: Count
    orphans: Count
    skipped: list[SkippedOfManifest]
    warnings: list[str]
    plan: PlanOfManifest
    versions: dict[str, str] = Field(description="of renderer, kernels and libraries, and the kind of machine")
    sha256: Sha256 = Field(description="of this file with zeros in place of these 64 digits")


class Source(_Document):
    """Where an item comes from."""

    input: Count = Field(description="number of the layer's input")
    dataset: str = Field(description="full name at the source, parent/child")
    name: str = Field(description="of the picture at the source")


class IndexMember(_Document):
    kind: str = Field(description="its folder: ann, img, masks_human, masks_machine, ...")
    name: str = Field(description="of the member in the tar")
    offset: Count = Field(description="of the content, from the item's first byte")
    size: Count = Field(description="of the content in bytes")
    sha256: Sha256


class VisibleLabel(_Document):
    """What is visible of a label, with `instances="ids"`."""

    id: Annotated[int, Field(ge=1)] = Field(description="its place in the annotation's objects, its value in the mask")
    of: str = Field(alias="class")
    pixels: Count
    box: list[int] | None = Field(description="left, top, right, bottom, inclusive; null where nothing shows")


class IndexLine(_Document):
    """A line of `<dst>.index.jsonl`: one item, in the order of the archive."""

    volume: Count = Field(description="number of the volume that it lies in, from 0")
    offset: Count = Field(description="of its first byte in the volume")
    size: Count = Field(description="of its bytes: headers, contents, and what fills them up")
    item: str = Field(description="folder and name in the archive")
    key: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] = Field(description="digest of all that its bytes depend on")
    source: Source
    height: Count
    width: Count
    labels: Count
    members: list[IndexMember]
    pixels: dict[str, Count] = Field(description="class -> visible pixels")
    undrawn: dict[str, Count] | None = Field(None, description="unknown shape -> labels of it, which no mask shows")
    instances: list[VisibleLabel] | None = None
    split: str | None = Field(None, description="the share that it belongs to")


DOCUMENTS: dict[str, type[_Document]] = {
    "result": Result,
    "plan": Plan,
    "manifest": Manifest,
    "index line": IndexLine,
    "bad item": BadItem,
}
