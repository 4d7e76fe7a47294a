"""How much of everything an export takes, so that no input takes a machine's memory or a night.

One table of what is bounded (docs/reliability.md shows it), each bound with a setting for people who need more. Bounds
are looked at before memory is taken: sizes as listed, headers before pixels, streams in pieces up to what their header
promises. Within the defaults one process stays below 1.5 GB.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Bound = Annotated[int, Field(ge=1)]
MIB = 1 << 20


class Limits(BaseModel):
    """The option `limits`: what is not named keeps its default. All are whole numbers from 1 on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    picture_bytes: Bound = Field(256 * MIB, description="bytes of a picture's file")
    picture_pixels: Bound = Field(120_000_000, description="pixels of a picture, width times height")
    jpeg_scans: Bound = Field(100, description="scans of a progressive JPEG")
    annotation_bytes: Bound = Field(64 * MIB, description="bytes of an annotation's file")
    annotation_values: Bound = Field(6_000_000, description="values in an annotation: its commas and brackets")
    labels: Bound = Field(100_000, description="labels on a picture")
    crossings: Bound = Field(20_000_000, description="places where the outline of a label crosses itself")
    cut_crossings: Bound = Field(
        200_000, description="places where the outline of a label that is cut at the border crosses itself"
    )
    bitmap_pixels: Bound = Field(
        120_000_000, description="pixels of a bitmap or alpha mask, also outside of its picture"
    )
    bitmap_bytes: Bound = Field(512 * MIB, description="bytes of a bitmap's data once it is inflated")
    line_pixels: Bound = Field(
        10_000_000_000,
        description="pixels that the lines and points of a picture paint with a line_width above 1, each time counted",
    )
    rows_above: Bound = Field(
        1_000_000_000,
        description="rows above a picture that edges of holes and turned boxes are followed through, each edge counted",
    )
    instance_pixels: Bound = Field(
        100_000_000_000, description='pixels of the masks of all labels of a picture with instances="files"'
    )
    meta_bytes: Bound = Field(64 * MIB, description="bytes of meta.json")
    nesting: Bound = Field(64, description="datasets inside of each other")
    members: Bound = Field(1_000_000, description="files in a packed source")
    member_header: Bound = Field(MIB, description="bytes of a header in a packed source, with names and extras")
    streamed_bytes: Bound = Field(64 << 30, description="bytes of a packed source that is read as a stream")
    unpacked_bytes: Bound = Field(64 << 30, description="bytes of a compressed tar once it is unpacked to a work file")

    def check(self, name: str, found: int) -> None:
        """Raises TooLarge where `found` is above the limit of that name."""
        if found > getattr(self, name):
            raise TooLarge(*above(name, found, self))


class TooLarge(ValueError):
    """Something is above a limit. `fix` says how to take it all the same."""

    def __init__(self, fact: str, fix: str) -> None:
        super().__init__(fact)
        self.fix = fix


LIMITS = Limits()  # the defaults


def above(name: str, found: int, limits: Limits = LIMITS) -> tuple[str, str]:
    """Fact and fix for something of the size `found`, which is above the limit of that name."""
    what = Limits.model_fields[name].description
    fact = f"too large: {found:,} {what}; at most {getattr(limits, name):,} are taken"
    return fact, f"Mend it at the source, or raise the limit: limits={{'{name}': {found}}}"
