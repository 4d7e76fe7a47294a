"""Names with a date in them, as scheduled exports have: which archives are of one pattern, and which of them is older.

`nightly/space 2026-11-29` is of the pattern `nightly/space ####-##-##`. Pure, but for `archives_of`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_savemasks.engine.archive.naming import manifest_path
from airflow_savemasks.engine.storage.base import ReadableStorage

# what Airflow's ds, ds_nodash, ts, ts_nodash and ts_nodash_with_tz are, also with other separators, or over folders
DATE = re.compile(
    r"(?<![0-9])(?P<day>[0-9]{4}(?P<s>[-_./]?)[0-9]{2}(?P=s)[0-9]{2})"
    r"((?P<time>[T_ -]?[0-9]{2}(?P<t>[:.-]?)[0-9]{2}(?P=t)[0-9]{2})"
    r"(\.(?P<fraction>[0-9]{1,6}))?(Z|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2}))?)?(?![0-9])"
)
NUMBER = r"(?P<number>_[0-9]{3,6})?"  # behind the name of an archive that was renamed (naming.renamed)
DIGIT = "[0-9]"
ENDING = manifest_path("")


@dataclass(frozen=True, slots=True)
class Dated:
    """An archive of a pattern. name: its own; dst: the one that was asked for; when: its date (in UTC, where it has a
    zone), then its number.
    """

    name: str
    dst: str
    when: tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class NamePattern:
    """before, date, after: of the name that it was made of; renamed: whether a number may follow the name."""

    before: str
    date: str
    after: str
    renamed: bool

    def __str__(self) -> str:
        return f"{self.before}{re.sub(DIGIT, '#', self.date)}{self.after}"

    def segments(self) -> list[str]:
        """Regular expressions: one for each folder, and the last one for the name."""
        shape = "".join(DIGIT if re.match(DIGIT, sign) else re.escape(sign) for sign in self.date)
        number = NUMBER if self.renamed else "(?P<number>)"
        return f"{re.escape(self.before)}{shape}{re.escape(self.after)}{number}".split("/")

    def read(self, name: str) -> Dated | None:
        """A name as one of this pattern; None for another one, and for digits that are no date."""
        found = re.fullmatch("/".join(self.segments()), name)
        date = DATE.fullmatch(name[len(self.before) :][: len(self.date)])
        if found is None or date is None:
            return None
        try:
            when = _when(date)
        except (ValueError, OverflowError):
            return None
        number = found["number"] or ""
        return Dated(name, name.removesuffix(number), (when, int(number[1:]) if number else -1))


def _when(date: re.Match[str]) -> datetime:
    """The moment in UTC, where the date has a zone: by the clock alone an hour comes twice where summer ends.

    Raises ValueError, OverflowError where there is no such moment.
    """
    digits = "".join(re.findall(DIGIT, date["day"] + (date["time"] or ""))).ljust(14, "0")
    local = datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007 - they are only compared
    local = local.replace(microsecond=int((date["fraction"] or "").ljust(6, "0")))
    ahead = timedelta(hours=int(date["hours"] or 0), minutes=int(date["minutes"] or 0))
    return local + ahead if date["sign"] == "-" else local - ahead


def pattern_of(dst: str, *, renamed: bool = False) -> NamePattern | None:
    """The pattern of a name by the last date in it; None where there is none.

    renamed: whether archives with a number behind the name are of it, too.
    """
    for found in reversed(list(DATE.finditer(dst))):
        pattern = NamePattern(dst[: found.start()], found[0], dst[found.end() :], renamed)
        if pattern.read(dst) is not None:
            return pattern
    return None


def archives_of(storage: ReadableStorage, pattern: NamePattern) -> list[Dated]:
    """The archives of a pattern that have a manifest, the newest first."""
    *above, _ = pattern.segments()
    folders = [""]
    for segment in above:
        folders = [f"{folder}{name}/" for folder in folders for name in _folders(storage, folder, segment)]
    names = (f"{folder}{name}" for folder in folders for name in _names(storage, folder))
    found = (dated for name in names if (dated := pattern.read(name)) is not None)
    return sorted(found, key=lambda one: one.when, reverse=True)


def _folders(storage: ReadableStorage, folder: str, segment: str) -> list[str]:
    if DIGIT not in segment:  # one name, and what else lies beside it may be a lot
        return [re.sub(r"\\(.)", r"\1", segment)]
    return [name for name in storage.listdir(folder.rstrip("/")).folders if re.fullmatch(segment, name)]


def _names(storage: ReadableStorage, folder: str) -> Iterator[str]:
    files = storage.listdir(folder.rstrip("/")).files
    return (name.removesuffix(ENDING) for name in files if name.endswith(ENDING))
