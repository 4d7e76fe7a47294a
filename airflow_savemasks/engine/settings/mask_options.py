"""The options for what an archive holds: kinds of masks, chosen pictures, splits, layout. Rules: more-masks.

At its default an option changes no byte of an archive (section 14).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from airflow_savemasks.engine.settings.human_mask import HumanMask
from airflow_savemasks.engine.settings.pick import Pick
from airflow_savemasks.engine.settings.split import Split
from airflow_savemasks.engine.settings.values import (
    exact_flag,
    exact_object,
    exact_whole,
    exact_word,
    exact_word_or_nothing,
)

MOST_WIDTH = 32_767  # pixels: the widest line that OpenCV draws
EXACT: dict[str, Any] = {"exact": True}  # takes the JSON type, and no text in its place (more-masks, section 0)

MachinePng = Literal["auto", "rgb", "palette", "gray16"]
Unlisted = Literal["skip", "auto", "fail"]


class MaskOptions(BaseModel):
    """The first half of `Options`, which see."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine_png: Annotated[MachinePng, BeforeValidator(exact_word("auto", "rgb", "palette", "gray16"))] = Field(
        "auto",
        description='"auto" writes gray PNGs if all machine colours are gray; "rgb" three channels always; "palette" '
        'indices that viewers show in colour; "gray16" values of 16 bits.',
        json_schema_extra=EXACT,
    )
    unlisted: Annotated[Unlisted, BeforeValidator(exact_word("skip", "auto", "fail"))] = Field(
        "skip",
        description='Classes that the layer names no colour for: "skip" does not draw them, "auto" gives them free '
        'numbers and the colours of meta.json, "fail" refuses them.',
        json_schema_extra=EXACT,
    )
    overlap: Annotated[Literal["order", "area"], BeforeValidator(exact_word("order", "area"))] = Field(
        "order",
        description='Which label lies on top: the later one, or with "area" the smaller one.',
        json_schema_extra=EXACT,
    )
    line_width: Annotated[int, BeforeValidator(exact_whole(1, MOST_WIDTH))] = Field(
        1,
        description="Width of lines, points, graphs and 2D cuboids, as the SDK's `thickness`.",
        json_schema_extra={**EXACT, "unit": "pixels"},
    )
    human: Annotated[HumanMask, BeforeValidator(exact_object(HumanMask, '{"alpha": 0.3, "max_side": 1000}'))] = Field(
        HumanMask(),
        description="How human masks look: any of alpha (0 to 1), layout (side_by_side, overlay), max_side (pixels), "
        "format (png, jpeg), quality (1 to 100).",
        json_schema_extra=EXACT,
    )
    instances: Annotated[Literal["ids", "files"] | None, BeforeValidator(exact_word_or_nothing("ids", "files"))] = (
        Field(
            None,
            description='A mask for each label of a drawn class: "ids" all in one PNG of 16 bits, "files" a file each.',
            json_schema_extra=EXACT,
        )
    )
    semantic: Annotated[bool, BeforeValidator(exact_flag)] = Field(
        False,
        description="Adds masks of all classes, drawn or not, in the colours of meta.json.",
        json_schema_extra=EXACT,
    )
    class_maps: Annotated[bool, BeforeValidator(exact_flag)] = Field(
        False,
        description="Adds classes.csv, labelmap.txt and JSON maps of the classes' colours beside meta.json.",
        json_schema_extra=EXACT,
    )
    pick: Annotated[
        Pick | None,
        BeforeValidator(exact_object(Pick, '{"classes": ["kiwi"]}', or_nothing=True)),
        AfterValidator(lambda pick: pick if pick and pick.asks else None),
    ] = Field(
        None,
        description="Which pictures are exported: all that is given of datasets, tags, classes (lists of names) and "
        "labelled must hold.",
        json_schema_extra=EXACT,
    )
    split: Annotated[
        Split | None, BeforeValidator(exact_object(Split, '{"shares": {"train": 0.8, "val": 0.2}}', or_nothing=True))
    ] = Field(
        None,
        description='Shares that stay put when pictures are added: shares ({"train": 0.8, "val": 0.2}), by (item, '
        "dataset, tag:NAME), seed (a text).",
        json_schema_extra=EXACT,
    )
    layout: Annotated[
        Literal["supervisely", "webdataset"], BeforeValidator(exact_word("supervisely", "webdataset"))
    ] = Field(
        "supervisely",
        description='"webdataset" makes the archive, and each volume, a WebDataset shard.',
        json_schema_extra=EXACT,
    )
    redact: Annotated[bool, BeforeValidator(exact_flag)] = Field(
        False,
        description="Takes the names and ids of people who labelled out of annotations and meta.json.",
        json_schema_extra=EXACT,
    )
