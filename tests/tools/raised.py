"""The errors that the code raises, read out of its source: kind, fact, fix.

A fact or fix is a text, an f-string whose holes are shown as ‹name›, or a name that was given one in the same function.
What is handed in from somewhere else is the business of that place.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from airflow_savemasks.engine import errors

PACKAGE = Path(__file__).resolve().parents[2] / "airflow_savemasks"
KINDS = (
    "SettingsError",
    "ProjectError",
    "ItemError",
    "GateError",
    "AccessError",
    "NotFound",
    "StorageError",
    "ArchiveError",
    "WorkerDied",
    "Stopped",
)
Row = tuple[str, str]
OPTION = "SettingsError"  # what values.wrong becomes


def by_kind() -> dict[str, list[Row]]:
    """Kind -> facts with their fixes, sorted; kinds without one are left out."""
    found: dict[str, set[Row]] = {kind: set() for kind in KINDS}
    for path in sorted(PACKAGE.rglob("*.py")):
        for kind, row in _of_module(ast.parse(path.read_text("utf-8"))):
            found[kind].add(row)
    return {kind: sorted(rows, key=lambda row: (row[0].lower(), row)) for kind, rows in found.items() if rows}


def about(kind: str) -> str:
    """What the tree of errors says of a kind."""
    return " ".join((getattr(errors, kind).__doc__ or "").split())


def _of_module(module: ast.Module) -> Iterator[tuple[str, Row]]:
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions:
        named = _assigned(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and (row := _row(node, named)) is not None:
                yield row


def _assigned(function: ast.AST) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _row(call: ast.Call, named: dict[str, list[ast.expr]]) -> tuple[str, Row] | None:
    function = call.func
    name = getattr(function, "id", "") or getattr(function, "attr", "")
    if name in KINDS and len(call.args) >= 3:
        kind, where, fact, fix = name, call.args[0], call.args[1], call.args[2]
    elif name == "wrong" and len(call.args) == 3:
        kind, where, fact, fix = OPTION, call.args[0], call.args[1], call.args[2]
    else:
        return None
    facts, fixes = _text(fact, named), _text(fix, named)
    if not facts or not fixes:
        return None
    place = _place(where, named)
    return kind, (f"{place}{facts}", fixes)


def _place(where: ast.expr, named: dict[str, list[ast.expr]]) -> str:
    """The place where it says more than where a file lies: the name of an argument."""
    text = where.value if isinstance(where, ast.Constant) and isinstance(where.value, str) else ""
    return f"{text}: " if text else ""


def _text(node: ast.expr, named: dict[str, list[ast.expr]]) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value) if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"‹{_hole(part.value)}›"  # type: ignore[attr-defined]
            for part in node.values
        )
    if isinstance(node, ast.Name) and node.id in named:
        texts = [text for value in named[node.id] if (text := _text(value, {}))]
        return texts[0] if len(texts) == 1 else ""
    if isinstance(node, ast.IfExp):
        one, other = _text(node.body, named), _text(node.orelse, named)
        return f"{one} / {other}" if one and other else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        one, other = _text(node.left, named), _text(node.right, named)
        return f"{one}{other}" if one and other else ""
    if isinstance(node, ast.Name) and node.id.isupper():
        return ""
    return ""


def _hole(node: ast.expr) -> str:
    """A short name for what is filled in: the last name in the expression."""
    parts = (part for part in ast.walk(node) if isinstance(part, ast.Attribute | ast.Name))
    names = [getattr(part, "attr", "") or getattr(part, "id", "") for part in parts]
    plain = [name for name in names if name not in {"self", "map", "repr", "str", "len", "join", "sorted", "list"}]
    return plain[0].strip("_").replace("_", " ") if plain else "…"
