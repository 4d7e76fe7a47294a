"""Volumes, index and manifest under their names, so that a run that is killed at any step has lost nothing.

One at a time does it (lease.py). The next index and the next manifest stand in the work folder before anything is
replaced. Then the volumes are replaced, then the index; the manifest is written last, in place of the one that was read
at the start and of no other. It vouches for both, and what a killed run has not done the next one does
(`finish_publishing`). An archive and a manifest that do not fit each other are never used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson
from pydantic import TypeAdapter

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.bad_items import BadItem, write_skipped
from airflow_savemasks.engine.archive.manifest import to_json
from airflow_savemasks.engine.archive.manifest_file import File
from airflow_savemasks.engine.archive.naming import index_path, is_root_file, is_volume, manifest_path, volume_names
from airflow_savemasks.engine.archive.published import Published, look_at, parse_manifest, seal
from airflow_savemasks.engine.archive.verify import differences_of
from airflow_savemasks.engine.errors import ArchiveError, NotFound
from airflow_savemasks.engine.job import Job
from airflow_savemasks.engine.log import log
from airflow_savemasks.engine.parts.growing import with_head_in_place
from airflow_savemasks.engine.parts.head import head_files, head_of
from airflow_savemasks.engine.parts.plan import Plan
from airflow_savemasks.engine.parts.work_names import folder_of
from airflow_savemasks.engine.publish.described import Told, describe
from airflow_savemasks.engine.publish.lease import Lease
from airflow_savemasks.engine.publish.next_archive import NextArchive
from airflow_savemasks.engine.publish.next_file import next_index
from airflow_savemasks.engine.publish.root_files import RootFiles, next_paths
from airflow_savemasks.engine.publish.splits import as_members
from airflow_savemasks.engine.storage.base import Entry, Piece, Range, Storage
from airflow_savemasks.engine.storage.in_flight import at_once


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is to be done beside an archive once it is published; the next manifest has it, too.

    replaces: files of the archive before that are none of this one; bad_items: that were left out.
    """

    replaces: list[str]
    bad_items: list[BadItem]


NEXT_MANIFEST = "next.manifest.json"
BESIDE = TypeAdapter(_Beside)


def next_manifest(dst: str) -> str:
    """The manifest of the archive that is going to be published, without the identities that the files will have."""
    return f"{folder_of(dst)}/{NEXT_MANIFEST}"


def publish(
    job: Job,
    team_files: Storage,
    plan: Plan,
    archive: NextArchive,
    told: Told,
    leads: Mapping[str, str],
    lease: Lease,
) -> dict[str, Any]:
    """Write volumes, index and manifest of an archive; returns the manifest.

    told: what the manifest says of this run; leads: files of parts that begin with an archive's head -> its SHA-256.
    Raises ArchiveError where another manifest than the known one lies there meanwhile, or the lease was lost: somebody
    else has published, and this archive would be made of what is no longer there.
    """
    name, known, layout, splits = archive.name, archive.known, archive.layout, archive.splits
    splits.finish()
    root = RootFiles(job, team_files, name, splits)
    layout.tail = as_members(root.members)
    files = volume_names(name, len(layout.volumes))
    sizes = dict(zip(files, ((size, "") for size in layout.sizes()), strict=True))
    index = File(file=index_path(name), size=archive.index.size, sha256=archive.index.sha256)
    tail, beside_it = [file for file, _ in root.members], [file for file, _ in root.beside]
    described = describe(job, plan, layout.totals, told)
    raw = to_json(described, name, layout.totals, sizes, index, head_files(job), tail, beside_it, splits.counts)
    ours = {*files, index.file, *(file.file for file in beside_it)}
    replaces = [file for file in (archive.replaces.files if archive.replaces else ()) if file not in ours]
    beside = _Beside(replaces, [one.bad for one in layout.totals.skipped])

    def write_next_manifest() -> None:
        with team_files.writing(next_manifest(plan.dst)) as out:
            out.write(seal({**raw, "beside": asdict(beside)}))

    def nobody_else_published() -> None:
        if team_files.stat(manifest_path(name)) != known.file:
            raise _published_by_others(team_files, name)

    written: dict[str, Entry] = {}
    head = head_of(job)
    for file, pieces in zip(files, layout.volumes, strict=True):
        begun = with_head_in_place(team_files, [head, *pieces], leads) if head else pieces
        whole = _as_one([*begun, *(layout.tail if file == files[-1] else ()), tar.END])
        with team_files.composing(file, whole) as volume:
            if not written:
                works = archive.index.finish, root.keep, write_next_manifest, nobody_else_published, volume.prepare
                try:
                    at_once(team_files.remote, *works)
                except NotFound:  # the work folder was cleared away
                    nobody_else_published()
                    raise
            else:
                volume.prepare()
            lease.check()
            written[file] = volume.finish()
    lease.finish()  # the archive is there: the rest of it is not left out any more
    pieces_beside = [archive.index.piece, *(piece for _, piece in root.beside)]
    return _commit(team_files, name, raw, pieces_beside, written, known.file, lease)


def finish_publishing(team_files: Storage, dst: str, lease: Lease) -> None:
    """Do what is left of the publishing of a run that was killed in the middle of it.

    The volumes that lie there are read, and used only if they are those of the next manifest to the byte. Raises
    ArchiveError where the lease was lost meanwhile.
    """
    if team_files.stat(next_manifest(dst)) is None:
        return
    try:
        raw = orjson.loads(team_files.read(next_manifest(dst)))
        published = parse_manifest(team_files.read(next_manifest(dst)), raw["name"])
        raw.pop("sha256")
        beside = BESIDE.validate_python(raw.pop("beside"))
    except (ValueError, KeyError, TypeError) as error:
        log.warning("%s: not used: %s", team_files.locate(next_manifest(dst)), error)
        return
    current = look_at(team_files, published.name)
    if (known := current.usable) is not None and known.volumes.keys() & published.volumes.keys():
        if (known.plan, known.index.sha256) == (published.plan, published.index.sha256):
            _tidy(team_files, published, beside)  # all was replaced
        else:
            _remove_begun(team_files, published, known)  # its first volumes may be the same as those that are there
        return
    paths = [next_index(dst), *next_paths(dst, len(published.root_files), len(raw.get("splits") or ()))]
    beside_it = [published.index, *published.root_files]
    kept = [file.model_copy(update={"file": path}) for file, path in zip(beside_it, paths, strict=True)]
    planned = replace(published, index=kept[0], root_files=tuple(kept[1:]))
    different = next(differences_of(team_files, planned), None)
    if different is not None:
        log.debug(
            "%s: not what the last run was publishing (%s)", team_files.locate(f"{published.name}.tar"), different
        )
        _remove_begun(team_files, published, current.published)
        return
    log.debug("%s: the last run was killed while it published; the rest is done", team_files.locate(published.name))
    there = {file: team_files.stat(file) for file in published.volumes}
    written = {file: entry for file, entry in there.items() if entry is not None}
    pieces: list[Piece] = [Range(file.file, 0, file.size, team_files.stat(file.file)) for file in kept]
    _commit(team_files, published.name, raw, pieces, written, current.file, lease)
    _tidy(team_files, published, beside)


def _tidy(team_files: Storage, published: Published, beside: _Beside) -> None:
    """Do what `clean_up` does beside an archive: the list of what was left out, and the volumes that it replaced.

    The names are not trusted: only files that may be of this archive are removed.
    """
    write_skipped(team_files, published.name, beside.bad_items)
    name = published.name
    ours = [file for file in beside.replaces if is_volume(name, file) or is_root_file(name, file)]
    team_files.delete([file for file in ours if file not in published.files])


def _remove_begun(team_files: Storage, begun: Published, there: Published | None) -> None:
    """Remove the volumes of an archive that was not published to its end: the next one may have fewer of them.

    there: what a manifest names stays, whatever it is by now, and so does a file that is an archive by itself.
    """
    kept = {f"{begun.name}.tar", *(there.files if there else ())}
    numbered = [file for file in begun.volumes if file not in kept and is_volume(begun.name, file)]
    beside = [file.file for file in begun.root_files if file.file not in kept]
    team_files.delete([file for file in (*numbered, *beside) if team_files.stat(file) is not None])


def _commit(
    team_files: Storage,
    name: str,
    raw: dict[str, Any],
    beside: Sequence[Piece],
    written: dict[str, Entry],
    known_manifest: Entry | None,
    lease: Lease,
) -> dict[str, Any]:
    """The index in its place, then the manifest, with the identities that the files have. Returns the manifest.

    beside: the contents of the index and of the files beside it; written: the volumes, as the storage's answers to the
    writes told.
    """
    entries = dict(written)
    others = [raw["index"], *raw.get("root_files", ())]
    for file, content in zip(others, beside, strict=True):
        lease.check()
        entries[file["file"]] = team_files.compose(file["file"], [content])
    files = [*raw["volumes"], *others]
    known = [{**file, "identity": _identity(team_files, file, entries.get(file["file"]))} for file in files]
    count = len(raw["volumes"])
    whole = {**raw, "volumes": known[:count], "index": known[count]}
    if "root_files" in raw:
        whole["root_files"] = known[count + 1 :]
    lease.check()
    if team_files.write_if(manifest_path(name), seal(whole), known_manifest) is None:
        raise _published_by_others(team_files, name)
    return whole


def _as_one(pieces: list[Piece]) -> list[Piece]:
    """The pieces of a volume; where they are those of one that is there under another name, it as a whole."""
    first = pieces[0]
    if len(pieces) > 2 or not isinstance(first, Range) or first.known is None:
        return pieces
    is_whole = first.offset == 0 and first.size + len(tar.END) == first.known.size
    return [replace(first, size=first.known.size)] if is_whole else pieces


def _published_by_others(team_files: Storage, name: str) -> ArchiveError:
    fact = "another export published this archive meanwhile"
    return ArchiveError(team_files.locate(manifest_path(name)), fact, "Run it again: finished parts are kept")


def _identity(team_files: Storage, file: dict[str, Any], entry: Entry | None) -> str:
    if entry is None or entry.size != file["size"]:
        fact = "is gone" if entry is None else f"has {entry.size} bytes, not {file['size']},"
        fix = "Look who writes there, and run it again"
        raise ArchiveError(team_files.locate(file["file"]), f"{fact} right after it was written", fix)
    return entry.identity
