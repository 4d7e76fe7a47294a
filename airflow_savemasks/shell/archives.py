"""The verbs for an archive that is there: verify, diff, list, show, extract."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airflow_savemasks.engine.errors import ArchiveError, SettingsError, Stopped
from airflow_savemasks.engine.reading.kinds import KINDS
from airflow_savemasks.engine.storage.folder_names import path_of
from airflow_savemasks.shell.screen import Screen
from airflow_savemasks.shell.text import on_a_line
from airflow_savemasks.stopping import Stopping

if TYPE_CHECKING:
    import argparse

    from airflow_savemasks.engine.reading.archive import Archive
    from airflow_savemasks.engine.reading.diff import ItemChange
    from airflow_savemasks.engine.reading.item import ArchiveItem

LOOKED_THROUGH = 20_000  # names that one that does not exist is compared with


def verify_verb(args: argparse.Namespace, stopping: Stopping, screen: Screen) -> dict[str, Any]:
    """Every byte of an archive, or of one item, is compared with what was written."""
    from airflow_savemasks.engine.archive.published import archive_of
    from airflow_savemasks.engine.archive.verify import verify
    from airflow_savemasks.engine.opening import open_team_files_root
    from airflow_savemasks.engine.progress import human_size

    place = str(args.archive)
    if place.lower().startswith("file://"):
        place = unquote(urlsplit(place).path)
    folder, slash, file = place.rpartition("/")
    team_files = open_team_files_root(folder or slash or ".")
    team_files.watch(stopping.event)
    stopping.obeyed()
    with screen.bar("verifying", "bytes") as bar:

        def tell(done: int, whole: int) -> None:
            bar.at(done, whole, f"{human_size(done)} of {human_size(whole)}")

        return verify(team_files, archive_of(team_files, file), args.item, tell)


def diff_verb(args: argparse.Namespace, stopping: Stopping, screen: Screen) -> dict[str, Any]:
    """What changed from one archive to another: JSON, and where asked for a page and all items."""
    from airflow_savemasks import open_archive
    from airflow_savemasks.engine.reading.diff import Diff
    from airflow_savemasks.shell.reports import show_diff

    stopping.says = "stopped"
    diff = Diff(open_archive(args.old), open_archive(args.new))
    with _lines_to(args.items) as write:
        told = diff.to_json(write(change) for change in diff.changes())
    if args.html is not None:
        from airflow_savemasks.engine.reading.diff_page import diff_page

        _write(Path(args.html), diff_page(diff, told).encode())
    show_diff(screen, told)
    return told


@contextmanager
def _lines_to(path: str | None) -> Iterator[Callable[[ItemChange], ItemChange]]:
    """Gives a function that writes a change as a line of JSON, if there is a path, and returns it."""
    if path is None:
        yield lambda change: change
        return
    try:
        with Path(path).open("w", encoding="utf-8") as file:

            def write(change: ItemChange) -> ItemChange:
                file.write(json.dumps(change.to_json(), ensure_ascii=False) + "\n")
                return change

            yield write
    except OSError as error:
        fact = f"cannot be written ({error.strerror or error})"
        raise SettingsError(f"--items {path}", fact, "Name another place") from None


def list_verb(args: argparse.Namespace, stopping: Stopping, screen: Screen) -> None:  # noqa: ARG001 - a verb
    """A line for each item: name, width x height, labels, classes that are seen; or JSON."""
    stopping.says = "stopped"
    archive = _opened(args)
    known = [item["name"] for item in archive.manifest["classes"]]
    if args.shown is not None and args.shown not in known:
        fix = _meant(args.shown, known) or f"Choose of {known[:20]}"
        raise SettingsError(archive.uri, f"has no class {args.shown!r}", fix)
    for item in _chosen(archive, args):
        if args.shown is not None and args.shown not in item.pixels:
            continue
        height, width = item.shape
        seen = ", ".join(map(on_a_line, item.pixels))
        facts = f"{on_a_line(item.name)}\t{width}x{height}\t{item.labels} labels\t{seen}".rstrip()
        sys.stdout.write((json.dumps(_facts(item), ensure_ascii=False) if args.json else facts) + "\n")


def show_verb(args: argparse.Namespace, stopping: Stopping, screen: Screen) -> dict[str, Any] | None:  # noqa: ARG001
    """One item: what is known of it, or one of its files."""
    stopping.says = "stopped"
    archive = _opened(args)
    item = _item(archive, args.name)
    if args.kind is None:
        if args.out is not None:
            raise SettingsError("--out", "nothing says which file of the item", "Add --kind human, for example")
        return _facts(item)
    if args.out is None and sys.stdout.isatty() and args.kind != "annotation":
        raise SettingsError("--out", "a picture is no text for a terminal", "Write --out x.png, or > x.png")
    if args.kind not in item.files and (several := [kind for kind in item.files if kind.startswith(f"{args.kind}/")]):
        raise SettingsError("--kind", f"{item.name} has a file for each label", f"Choose of {several[:20]}")
    content = item.bytes(args.kind)
    if args.out in {None, "-"}:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return None
    path = path_of(args.out)
    if path.is_dir():
        path /= Path(item.files[args.kind]).name
    _write(path, content)
    return {**_facts(item), "kind": args.kind, "out": str(path), "bytes": len(content)}


def extract_verb(args: argparse.Namespace, stopping: Stopping, screen: Screen) -> dict[str, Any]:
    """Files of an archive into a folder, which is a project then. Each is whole or not there at any time."""
    stopping.says = "stopped"
    archive = _opened(args)
    items = _chosen(archive, args)
    root = path_of(args.out)
    stopping.obeyed()
    at_root = archive.root
    for name, content in at_root.items():
        _write(_below(root, name), content)
    kinds = args.kind or list(KINDS)
    counts = {"items": 0, "files": len(at_root), "bytes": 0}
    with screen.bar("extracting", "items") as bar:
        for item in items:
            for kind, name in item.files.items():
                if stopping.event.is_set():
                    raise Stopped
                if kind.partition("/")[0] in kinds:
                    content = item.bytes(kind)
                    _write(_below(root, name), content)
                    counts["files"] += 1
                    counts["bytes"] += len(content)
            counts["items"] += 1
            bar.at(counts["items"], len(items))
    return {"archive": archive.uri, "folder": str(root), **counts}


def _opened(args: argparse.Namespace) -> Archive:
    from airflow_savemasks import open_archive

    return open_archive(args.archive, check_hashes=True)


def _chosen(archive: Archive, args: argparse.Namespace) -> Sequence[ArchiveItem]:
    """The items that `--dataset`, `--split` or `--item` say. Raises SettingsError."""
    if names := getattr(args, "item", None):
        return [_item(archive, name) for name in names]
    items = archive if args.dataset is None else _of_dataset(archive, args.dataset)
    if args.split is None:
        return items
    if args.split not in archive.splits:
        fix = f"Choose of {list(archive.splits)}" if archive.splits else "Export it with the option split"
        raise SettingsError(archive.uri, f"has no share {args.split!r}", fix)
    return archive.split(args.split) if items is archive else [one for one in items if one.split == args.split]


def _of_dataset(archive: Archive, name: str) -> Sequence[ArchiveItem]:
    try:
        return archive.dataset(name)
    except KeyError:
        fix = f"Choose of {archive.datasets[:20]}"
        raise SettingsError(archive.uri, f"has no dataset {name!r}", fix) from None


def _item(archive: Archive, name: str) -> ArchiveItem:
    try:
        return archive[name]
    except KeyError:
        known = [item.name for item, _ in zip(archive, range(LOOKED_THROUGH), strict=False)]
        fix = _meant(name, known) or f"Look at its names: savemasks list {quote(archive.uri)}"
        raise SettingsError(archive.uri, f"has no item {name!r}", fix) from None


def _meant(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f"Did you mean {close[0]!r}?" if close else ""


def _facts(item: ArchiveItem) -> dict[str, Any]:
    height, width = item.shape
    facts = {
        "item": item.name,
        "dataset": item.dataset,
        "width": width,
        "height": height,
        "labels": item.labels,
        "pixels": item.pixels,
        "files": item.files,
    }
    if item.split:
        facts["split"] = item.split
    if "instances" in item.files:
        facts["instances"] = item.visible
    return facts


def _below(root: Path, name: str) -> Path:
    """Where a file of the archive goes. Raises ArchiveError for a name that leads out of the folder."""
    if name.startswith("/") or {"", ".", ".."} & set(name.split("/")):
        raise ArchiveError(name, "leads out of the folder", "Do not trust this archive: verify it")
    return root / name


def _write(path: Path, content: bytes) -> None:
    """A whole file or none. Raises SettingsError where it cannot be written."""
    part = path.with_name(f".{path.name[:200]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):  # where a file stands in the folder's place, there is no part either
            part.unlink(missing_ok=True)
        raise SettingsError(str(path), f"cannot be written ({error.strerror or error})", "Name another place") from None
