"""The engine reads, cuts, draws and writes random annotations as the real SDK does, and refuses the same ones.

The SDK (`supervisely` 6.74) cannot be installed beside Airflow, so these tests start the interpreter that the
environment variable SUPERVISELY_PYTHON names (an environment with the SDK in it) and are skipped without it.
SAVEMASKS_FUZZ_COUNT and SAVEMASKS_FUZZ_SEED change how many annotations there are and which.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.image import decode as picture
from airflow_savemasks.engine.project.annotation import AnnotationReader
from airflow_savemasks.engine.project.bad_item import as_bad_item
from airflow_savemasks.engine.project.meta import parse_meta
from airflow_savemasks.engine.settings.colors import Colors, Rgb
from tests.contract.random_annotations import GEOMETRY_KEYS, SHAPES, write_cases
from tests.engine.masks.drawing import render

Json = dict[str, Any]
Image = NDArray[np.uint8]
GOLDEN = Path(os.environ.get("SAVEMASKS_GOLDEN", Path(__file__).parents[1] / "golden"))
PYTHON = os.environ.get("SUPERVISELY_PYTHON")
COUNT = int(os.environ.get("SAVEMASKS_FUZZ_COUNT", "600"))
SEED = int(os.environ.get("SAVEMASKS_FUZZ_SEED", "1"))
pytestmark = [
    pytest.mark.skipif(not PYTHON, reason="SUPERVISELY_PYTHON does not name an interpreter with the Supervisely SDK"),
    pytest.mark.skipif(not (GOLDEN / "compare.py").is_file(), reason="there are no golden cases with their compare.py"),
]


@dataclass
class Ours:
    """What the engine makes of an annotation: an error, or the images (RGB) and the file."""

    error: str | None
    machine: Image | None = None
    drawing: Image | None = None
    human: Image | None = None
    document: bytes = b""


class Engine:
    """The engine with the meta and the colors of a folder of cases."""

    def __init__(self, cases: Path) -> None:
        meta = parse_meta(json.loads((cases / "meta.json").read_text()), "meta.json")
        self.reader = AnnotationReader(meta, None, None, meta)
        layer = json.loads((cases / "colours.json").read_text())
        self.machine: Mapping[str, Rgb] = {name: tuple(rgb) for name, rgb in layer["machine"].items()}
        self.human: Mapping[str, Rgb] = {name: tuple(rgb) for name, rgb in layer["human"].items()}

    def run(self, content: bytes, image: Image | None) -> Ours:
        """Read and draw. Only the errors that the engine reports as a bad item count as a refusal."""
        try:
            with as_bad_item("case"):
                return self._run(content, image)
        except ItemError as error:
            return Ours(str(error))

    def _run(self, content: bytes, image: Image | None) -> Ours:
        ann = self.reader.read(content, "case")
        both = Colors.of(self.machine, self.human, force_rgb=False)
        # the drawing in the human colors has no file of its own, so it is made as a machine mask
        visible = Colors(both.human, None, gray=False)
        machine = self.draw(ann, Colors.of(self.machine, None, force_rgb=False)).machine
        drawing = self.draw(ann, visible).machine
        masks = None if image is None else self.draw(ann, both, image)
        assert masks is None or (decoded(masks.machine) == decoded(machine)).all()
        human = None if masks is None else decoded(masks.human)
        return Ours(None, decoded(machine), decoded(drawing), human, ann.to_bytes())

    @staticmethod
    def draw(ann: Any, colors: Colors, image: Image | None = None) -> Any:
        return render(ann.labels, ann.height, ann.width, colors, lambda: image)


def decoded(content: bytes | list[bytes] | None) -> Image:
    """A PNG file as (height, width, 3) RGB."""
    assert content is not None
    return picture.decode(content if isinstance(content, bytes) else b"".join(content))


@pytest.fixture(scope="module")
def compare() -> ModuleType:
    """The golden cases' compare.py, which knows when two annotations mean the same."""
    spec = importlib.util.spec_from_file_location("golden_compare", GOLDEN / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def comparable(data: Json) -> Json:
    """The annotation in a form that compare.py understands in full.

    Old string tags as objects: the SDK copies the tags of a label of an unknown shape as they came, the engine writes
    them in today's form, and the SDK reads both alike. Multichannel bitmaps unpacked: their compression may differ.
    Geometries of unknown shapes under other names: they are copied, and need not make sense to compare.py.
    """
    for label in data["objects"]:
        if label["geometryType"] not in SHAPES:
            for key in GEOMETRY_KEYS & label.keys():
                label[f"copied {key}"] = label.pop(key)
        label["tags"] = [{"name": tag} if isinstance(tag, str) else tag for tag in label.get("tags", [])]
        if label["geometryType"] == "multichannelBitmap":
            holder = label["multichannelBitmap"]
            array = np.load(io.BytesIO(zlib.decompress(base64.b64decode(holder["data"]))))
            holder["data"] = [str(array.dtype), array.tolist()]
    return data


def difference(compare: ModuleType, ours: Ours, refused: str | None, sdk: Path, name: str) -> str | None:
    """What the engine did otherwise than the SDK, or None."""
    if ours.error is not None or refused is not None:
        return None if ours.error and refused else f"engine: {ours.error or 'fine'}; SDK: {refused or 'fine'}"
    images = {"machine": ours.machine, "drawing": ours.drawing, "human": ours.human}
    for kind, mine in images.items():
        path = sdk / f"{name}.{kind}.npy"
        assert (mine is not None) == path.exists(), kind
        if mine is None:
            continue
        theirs = np.load(path)
        if theirs.shape != mine.shape:
            return f"{kind}: shape {mine.shape}, the SDK has {theirs.shape}"
        if (bad := (theirs != mine).any(axis=2)).any():
            y, x = np.argwhere(bad)[0].tolist()
            return f"{kind}: {bad.sum()} pixels, at {x}, {y} {mine[y, x]}, the SDK has {theirs[y, x]}"
    mine_path = sdk / f"{name}.ours.json"
    mine_path.write_text(json.dumps(comparable(json.loads(ours.document))))
    expected_path = sdk / f"{name}.sdk.json"
    expected_path.write_text(json.dumps(comparable(json.loads((sdk / f"{name}.json").read_text()))))
    found = compare.diff_ann(expected_path, mine_path)
    return None if found is None else str(found)


def test_random_annotations_mean_to_the_engine_what_they_mean_to_the_sdk(tmp_path: Path, compare: ModuleType) -> None:
    cases, out = tmp_path / "cases", tmp_path / "sdk"
    write_cases(cases, SEED, COUNT)
    command = [str(PYTHON), str(Path(__file__).with_name("sdk_masks.py")), str(cases), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr
    verdicts = json.loads((out / "verdicts.json").read_text())
    engine, found = Engine(cases), []
    for name, refused in verdicts.items():
        image = cases / "img" / f"{name}.png"
        pixels = decoded(image.read_bytes()) if image.is_file() else None
        ours = engine.run((cases / "ann" / f"{name}.json").read_bytes(), pixels)
        if problem := difference(compare, ours, refused, out, name):
            found.append(f"{name}: {problem}")
    sys.stdout.write(f"{len(verdicts)} annotations, {sum(map(bool, verdicts.values()))} refused by the SDK\n")
    assert not found, f"{len(found)} differ:\n" + "\n".join(found[:200])
    assert len(verdicts) == COUNT
    assert sum(verdict is None for verdict in verdicts.values()) > COUNT // 4
