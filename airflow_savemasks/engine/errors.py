"""One tree of errors. Each names the place, the fact and the fix, and survives pickling between processes.

SaveMasksError
├── SettingsError      the layer, the graph or an argument is wrong (a shell exits with 2)
├── ProjectError       a source as a whole cannot be read: no meta.json, no picture, a class that clashes
├── ItemError          one picture with its annotation cannot be exported
├── BadItemsError      every bad item of a run, in one error
├── StorageError       a storage refused or broke
│   ├── AccessError    ... because of missing rights or wrong credentials: never retried
│   ├── NotFound       ... because there is no such file
│   ├── Changed        ... because the file is another one than the one that was listed
│   └── Damaged        ... because what a packed project says of a file is not so
├── WorkerDied         a process that rendered for this one is gone
├── GateError          a gate was not passed; nothing is published, and finished items are kept
├── ArchiveError       an archive exists already, lacks a part or fails verification
└── Stopped            somebody asked the export to stop; nothing is published
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

MEND = "Mend them at the source, or leave them out and have them listed with on_bad_item='skip'"
LONGEST = 100_000  # characters of one part of a message: what is read may have texts of megabytes
LONGEST_OF_ITEM = 4_000  # the same of a bad item, of which there may be a million
SHOWN = 20  # bad items spelled out in one message; all of them are in a file


def _told(text: str, most: int) -> str:
    """A text for people: without halves of surrogate pairs, the middle left out where it is too long."""
    if len(text) > most:
        text = f"{text[: most // 2]} ... {text[-most // 2 + 5 :]}"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


class SaveMasksError(Exception):
    """`where: problem. fix` - all three are positional, so the error crosses process borders intact.

    Each can be written in UTF-8, and has at most `longest` characters.
    """

    longest: ClassVar[int] = LONGEST

    def __init__(self, where: str, problem: str, fix: str) -> None:
        where, problem, fix = (_told(text, self.longest) for text in (where, problem, fix))
        super().__init__(where, problem, fix)
        self.where, self.problem, self.fix = where, problem, fix

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}. {self.fix}"

    def report(self) -> tuple[str, str, str]:
        """For people, in this order: a line with the fact, the fix, and the lines of what else there is to know."""
        fact, _, more = self._fact().partition("\n")
        return fact.rstrip(":"), self.fix, more.rstrip("\n")

    def told(self) -> str:
        """The report as lines."""
        return "\n".join(line for line in self.report() if line)

    def _fact(self) -> str:
        return f"{self.where}: {self.problem}"


class SettingsError(SaveMasksError):
    """The layer, the graph or an argument is wrong."""


class ProjectError(SaveMasksError):
    """A source as a whole cannot be read."""


class ItemError(SaveMasksError):
    """One picture with its annotation cannot be exported."""

    longest = LONGEST_OF_ITEM


class StorageError(SaveMasksError):
    """A storage refused or broke."""


class AccessError(StorageError):
    """Missing rights or wrong credentials; trying again does not help."""


class NotFound(StorageError):
    """There is no such file."""


class Changed(StorageError):
    """A file is another one than the one that was listed, so what is known of that one does not hold for it."""

    def __init__(
        self,
        where: str,
        problem: str = "was changed after it was listed",
        fix: str = "Do not change a project while it is exported; run it again, so that it is listed again",
    ) -> None:
        super().__init__(where, problem, fix)


class Damaged(StorageError):
    """What a file of a packed project holds is not what the archive says of it."""


class WorkerDied(SaveMasksError):
    """A process that rendered for this one was killed, or ended by itself."""


class ArchiveError(SaveMasksError):
    """An archive exists already, lacks a part or fails verification."""


class Stopped(SaveMasksError):
    """The export was asked to stop."""

    def __init__(self, where: str = "export") -> None:
        super().__init__(where, "stopped on request", "Nothing was published; finished parts are kept for the next run")

    def __reduce__(self) -> tuple[type[Stopped], tuple[str]]:
        return Stopped, (self.where,)


class BadItemsError(SaveMasksError):
    """All bad items of a run.

    errors: an `ItemError` for each of the first; count: of all; file: where all stand; items: how many were looked at.
    """

    def __init__(
        self,
        errors: Iterable[ItemError],
        fix: str | None = None,
        count: int | None = None,
        file: str | None = None,
        items: int | None = None,
    ) -> None:
        self.errors = list(errors)
        self.count = len(self.errors) if count is None else count
        self.file = file
        self.items = items
        lines = [f"  {error.where}: {error.problem}. {error.fix}" for error in self.errors[:SHOWN]]
        if self.count > len(lines):
            lines.append(f"  ... and {self.count - len(lines)} more")
        if file:
            lines.append(f"  all of them: {file}")
        of = f"{self.count} of {items}" if items else f"{self.count}"
        many = f"{of} item{'s' if (items or self.count) != 1 else ''} {'is' if self.count == 1 else 'are'} bad"
        first = f", first: {self.errors[0].where}: {self.errors[0].problem}" if self.errors else ""
        problem = "nothing was published:\n" + "\n".join(lines) + "\n"
        super().__init__(" ".join(f"{many}{first}".split()), problem, fix or MEND)

    def __str__(self) -> str:
        return f"{self._fact()}{self.fix}"

    def _fact(self) -> str:
        return f"{self.where}\n{self.problem}"

    def __reduce__(self) -> tuple[type[BadItemsError], tuple[list[ItemError], str, int, str | None, int | None]]:
        return BadItemsError, (self.errors, self.fix, self.count, self.file, self.items)


class GateError(SaveMasksError):
    """Gates that an archive did not pass. failed: name, fact, and the worst items of each; archive: its place."""

    def __init__(self, failed: Iterable[tuple[str, str, str]], archive: str) -> None:
        self.failed = [(name, fact, worst) for name, fact, worst in failed]
        self.archive = archive
        name, fact, _ = self.failed[0]
        more = f" (and {len(self.failed) - 1} more)" if len(self.failed) > 1 else ""
        lines = [f"  {name}: {fact}{f': {worst}' if worst else ''}" for name, fact, worst in self.failed]
        super().__init__(
            f"gate {name}{more}",
            f"{fact}; nothing was published:\n" + "\n".join([*lines, f"  the archive: {archive}"]) + "\n",
            "Mend the project, or widen the gate: all finished items are kept, so nothing is rendered again",
        )

    def __str__(self) -> str:
        return f"{self._fact()}{self.fix}"

    def __reduce__(self) -> tuple[type[GateError], tuple[list[tuple[str, str, str]], str]]:
        return GateError, (self.failed, self.archive)
