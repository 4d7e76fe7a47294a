"""The pages of docs/reference that are made from the code: `python tests/tools/reference_pages.py` writes them anew.

A test compares them with what is made here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from airflow_savemasks.documents import DOCUMENTS
from airflow_savemasks.engine.limits import Limits
from airflow_savemasks.engine.settings import describe
from airflow_savemasks.engine.settings.gates import Gates
from airflow_savemasks.engine.settings.human_mask import HumanMask
from airflow_savemasks.engine.settings.pick import Pick
from airflow_savemasks.engine.settings.split import Split
from tests.tools import raised

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
MADE = "<!-- made by tests/tools/reference_pages.py -->\n\n"
VERBS = ("export", "plan", "verify", "diff", "list", "show", "extract", "clean", "ingest")
OPTIONS_HEAD = """# Options

The same in a DAG (arguments of `SaveMasksOperator` and `save_masks_group`, templated), in a shell (flags, or the file
of `--options`) and in Python (`airflow_savemasks.save_masks`). One model has their types, bounds, defaults and
sentences: `airflow_savemasks/engine/settings/options.py`.

All are JSON types. A template may make a text of one (`workers="{{ params.workers }}"`), of an object, too
(`human='{"alpha": {{ params.alpha }}}'`); an empty text, `none` and `null` are the default.
"""
LIMITS_HEAD = """What `limits` may name. An input that has more is a bad item, or its source is refused; the error names
the limit.
"""
SHELL_HEAD = """# The command savemasks

`savemasks` is the same as `python -m airflow_savemasks`. Words without a verb are those of `export`. No Airflow is
imported.

The last line on standard output is the result as JSON (`list` and `show --kind` have their own output). On standard
error a terminal gets a progress bar and colours (`NO_COLOR` is obeyed), everything else plain lines. An error is a line
with the fact and a line with the fix. Exit code 0: done; 1: it failed; 2: wrong usage or settings; 130 and 143: stopped
by Ctrl-C and SIGTERM, with one line (a second one ends it at once). Flags cannot be shortened; a shell completes verbs,
flags and their words after `eval "$(register-python-argcomplete savemasks)"`.

`--options FILE` takes the options as one JSON object, such as `{"on_bad_item": "skip", "limits": {"labels": 200000}}`:
a path, a URI, or `-` for standard input. Flags win over it, and it may have `retry_bad_items`, too, so that one file
serves a DAG and a shell.
"""
ERRORS_HEAD = """# Errors, with their fix

Each error names the place, the fact and the fix. In Airflow the first line of a failed task is the fact, the second one
the fix; in a shell they are the lines `error:` and `fix:`. What is filled in stands in ‹ ›. Which kinds are retried:
[A failed export at 3 a.m.](../how-to/failed.md).
"""
RESULT_HEAD = """# The result

What an export returns is the XCom of its task and the last line of `savemasks export`; plain JSON, and small. With
`if_exists` "fail" or "rename", too, an export that finds its own result returns it. The models are
`airflow_savemasks/documents/`.
"""
MANIFEST_HEAD = """# Manifest and index

They lie beside the archive: `<dst>.manifest.json` and `<dst>.index.jsonl`. How they are read: [archive](archive.md).
The models are `airflow_savemasks/documents/`.
"""
SAMPLES_HEAD = """# Sample DAGs

They lie in `dags/` and run as they stand, apart from those that say which connection they need.
"""
OBJECTS: dict[str, type[BaseModel]] = {"human": HumanMask, "pick": Pick, "split": Split, "gates": Gates}


def options() -> str:
    """Every option, its type, its defaults, its flag; the keys of those that are objects; the limits."""
    parts = [OPTIONS_HEAD]
    for name, field in describe.FIELDS.items():
        parts.append(f"## {name}\n")
        parts.append(f"{field.description}\n")
        parts.append(_facts(name, field))
        if name in OBJECTS:
            parts.append(f"{_keys(OBJECTS[name])}\n")
    parts.append("## Limits\n")
    parts.append(LIMITS_HEAD)
    rows = [f"| `{name}` | {field.default} | {field.description} |" for name, field in Limits.model_fields.items()]
    parts.append("\n".join(["| limit | default | what it bounds |", "|---|---:|---|", *rows, ""]))
    return MADE + "\n".join(parts)


def _facts(name: str, field: FieldInfo) -> str:
    rows = [f"* **values**: {_values(field)}"]
    default, in_a_dag = describe.default(field), describe.default_in_a_dag(field)
    rows.append(f"* **default**: `{json.dumps(default)}`")
    if in_a_dag != default:
        rows[-1] += f"; in a DAG `{json.dumps(in_a_dag)}`"
    if name not in describe.IN_A_SHELL:
        rows.append("* **flag**: none, as a shell retries nothing")
    else:
        rows.append(f"* **flag**: `{_flag(name, field)}`")
    return "\n".join(rows) + "\n"


def _values(field: FieldInfo) -> str:
    found = []
    for kind in describe.kinds(field):
        if kind is str and describe.words(field):
            found += [f'`"{word}"`' for word in describe.words(field)]
        else:
            found.append(
                {bool: "`true`, `false`", int: "a whole number", float: "a number", str: "a text"}.get(kind, "")
            )
    if describe.is_object(field):
        found = ["an object"]
    unit = describe.unit(field)
    nothing = ", `null`" if type(None) in describe.kinds(field) else ""
    return ", ".join(filter(None, found)) + nothing + (f" ({unit})" if unit else "")


def _flag(name: str, field: FieldInfo) -> str:
    flag = f"--{name.replace('_', '-')}"
    if describe.is_object(field):
        return f"{flag.removesuffix('s')} NAME=VALUE"
    if bool in describe.kinds(field):
        words = "".join(f"`, `{flag}-{word}" for word in describe.words(field))
        return f"{flag}`, `--no-{flag.removeprefix('--')}{words}"
    return f"{flag} {'|'.join(describe.choices(field)) or describe.unit(field).upper() or 'N'}"


def _keys(model: type[BaseModel]) -> str:
    """The keys of an object with their defaults, and what its docstring says of them."""
    rows = [f"`{name}` ({_default(field)})" for name, field in model.model_fields.items()]
    said = " ".join((model.__doc__ or "").split())
    return f"Its keys, with their defaults: {', '.join(rows)}.\n\n{said}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    return f"`{json.dumps(field.default)}`"


def shell() -> str:
    """The help of the command and of its verbs, as they print it."""
    os.environ["COLUMNS"] = "110"
    from airflow_savemasks.shell.words import parser

    sys.argv[0] = "savemasks"
    top = parser()
    verbs = next(action for action in top._actions if action.dest == "verb").choices
    assert set(verbs) == set(VERBS)
    parts = [
        SHELL_HEAD,
        _help("savemasks", top.format_help()),
    ]
    parts += [_help(f"savemasks {verb}", verbs[verb].format_help()) for verb in VERBS]
    return MADE + "\n".join(parts)


def _help(name: str, text: str) -> str:
    return f"## {name}\n\n```text\n{text.rstrip()}\n```\n"


def errors() -> str:
    """Every error that the code raises, by its kind: the fact, and the fix."""
    parts = [ERRORS_HEAD]
    for kind, rows in raised.by_kind().items():
        parts.append(f"## {kind}\n")
        parts.append(f"{raised.about(kind)}\n")
        parts.append(
            "\n".join(["| fact | fix |", "|---|---|", *(f"| {_cell(fact)} | {_cell(fix)} |" for fact, fix in rows), ""])
        )
    return MADE + "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("\n", " ").strip()


def samples() -> str:
    """The sample DAGs as they are."""
    parts = [SAMPLES_HEAD]
    for path in sorted((ROOT / "dags").glob("*.py")):
        parts.append(f"## {path.stem}\n")
        parts.append(f'``` {{.python title="dags/{path.name}"}}\n{path.read_text("utf-8").rstrip()}\n```\n')
    return MADE + "\n".join(parts)


def result() -> str:
    """The result of an export, of a plan, and a line of the bad items."""
    parts = [RESULT_HEAD]
    parts += [_document(name) for name in ("result", "plan", "bad item")]
    return MADE + "\n".join(parts)


def manifest() -> str:
    """Manifest and index."""
    return MADE + "\n".join([MANIFEST_HEAD, _document("manifest"), _document("index line")])


def _document(name: str) -> str:
    """A document as tables, one for each object in it, and where its JSON Schema lies."""
    model = DOCUMENTS[name]
    schema = schema_of(name)
    parts = [f"## {_title(name)}\n", f"{schema['description']}\n", f"[JSON Schema]({_file(name)})\n"]
    parts.append(_object(schema))
    for inner, below in schema.get("$defs", {}).items():
        parts.append(f"### {inner} {{#{_anchor(model, inner)}}}\n")
        if below.get("description"):
            parts.append(f"{below['description']}\n")
        parts.append(_object(below))
    return "\n".join(parts)


def _title(name: str) -> str:
    return {"index line": "A line of the index", "bad item": "A line of the bad items"}.get(name, f"The {name}")


def _file(name: str) -> str:
    return f"{name.replace(' ', '_')}.schema.json"


def _anchor(model: type[BaseModel], inner: str) -> str:
    return f"{model.__name__}-{inner}".lower()


def schema_of(name: str) -> dict[str, Any]:
    """A document's JSON Schema."""
    return DOCUMENTS[name].model_json_schema(by_alias=True)


def _object(schema: dict[str, Any]) -> str:
    rows = []
    for key, field in schema["properties"].items():
        always = "" if key in schema.get("required", ()) else " (not always)"
        rows.append(f"| `{key}` | {_kind(field)} | {_cell(field.get('description', ''))}{always} |")
    return "\n".join(["| key | | |", "|---|---|---|", *rows, ""])


def _kind(field: dict[str, Any]) -> str:
    """The type of a value, in words."""
    if "$ref" in field:
        return field["$ref"].rpartition("/")[2]
    if "allOf" in field:
        return _kind(field["allOf"][0])
    if "anyOf" in field:
        return " or ".join(_kind(one) for one in field["anyOf"])
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if field.get("type") == "array":
        return f"list of {_kind(field.get('items', {}))}"
    if field.get("type") == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"object of {_kind(field['additionalProperties'])}"
    words = {"integer": "whole number", "boolean": "true or false", "string": "text"}
    return words.get(field.get("type", ""), field.get("type", "anything"))


PAGES: dict[str, Callable[[], str]] = {
    "options.md": options,
    "shell.md": shell,
    "errors.md": errors,
    "samples.md": samples,
    "result.md": result,
    "manifest.md": manifest,
} | {
    _file(name): lambda name=name: json.dumps(schema_of(name), indent=2) + "\n"  # type: ignore[misc]
    for name in DOCUMENTS
}


def main() -> None:
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), "utf-8")
        sys.stdout.write(f"{REFERENCE / name}\n")


if __name__ == "__main__":
    main()
