"""What several of the documents have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Seconds = Annotated[float, Field(ge=0)]
Rgb = Annotated[list[int], Field(min_length=3, max_length=3)]


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Items(Document):
    """How many items: rendered by this run, taken as they were, bad and left out. The archive has the first two."""

    rendered: Count
    reused: Count
    skipped: Count


class SkippedItem(Document):
    item: str = Field(description="folder and name in the archive")
    reason: str
