"""Older archives of a dated name: which of them go (`keep`), and removing one so that nobody reads half of it.

A note in the work folder says which archive is being removed, then its manifest goes, then all else of it, then the
note. So whoever looks at it sees a whole archive or none, and what a killed run has not removed the next one does.
"""

from __future__ import annotations

import threading
from hashlib import sha256

import orjson
from pydantic import TypeAdapter, ValidationError

from airflow_savemasks.engine.archive.dated import Dated, NamePattern, archives_of, pattern_of
from airflow_savemasks.engine.archive.naming import (
    bad_items_path,
    index_path,
    is_root_file,
    is_volume,
    manifest_path,
    planned_name,
)
from airflow_savemasks.engine.archive.published import look_at
from airflow_savemasks.engine.errors import SaveMasksError, SettingsError
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.seen import work_files
from airflow_savemasks.engine.parts.work_names import folder_of
from airflow_savemasks.engine.publish.lease import lease_path, unless_published
from airflow_savemasks.engine.storage.base import Storage

NOTE = ".removing.json"
Files = dict[str, tuple[int, str]]  # size and identity of each
WHAT = TypeAdapter(tuple[str, str, Files])  # an archive's name, the one that was asked for, its files


def check_keep(job: Job) -> None:
    """Raises SettingsError where archives are to be removed and no date in the name tells which are older."""
    if job.options.keep is not None and pattern_of(job.layer.dst) is None:
        fact = f"dst {job.layer.dst!r} has no date in it, so no archive is older than another"
        raise SettingsError("keep", fact, 'Write one into dst, such as "space {{ ds }}", or leave keep out')


def earlier(job: Job, team_files: Storage, name: str) -> str | None:
    """The newest archive of a name's pattern that is older than it; None where there is none."""
    pattern = _pattern(job)
    own = pattern.read(name) if pattern else None
    if pattern is None or own is None:
        return None
    return next((one.name for one in archives_of(team_files, pattern) if one.when < own.when), None)


def remove_older(
    job: Job, team_files: Storage, name: str, stop: threading.Event | None = None
) -> tuple[list[str], list[str]]:
    """Remove what `keep` does not keep: archives of the name's pattern that are older than it, and nothing else.

    Returns where the removed ones lay, and warnings: this never fails an export, whose archive is published. One that
    somebody publishes at this moment, or that is not the archive of its manifest, stays.
    """
    removed: list[str] = []
    warnings: list[str] = []
    pattern = _pattern(job)
    if job.options.keep is None or pattern is None:
        return removed, warnings
    try:
        finish_removing(team_files, folder_of(str(pattern)), stop)
        there = archives_of(team_files, pattern)
        own = next((one for one in there if one.name == name), None)
        older = [old for old in there[job.options.keep :] if own is not None and old.when < own.when]
        gone = (old for old in older if _remove(team_files, pattern, old, stop, warnings))
        removed.extend(team_files.locate(f"{old.name}.tar") for old in gone)
    except SaveMasksError as error:
        warnings.append(f"the archive is published, but older ones are left over: {error}")
    for warning in warnings:
        log.warning(warning)
    return removed, warnings


def _pattern(job: Job) -> NamePattern | None:
    return pattern_of(job.layer.dst, renamed=job.options.if_exists == "rename")


def _remove(
    team_files: Storage, pattern: NamePattern, old: Dated, stop: threading.Event | None, warnings: list[str]
) -> bool:
    where = team_files.locate(f"{old.name}.tar")
    with unless_published(team_files, old.dst, stop) as alone:
        if not alone:
            warnings.append(f"{where}: not removed: somebody publishes it")
            return False
        known = look_at(team_files, old.name)
        if known.file is None:
            return False  # somebody else removed it meanwhile
        archive = known.usable
        if archive is None or archive.raw["name"] != old.name:  # another name: somebody moved it, or linked its folder
            warnings.append(f"{where}: not removed: it is not the archive of its manifest. Look at it, and remove it")
            return False
        beside = [archive.index, *archive.root_files]
        files = archive.volumes | {file.file: (file.size, file.identity) for file in beside}
        files |= _parts_of(team_files, old.dst, known.file.modified)
        note = _note(folder_of(str(pattern)), old.name)
        with team_files.writing(note) as out:
            out.write(orjson.dumps((old.name, old.dst, files)))
        team_files.delete([manifest_path(old.name)])
        _remove_rest(team_files, note, old, files)
    return True


def _remove_rest(team_files: Storage, note: str, old: Dated, files: Files) -> None:
    """All of an archive but its manifest, as far as it is what it was; then the note of it."""
    there = {file: team_files.stat(file) for file in files}
    same = [file for file, entry in there.items() if entry is not None and (entry.size, entry.identity) == files[file]]
    team_files.delete([*same, bad_items_path(old.name), bad_items_path(planned_name(old.name))])
    team_files.delete([note])


def _parts_of(team_files: Storage, dst: str, published: float) -> Files:
    """The work files of an archive from before it was published: younger ones are of an export that is at it again.

    All of them where parts lie in another storage, whose clock is not that of the manifest: they stay beside an archive
    there, and would stay for ever.
    """
    there = {f"{folder_of(dst)}/{name}": entry for name, entry in work_files(team_files, dst).items()}
    known = (file for file, entry in there.items() if team_files.keeps_parts or entry.modified <= published)
    own = {file: there[file] for file in known if file != lease_path(dst)}
    return {file: (entry.size, entry.identity) for file, entry in own.items()}


def finish_removing(team_files: Storage, folder: str, stop: threading.Event | None = None) -> None:
    """Remove what is left of archives that a killed run was removing. folder: the work folder of their pattern.

    A note is not trusted: only files that may be of an archive of this pattern are removed, if it has no manifest.
    """
    for file in team_files.listdir(folder).files:
        if not file.endswith(NOTE):
            continue
        note = f"{folder}/{file}"
        try:
            name, dst, files = WHAT.validate_json(team_files.read(note))
        except ValidationError as error:
            log.warning("%s: not used: %s", team_files.locate(note), error)
            continue
        pattern = pattern_of(dst, renamed=True)
        old = pattern.read(name) if pattern else None
        if old is None or old.dst != dst or note != _note(folder_of(str(pattern)), name):
            continue
        with unless_published(team_files, dst, stop) as alone:
            if not alone:
                continue
            if team_files.stat(manifest_path(name)) is None:  # otherwise it was not begun, or exported again
                own = {file: known for file, known in files.items() if _is_of(name, dst, file)}
                _remove_rest(team_files, note, old, own)
            else:
                team_files.delete([note])


def _is_of(name: str, dst: str, file: str) -> bool:
    is_part = file.rpartition("/")[0] == folder_of(dst) and file != lease_path(dst)
    return is_part or file == index_path(name) or is_volume(name, file) or is_root_file(name, file)


def _note(folder: str, name: str) -> str:
    return f"{folder}/{sha256(name.encode()).hexdigest()[:16]}{NOTE}"
