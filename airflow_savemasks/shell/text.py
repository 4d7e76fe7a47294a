"""Text that a terminal may show."""

from __future__ import annotations


def on_a_line(name: str) -> str:
    """A name as a terminal may show it: what moves the cursor, turns the direction or ends a line is written out."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in name)


def as_lines(text: str) -> str:
    """The same of a text that may have several lines: an error or a line of the log, with names in it."""
    return text if text.isprintable() else "\n".join(map(on_a_line, text.split("\n")))
