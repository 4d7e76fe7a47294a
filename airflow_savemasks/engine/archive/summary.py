"""What is known of a part of an archive: its receipt and the manifest hold it. It is checked when it is read back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

from pydantic import Field

from airflow_savemasks.engine.archive.bad_items import BadItem

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, strict=True)]


@dataclass(slots=True)
class Summary:
    """What is known of a finished part. pixels, labelled: class name -> visible pixels, items that show it.

    files: members of the tar; skipped: left out by on_bad_item="skip"; unread: how many of these could not be read;
    undrawn: shape -> labels of it that are not drawn, as the shape is unknown.
    """

    digest: Digest
    size: Count = 0
    sha256: Sha256 = "0" * 64
    items: Count = 0
    files: Count = 0
    labels: Count = 0
    pixels: dict[str, Count] = field(default_factory=dict)
    labelled: dict[str, Count] = field(default_factory=dict)
    skipped: list[BadItem] = field(default_factory=list)
    unread: Count = 0
    undrawn: dict[str, Count] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
