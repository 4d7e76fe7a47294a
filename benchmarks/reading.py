"""Reading an archive through `open_archive`, against reading the same files from a folder, in turns.

    python benchmarks/reading.py out/export.tar --rounds 5

One JSON line on standard output: for bytes alone, and for pictures with machine masks decoded, the median of the
seconds of CPU on each side, and their ratio (folder / archive: 1.0 is as fast).
"""

from __future__ import annotations

import argparse
import json
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from airflow_savemasks import open_archive
from airflow_savemasks.engine.reading.archive import Archive

KINDS = ("picture", "machine")


def unpacked(archive: Archive, root: Path) -> list[tuple[Path, Path]]:
    """The files of each item in a folder, as somebody would unpack them: picture, machine mask."""
    with tarfile.open(archive.uri) as tar:
        tar.extractall(root, filter="data")
    return [(root / item.files["picture"], root / item.files["machine"]) for item in archive]


def decoded(path: Path, flags: int) -> object:
    image = cv2.imread(str(path), flags)
    assert image is not None, path
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if image.ndim == 3 else image


def folder_bytes(files: list[tuple[Path, Path]]) -> None:
    for pair in files:
        for path in pair:
            path.read_bytes()


def folder_arrays(files: list[tuple[Path, Path]]) -> None:
    for picture, machine in files:
        decoded(picture, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
        decoded(machine, cv2.IMREAD_UNCHANGED)


def archive_bytes(archive: Archive) -> None:
    for item in archive:
        for kind in KINDS:
            item.bytes(kind)


def archive_arrays(archive: Archive) -> None:
    for item in archive:
        for kind in KINDS:
            getattr(item, kind)


def seconds(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    archive = open_archive(args.archive)
    out: dict[str, object] = {"items": len(archive)}
    with tempfile.TemporaryDirectory() as folder:
        files = unpacked(archive, Path(folder))
        sides: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
            "bytes": (lambda: folder_bytes(files), lambda: archive_bytes(archive)),
            "arrays": (lambda: folder_arrays(files), lambda: archive_arrays(archive)),
        }
        for name, (theirs, ours) in sides.items():
            theirs(), ours()  # what is read once lies in memory
            rounds = [(seconds(theirs), seconds(ours)) for _ in range(args.rounds)]
            out[name] = {
                "folder_seconds": round(statistics.median(pair[0] for pair in rounds), 4),
                "archive_seconds": round(statistics.median(pair[1] for pair in rounds), 4),
                "ratio": round(statistics.median(pair[0] / pair[1] for pair in rounds), 3),
            }
    print(json.dumps(out))


if __name__ == "__main__":
    main()
