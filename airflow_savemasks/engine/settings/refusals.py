"""What pydantic refuses, in the words of the layer: key, fact, what would be right."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from airflow_savemasks.engine.errors import SettingsError

M = TypeVar("M", bound=BaseModel)
FIX_OF_TEXT = "Write a line for each class, such as: apple: orange"  # where colours are a text, as forms have it
AS_TEXT = (
    ' [R, G, B]; names and #ff7b00 are taken where all colours are one text: "kiwi: orange", a line for each class'
)


def validated(model: type[M], raw: Any, where: str, context: Any = None) -> M:
    """A layer of the graph as its model. where: which one. Raises SettingsError with all that is wrong in it.

    context: what the model's validators may ask for.
    """
    try:
        return model.model_validate(raw, context=context)
    except ValidationError as error:
        lines = [_line(problem) for problem in error.errors()]
        of_text = all(problem["type"] in ("color", "line") for problem in error.errors())
        fix = FIX_OF_TEXT if of_text else "See docs/reference/layer.md"
        raise SettingsError(where, "; ".join(dict.fromkeys(lines)), fix) from None


def _is_color(path: list[str]) -> bool:
    """Whether a place is that of one class's colour."""
    return len(path) > 1 and path[-2] in ("gt_machine_color", "gt_human_color")


def _line(problem: Any) -> str:
    """One refusal of pydantic in the words of the layer: key, fact, what would be right."""
    path = [str(part) for part in problem["loc"] if part not in ("str", "list[constrained-str]", "list[str]")]
    key = ".".join(path) or "layer"
    given = json.dumps(problem["input"], default=str, ensure_ascii=False)[:60]
    match problem["type"]:
        case "color":
            return f"{key}: {given} is no colour; {problem['msg']}"
        case "line":
            return f"{key}, {problem['msg']}"
        case "missing":
            return f"{key}: missing, and needed"
        case "extra_forbidden":
            return f"{key}: not known here; remove it or correct its spelling"
        case "value_error":
            return str(problem["ctx"]["error"])
        case "bool_type":
            return f"{key}: {given} is not true or false"
        case "string_type":
            return f"{key}: {given} is not text"
        case "int_type" | "greater_than_equal" | "less_than_equal" | "int_from_float":
            return f"{key}: {given} is not a whole number from 0 to 255"
        case "too_short" | "too_long":
            return f"{key}: {given} is not a colour; write three whole numbers [R, G, B]"
        case "literal_error":
            return f"{key}: {given} is not one of {problem['ctx']['expected']}"
        case "list_type":
            return f"{key}: {given} is not a list{AS_TEXT if _is_color(path) else ''}"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"{key}: {given} is not an object"
        case _:
            return f"{key}: {given}: {problem['msg']}"
