"""What CONTRIBUTING.md says of additions is true: a geometry, a kind of mask and a storage are one entry each."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import ClassVar, cast

import cv2
import numpy as np
import pytest

from airflow_savemasks.__main__ import main
from airflow_savemasks.engine.errors import NotFound
from airflow_savemasks.engine.geometry import table
from airflow_savemasks.engine.geometry.base import Box, Canvas, Color, Given, Json, WholeOrNothing, as_points
from airflow_savemasks.engine.image.png_write import gray_lines
from airflow_savemasks.engine.job import RENDERER
from airflow_savemasks.engine.masks import registry
from airflow_savemasks.engine.masks.drawing import Drawing, MaskFile, png_file
from airflow_savemasks.engine.masks.registry import MaskKind
from airflow_savemasks.engine.publish import described
from airflow_savemasks.engine.storage import uris
from airflow_savemasks.engine.storage.base import Entry, Folder, NewFile, Piece, Range, Storage


@dataclass(slots=True)
class Plus(WholeOrNothing):
    """A cross of five pixels."""

    shape: ClassVar[str] = "plus"
    x: int
    y: int

    @classmethod
    def parse(cls, data: Json, given: Given) -> Plus:
        ((x, y),) = as_points([data["at"]], '"at"').tolist()
        return cls(x, y)

    def box(self) -> Box:
        return self.x - 1, self.y - 1, self.x + 1, self.y + 1

    def draw(self, canvas: Canvas, color: Color) -> None:
        canvas[self.y - 1 : self.y + 2, self.x] = color
        canvas[self.y, self.x - 1 : self.x + 2] = color

    def to_json(self) -> Json:
        return {"at": [self.x, self.y]}


def draw_presence(drawing: Drawing) -> Iterator[MaskFile]:
    """255 wherever any label lies."""
    numbers = drawing.label_map(drawing.colors.machine or {}).canvas
    yield png_file(gray_lines((numbers != 0).astype(np.uint8) * 255))


PRESENCE = MaskKind(
    name="presence",
    folder="masks_presence",
    made=lambda colors, _: colors.machine is not None,
    draw=draw_presence,
    asked=lambda layer: (layer.masks_machine, {}),
    colors=lambda colors: colors.machine,
)


class MemoryFile(io.BytesIO):
    """A file in the making, which tells what became of it."""

    entry: Entry


class MemoryStorage(Storage):
    """Files in a dict."""

    def __init__(self, uri: str, files: dict[str, bytes]) -> None:
        self.uri, self.files = uri, files

    def locate(self, path: str) -> str:
        return f"{self.uri}/{path}"

    def watch(self, stop: object) -> None:
        pass

    def listdir(self, path: str) -> Folder:
        start = f"{path}/" if path else ""
        below = [name[len(start) :] for name in self.files if name.startswith(start)]
        folders = sorted({name.partition("/")[0] for name in below if "/" in name})
        return Folder(folders, {name: self.entry(start + name) for name in below if "/" not in name})

    def entry(self, path: str) -> Entry:
        content = self.files[path]
        return Entry(len(content), sha256(content).hexdigest(), 0.0)

    def stat(self, path: str) -> Entry | None:
        return self.entry(path) if path in self.files else None

    def read(self, path: str, known: Entry | None = None) -> bytes:
        if path not in self.files:
            raise NotFound(self.locate(path), "does not exist", "Put it there")
        return self.files[path]

    def stream(self, path: str, offset: int, size: int, known: Entry | None = None) -> Iterator[bytes]:
        yield self.read(path)[offset : offset + size]

    @contextmanager
    def writing(self, path: str) -> Iterator[NewFile]:
        out = MemoryFile()
        yield cast("NewFile", out)
        self.files[path] = out.getvalue()
        out.entry = self.entry(path)

    def compose(self, path: str, pieces: Sequence[Piece]) -> Entry:
        parts = [b"".join(self.stream(p.path, p.offset, p.size)) if isinstance(p, Range) else p for p in pieces]
        self.files[path] = b"".join(parts)
        return self.entry(path)

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.files.pop(path, None)

    def obstacle(self, path: str) -> str | None:
        return None

    def remove_abandoned(self, folder: str, names: Iterable[str]) -> int:
        return 0


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One picture of 9 x 7 pixels with a plus at 4, 3 and another over the border."""
    folder = tmp_path / "project"
    for name in ("img", "ann"):
        (folder / "ds" / name).mkdir(parents=True)
    cv2.imwrite(str(folder / "ds/img/a.png"), np.zeros((7, 9, 3), np.uint8))
    labels = [{"classTitle": "mark", "tags": [], "at": at} for at in ([4, 3], [0, 0])]
    annotation = {"size": {"height": 7, "width": 9}, "tags": [], "objects": labels}
    (folder / "ds/ann/a.png.json").write_text(json.dumps(annotation))
    classes = [{"title": "mark", "shape": "plus", "color": "#FF0000"}]
    (folder / "meta.json").write_text(json.dumps({"classes": classes, "tags": [], "projectType": "images"}))
    settings = {"masks_machine": True, "masks_human": False, "gt_machine_color": {"mark": [7, 7, 7]}}
    layer = {"action": "save_masks", "src": ["$data_1"], "dst": "out", "settings": settings}
    (tmp_path / "layer.json").write_text(json.dumps(layer))
    return folder


def export(project: Path, source: str, team_files: str) -> int:
    return main(["export", str(project.with_name("layer.json")), "--source", source, "--team-files", team_files])


def png_of(archive: bytes, name: str) -> list[list[int]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        content = tar.extractfile(name).read()  # type: ignore[union-attr]
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED).tolist()


def test_a_geometry_is_a_class_and_a_line_in_the_table(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(table.GEOMETRIES, "plus", Plus)
    assert export(project, str(project), str(project.with_name("out"))) == 0
    mask = np.array(png_of(project.with_name("out").joinpath("out.tar").read_bytes(), "ds/masks_machine/a.png"))
    wanted = np.zeros((7, 9), int)
    wanted[2:5, 4] = wanted[3, 3:6] = 7
    assert mask.tolist() == wanted.tolist(), "drawn where it lies inside; the one over the border vanished as it says"


def test_a_kind_of_mask_is_an_entry_of_the_registry(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(table.GEOMETRIES, "plus", Plus)
    kinds = [*registry.KINDS, PRESENCE]
    monkeypatch.setattr(registry, "KINDS", kinds)
    monkeypatch.setattr(described, "KINDS", kinds)
    out = project.with_name("out")
    assert export(project, str(project), str(out)) == 0
    assert png_of((out / "out.tar").read_bytes(), "ds/masks_presence/a.png")[3][3:6] == [255, 255, 255]
    line = json.loads((out / "out.index.jsonl").read_text().splitlines()[0])
    assert [member["kind"] for member in line["members"]] == ["ann", "img", "masks_machine", "masks_presence"]
    manifest = json.loads((out / "out.manifest.json").read_text())
    assert manifest["settings"]["masks_presence"] is True
    assert manifest["classes"][0]["presence"] == [7, 7, 7]
    assert main(["verify", str(out / "out.tar")]) == 0


def test_a_storage_is_a_module_and_a_line_in_the_table(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read from and written to: the archive is the one that a folder gets, byte for byte."""
    monkeypatch.setitem(table.GEOMETRIES, "plus", Plus)
    assert export(project, str(project), str(project.with_name("out"))) == 0
    wanted = project.with_name("out").joinpath("out.tar").read_bytes()
    here = {str(path.relative_to(project)): path.read_bytes() for path in project.rglob("*") if path.is_file()}
    stored: dict[str, dict[str, bytes]] = {"memory://project": here, "memory://out": {}}
    module = ModuleType("memory")
    module.open_uri = lambda uri, client: MemoryStorage(uri, stored[uri])  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "airflow_savemasks.engine.storage.memory", module)
    monkeypatch.setitem(uris.SCHEMES, "memory", ("memory", None))
    assert export(project, "memory://project", "memory://out") == 0
    assert stored["memory://out"]["out.tar"] == wanted
    assert [name for name in stored["memory://out"] if name.startswith(".parts")] == [], "the work area is empty again"


def test_whoever_adds_a_geometry_or_a_kind_of_mask_raises_the_number_of_the_renderer() -> None:
    """Parts of before would be reused without it: put the new number and the new names here.

    A kind that is made only where an option asks for it needs no new number: the options are part of the digest.
    """
    shapes = "alpha_mask bitmap cuboid cuboid_2d graph line multichannelBitmap multipolygon oriented_bbox point polygon"
    known = (3, f"{shapes} rectangle", "masks_machine masks_instances masks_semantic_rgb masks_human")
    assert (RENDERER, " ".join(sorted(table.GEOMETRIES)), " ".join(kind.folder for kind in registry.KINDS)) == known
