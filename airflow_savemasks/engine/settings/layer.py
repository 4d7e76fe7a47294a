"""The layer's JSON, one layer or a whole graph, to checked settings (supervisely-format, sections 5 and 7).

`parse_layer` is the only way in. Every refusal names the key and what would be right; all of them come in one error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationInfo,
    WrapValidator,
    model_validator,
)

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.settings.color_forms import as_triple, colors_or_none
from airflow_savemasks.engine.settings.names import archive_name, check_whole
from airflow_savemasks.engine.settings.refusals import validated

SAVE_ACTIONS = ("save_masks", "export_archive_with_masks")
DATA_ACTIONS = ("data", "images_project")
DEPRECATED = ("images", "annotations")
UNLISTED = "unlisted"  # the option, as validators are told it

Channel = Annotated[StrictInt, Field(ge=0, le=255)]
Color = Annotated[list[Channel], Field(min_length=3, max_length=3), BeforeValidator(as_triple)]


def _whole(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"class {name!r}: has half of a surrogate pair, which UTF-8 cannot write") from None
    return name


ClassName = Annotated[StrictStr, AfterValidator(_whole)]
Colors = Annotated[dict[ClassName, Color], WrapValidator(colors_or_none)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Settings(_Strict):
    """`settings` of the save layer. Colors are RGB, each channel 0..255, or a text of lines (color_forms.py)."""

    masks_machine: StrictBool
    masks_human: StrictBool
    gt_machine_color: Colors = None  # type: ignore[assignment]  # absent, or an empty text; an explicit null is refused
    gt_human_color: Colors = None  # type: ignore[assignment]  # absent, or an empty text; an explicit null is refused
    archive_name: StrictStr = ""
    images: StrictBool = True
    annotations: StrictBool = True

    @model_validator(mode="after")
    def _flags_have_colors(self, info: ValidationInfo) -> Settings:
        may_be_missing = info.context is not None and info.context[UNLISTED] == "auto"
        if not (self.masks_machine or self.masks_human):
            raise ValueError("masks_machine, masks_human: both are false, so there is nothing to make; set one to true")
        for flag, colors in (("masks_machine", "gt_machine_color"), ("masks_human", "gt_human_color")):
            if getattr(self, flag) and colors not in self.model_fields_set and not may_be_missing:
                fix = 'write {"class": [R, G, B], ...}, or ask for unlisted="auto"'
                raise ValueError(f"{colors}: needed because {flag} is true; {fix}")
        return self


class SaveLayer(_Strict):
    action: Literal["save_masks", "export_archive_with_masks"]
    src: list[StrictStr] | StrictStr
    dst: list[StrictStr] | StrictStr
    settings: Settings


class DataSettings(_Strict):
    classes_mapping: dict[StrictStr, StrictStr] | Literal["default"]
    tags_mapping: dict[StrictStr, StrictStr] | Literal["default"]


class DataLayerModel(_Strict):
    action: Literal["data", "images_project"]
    src: list[StrictStr] | StrictStr
    dst: list[StrictStr] | StrictStr
    settings: DataSettings


@dataclass(frozen=True, slots=True)
class Input:
    """One source of the save layer.

    name: the `$name` that feeds the save layer; project: the project's name in a graph, None where `sources` says it.
    datasets: None for all, nested ones too, otherwise the chosen names as written. Mappings: None keeps everything.
    """

    name: str
    project: str | None = None
    datasets: tuple[str, ...] | None = None
    classes_mapping: Mapping[str, str] | None = None
    tags_mapping: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Layer:
    """A checked layer. `inputs` in the order of the graph; `src` in the order in which metas are merged.

    Colors are None where they are to be made of the classes of meta.json (`default_colors`).
    """

    dst: str
    src: tuple[str, ...]
    inputs: tuple[Input, ...]
    masks_machine: bool
    masks_human: bool
    machine_colors: Mapping[str, tuple[int, int, int]] | None
    human_colors: Mapping[str, tuple[int, int, int]] | None
    warnings: tuple[str, ...] = ()


def parse_layer(raw: Any, unlisted: str = "skip") -> Layer:
    """A layer, a graph (a list of layers) or its JSON text -> Layer. Raises SettingsError.

    unlisted: the option of that name; with "auto" colors may be missing.
    """
    if isinstance(raw, str | bytes):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise SettingsError("layer", f"broken JSON ({error})", "Paste the layer's JSON as it is") from error
    layers = raw if isinstance(raw, list) else [raw]
    data: list[tuple[str, DataLayerModel]] = []
    saves: list[tuple[str, SaveLayer]] = []
    for number, item in enumerate(layers):
        where = f"layer {number}" if isinstance(raw, list) else "layer"
        action = item.get("action") if isinstance(item, dict) else None
        if action in DATA_ACTIONS:
            data.append((where, validated(DataLayerModel, item, where)))
        elif action in SAVE_ACTIONS or not isinstance(action, str) or not isinstance(raw, list):
            saves.append((where, validated(SaveLayer, item, where, {UNLISTED: unlisted})))
        else:
            raise SettingsError(
                f"{where} (action {action!r}, dst {item.get('dst')!r})",
                "this action is not part of this project's job, which is to export masks",
                f"Run such layers in Supervisely; here only {[*DATA_ACTIONS, *SAVE_ACTIONS]} are known",
            )
    if len(saves) != 1:
        raise SettingsError(
            "graph", f"{len(saves)} save layers", f"Exactly one layer with action {SAVE_ACTIONS[0]!r} makes the archive"
        )
    return _connect(*saves[0], data)


def _connect(where: str, save: SaveLayer, data: Sequence[tuple[str, DataLayerModel]]) -> Layer:
    warnings = []
    if old := [f"settings.{key}" for key in DEPRECATED if key in save.settings.model_fields_set]:
        fact = "deprecated and ignored: pictures and annotations are always in the archive"
        warnings.append(f"{where}: {', '.join(old)}: {fact}")
    src = tuple(dict.fromkeys([save.src] if isinstance(save.src, str) else save.src))
    check_whole(f"{where}, src", src)
    if not src:
        raise SettingsError(f"{where}, src", "it is empty", 'Name at least one source, such as ["$data_1"]')
    for name in src:
        if not name.startswith("$") or len(name) == 1:
            raise SettingsError(
                f"{where}, src", f"{name!r} is no connection", 'A name starts with "$", such as "$data_1"'
            )
    inputs = [entry for place, layer in data for entry in _inputs(place, layer)]
    if data:
        fed = {entry.name for entry in inputs}
        if missing := [name for name in src if name not in fed]:
            raise SettingsError(f"{where}, src", f"no data layer has dst {missing[0]!r}", f"Known are {sorted(fed)}")
        if unread := sorted(fed - set(src)):
            warnings.append(f"data layers that feed nothing and are not read: dst {', '.join(map(repr, unread))}")
    else:
        inputs = [Input(name) for name in src]
    names = [save.dst] if isinstance(save.dst, str) else save.dst
    if len(names) > 1:
        warnings.append(f"{where}: dst has {len(names)} names; the first, {names[0]!r}, names the archive")
    settings = save.settings
    return Layer(
        dst=archive_name(f"{where}, dst", names),
        src=src,
        inputs=tuple(entry for entry in inputs if entry.name in src),
        masks_machine=settings.masks_machine,
        masks_human=settings.masks_human,
        machine_colors=_triples(settings.gt_machine_color, settings.masks_machine),
        human_colors=_triples(settings.gt_human_color, settings.masks_human),
        warnings=tuple(warnings),
    )


def _inputs(where: str, layer: DataLayerModel) -> list[Input]:
    src = [layer.src] if isinstance(layer.src, str) else layer.src
    if not src:
        raise SettingsError(f"{where}, src", "it is empty", 'Name a project: "Fruits", "Fruits/*" or "Fruits/ds0"')
    split = [entry.partition("/") for entry in src]
    projects = list(dict.fromkeys(project for project, _, _ in split))
    if len(projects) != 1 or not projects[0]:
        raise SettingsError(
            f"{where}, src", f"projects {projects}", "One data layer reads one project; add a data layer"
        )
    chosen = [rest for _, _, rest in split]
    datasets = None if any(rest in ("", "*") for rest in chosen) else tuple(dict.fromkeys(chosen))
    settings = layer.settings
    classes = None if settings.classes_mapping == "default" else settings.classes_mapping
    tags = None if settings.tags_mapping == "default" else settings.tags_mapping
    check_whole(f"{where}, src", src)
    for key, mapping in (("classes_mapping", classes), ("tags_mapping", tags)):
        check_whole(f"{where}, {key}", [*(mapping or {}).keys(), *(mapping or {}).values()])
        if mapping and any(not target.strip() for target in mapping.values()):
            raise SettingsError(f"{where}, {key}", "an empty new name", 'Write a name, "__default__" or "__ignore__"')
    names = [layer.dst] if isinstance(layer.dst, str) else layer.dst
    return [Input(name, projects[0], datasets, classes, tags) for name in names]


def _triples(colors: Mapping[str, list[int]] | None, wanted: bool) -> dict[str, tuple[int, int, int]] | None:
    if colors is None and wanted:
        return None
    return {name: (rgb[0], rgb[1], rgb[2]) for name, rgb in (colors or {}).items()}
