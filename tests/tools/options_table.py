"""The README's table of the options, from their model: `python tests/tools/options_table.py` writes it there anew."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from airflow_savemasks.engine.settings import describe

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- options: made by tests/tools/options_table.py -->\n", "<!-- end of options -->\n"


def table() -> str:
    """Rows of Markdown: name, default, sentence."""
    rows = ["| option | default | what it does |", "|---|---|---|"]
    for name, field in describe.FIELDS.items():
        default = describe.shown_in_python(describe.default(field))
        rows.append(f"| `{name}` | `{default}` | {_cell(field.description or '')} |")
    return "\n".join(rows) + "\n"


def of_readme(text: str) -> str:
    """The table that stands in a README. Raises ValueError where the two marks around it are not there."""
    _, begin, rest = text.partition(BEGIN)
    found, end, _ = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{README.name} has no {BEGIN.strip()} ... {END.strip()}")
    return found.strip("\n") + "\n"


def _cell(sentence: str) -> str:
    """With code as code, and files of the project as links."""
    sentence = re.sub(r"(docs/\w+\.md)", r"[\1](\1)", sentence.replace("|", "\\|"))
    return re.sub(r"(\{.*?\}|_0\d\d|-\d{5}\.tar)", r"`\1`", sentence)


if __name__ == "__main__":
    old = README.read_text("utf-8")
    new = old.replace(BEGIN + "\n" + of_readme(old) + "\n" + END, BEGIN + "\n" + table() + "\n" + END)
    README.write_text(new, "utf-8")
    sys.stdout.write("as it was\n" if new == old else f"{README.name} has a new table\n")
