"""What lies beside an archive: its manifest and its index."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from airflow_savemasks.documents.shared import Count, Document, Items, Rgb, Seconds, Sha256, SkippedItem


class WrittenFile(Document):
    file: str
    size: Count = Field(description="bytes")
    identity: str | None = Field(None, description="as the storage tells it; changes when the file changes")
    sha256: Sha256 | None = None


class Volume(Document):
    file: str
    size: Count = Field(description="bytes")
    identity: str


class Head(Document):
    """What each volume begins with: meta.json, and class maps."""

    size: Count
    sha256: Sha256
    files: list[WrittenFile] | None = Field(None, description="each of them, where there are several")


class ManifestClass(Document):
    """A class of meta.json, with the figures of this archive."""

    name: str
    shape: str
    machine: Rgb | None = None
    human: Rgb | None = None
    semantic: Rgb | None = None
    items: Count = Field(description="that show it")
    pixels: Count = Field(description="visible ones, of all items")


class Totals(Document):
    items: Count
    files: Count = Field(description="members of all volumes")
    labels: Count
    bytes: Count = Field(description="of all volumes")
    skipped: Count
    left_out: Count | None = None


class Figure(Document):
    """The figure of a gate, and its bound, null where it was not asked for."""

    model_config = ConfigDict(extra="forbid")

    figure: Any
    bound: Any
    items: Count | None = Field(None, description="how many items that is")
    against: str | None = Field(None, description="of drift: the archive that it is measured against")
    of: str | None = Field(None, alias="class", description="of drift: the class that moved most")


class GateFigures(Document):
    max_unlabelled: Figure
    max_empty_masks: Figure
    min_items: Figure
    max_class_drift: Figure
    classes_present: Figure


class Speed(Document):
    """How fast items were rendered, by the last run that rendered any."""

    items: Count
    seconds: Seconds


class SkippedOfManifest(SkippedItem):
    unread: bool = Field(description="it could not be read, so the next export tries it again")


class PlanOfManifest(Document):
    digest: str = Field(description="of the items with all that their bytes depend on: two archives with one are equal")
    name: str
    settings: Sha256 = Field(description="digest of all but the items")
    volume_size: Count | None


class Manifest(Document):
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


class Source(Document):
    """Where an item comes from."""

    input: Count = Field(description="number of the layer's input")
    dataset: str = Field(description="full name at the source, parent/child")
    name: str = Field(description="of the picture at the source")


class IndexMember(Document):
    kind: str = Field(description="its folder: ann, img, masks_human, masks_machine, ...")
    name: str = Field(description="of the member in the tar")
    offset: Count = Field(description="of the content, from the item's first byte")
    size: Count = Field(description="of the content in bytes")
    sha256: Sha256


class VisibleLabel(Document):
    """What is visible of a label, with `instances="ids"`."""

    id: Annotated[int, Field(ge=1)] = Field(description="its place in the annotation's objects, its value in the mask")
    of: str = Field(alias="class")
    pixels: Count
    box: list[int] | None = Field(description="left, top, right, bottom, inclusive; null where nothing shows")


class IndexLine(Document):
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
