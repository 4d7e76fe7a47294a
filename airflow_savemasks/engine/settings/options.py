"""How an export behaves, apart from what the layer says: one model for operator, task group, shell and Python."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.settings import values
from airflow_savemasks.engine.settings.gates import Gates
from airflow_savemasks.engine.settings.mask_options import EXACT, MaskOptions
from airflow_savemasks.engine.settings.values import Wrong, did_you_mean, exact_object, is_nothing

UnknownColors = Literal["error", "typos", "warn"]
Flag = Annotated[bool, BeforeValidator(values.flag)]
FromZero = Annotated[int, BeforeValidator(values.whole(0)), Field(ge=0)]
FromOne = Annotated[int, BeforeValidator(values.whole(1)), Field(ge=1)]
Days = Annotated[float, BeforeValidator(values.days), Field(ge=0, le=1e9)]


class Options(MaskOptions):
    """All JSON types, so that they pass through an operator, a mapped task and a shell alike.

    Those of MaskOptions take the JSON type and nothing else (`texts.py` makes it of a template's text). Each of the
    others may be given as the text that a template makes of it: "3", "True"; "", "none" and null are the default.
    `Options(**given)` raises SettingsError, with all that is wrong in it.

    The operator's template fields, the shell's flags and help (engine/settings/describe.py) and the reference
    come from here. `unit` is what a number counts; what is `airflow_only` has no meaning, and no flag, in a shell;
    `in_a_dag` is the operator's own default, where nobody reads what a green task says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strict_colors: Annotated[bool | Literal["all"], BeforeValidator(values.strictness)] = Field(
        False,
        description="Doubtful colours (black, shared, of classes that a mapping leaves out) are errors, not warnings; "
        '"all" counts classes without a colour, too.',
    )
    unknown_colors: Annotated[UnknownColors, BeforeValidator(values.one_of("error", "typos", "warn"))] = Field(
        "typos",
        description='Colours for classes that no source has: "error", the default in a DAG, refuses them, "typos" '
        'those that read like a class without a colour, "warn" none; the first two also refuse an export that draws '
        "nothing though there are labels.",
        json_schema_extra={"in_a_dag": "error"},
    )
    on_bad_item: Annotated[Literal["fail", "skip"], BeforeValidator(values.one_of("fail", "skip"))] = Field(
        "fail",
        description='"fail" publishes nothing if there are bad items; "skip" leaves them out, and lists them in '
        "manifest and result.",
    )
    max_skipped: FromZero = Field(
        100, description="More skipped items than this fail the export.", json_schema_extra={"unit": "items"}
    )
    retry_bad_items: Flag = Field(
        False,
        description="False makes Airflow fail at once for bad items; True retries them, as data may be mended.",
        json_schema_extra={"airflow_only": True},
    )
    gates: Annotated[
        Gates | None,
        BeforeValidator(exact_object(Gates, '{"min_items": 100, "max_unlabelled": 0.2}', or_nothing=True)),
        AfterValidator(lambda gates: gates if gates and gates.asks else None),
    ] = Field(
        None,
        description="What is not published: any of max_unlabelled, max_empty_masks (shares of the items), min_items, "
        "max_class_drift (share, against the archive that is replaced), classes_present (names).",
        json_schema_extra=EXACT,
    )
    if_exists: Annotated[
        Literal["replace", "fail", "rename"], BeforeValidator(values.one_of("replace", "fail", "rename"))
    ] = Field(
        "replace",
        description='What happens to an archive of that name; "rename" takes the first free of _000, _001, ....',
    )
    reuse: Annotated[bool | str, BeforeValidator(values.reuse)] = Field(
        True,
        description="False renders every item again; a name is that of an earlier archive to take items from, too.",
    )
    workers: FromOne | None = Field(
        None,
        description="Threads that render, or processes where there are many small pictures; one a core without it.",
        json_schema_extra={"unit": "threads"},
    )
    volume_size: FromOne | None = Field(
        None,
        description="Bytes after which the archive goes on in another volume (-00002.tar), each of which opens alone.",
        json_schema_extra={"unit": "bytes"},
    )
    keep: FromOne | None = Field(
        None,
        description="How many archives of this name's pattern stay, of dst with a date in it: older ones are removed.",
        json_schema_extra={"unit": "archives"},
    )
    keep_parts_days: Days = Field(
        7.0,
        description="What exports of this archive that never ended left is removed after so many days.",
        json_schema_extra={"unit": "days"},
    )
    limits: Annotated[Limits, BeforeValidator(values.limits)] = Field(
        Limits(),
        description='What an input may take at most of memory and time, such as {"labels": 200000}; what is not named '
        "keeps its default (docs/reliability.md).",
    )

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise _refusal(error) from None

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, given: dict[str, Any]) -> dict[str, Any]:
        lenient = cls.model_fields.keys() - MaskOptions.model_fields.keys()
        return {name: value for name, value in given.items() if not (name in lenient and is_nothing(value))}

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.layout == "webdataset" and self.instances == "files":
            fix = 'Choose instances="ids", or layout="supervisely"'
            raise values.wrong("files", 'cannot be had with layout "webdataset", whose readers know no folders', fix)
        return self


def _refusal(error: ValidationError) -> SettingsError:
    wrongs = [wrong for details in error.errors(include_url=False) for wrong in _wrongs(details)]
    if len(wrongs) == 1:
        return SettingsError(*wrongs[0])
    lines = "\n".join(f"  {name}: {fact}. {fix}" for name, fact, fix in wrongs)
    return SettingsError("options", f"{len(wrongs)} of them are wrong:\n{lines}\n", "Correct them all")


def _wrongs(details: ErrorDetails) -> list[Wrong]:
    """What pydantic found, as place ("human.quality"), fact and fix."""
    steps = [str(step) for step in details["loc"]]
    name = ".".join(steps) or "instances"  # of options that do not go together
    if details["type"] == "extra_forbidden":
        what = "option" if len(steps) == 1 else "key"
        return [(name, f"there is no such {what}", did_you_mean(steps[-1], _known(steps[:-1])))]
    if details["type"] == "missing":
        return [(name, "is missing", "Write it")]
    if details["type"] == "wrong":
        return [(f"{name}{below}", fact, fix) for below, fact, fix in details["ctx"]["wrongs"]]
    return [(name, str(details["msg"]), f"See {steps[0] if steps else name} in docs/reference/options.md")]


def _known(steps: list[str]) -> Iterable[str]:
    """The names that the object at this place may have."""
    model: Any = Options
    for step in steps:
        kinds = get_args(model.model_fields[step].annotation) or (model.model_fields[step].annotation,)
        model = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return list(model.model_fields)
