"""Areas, widths, the pixels of single labels, and the largest first: the engine has what the real SDK has.

As test_same_as_sdk.py, on the same annotations. What either of them refuses is that test's business.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from airflow_savemasks.engine.errors import ItemError
from airflow_savemasks.engine.masks.drawing import Drawing
from airflow_savemasks.engine.masks.registry import draw_masks
from airflow_savemasks.engine.project.annotation import AnnotationReader, Label
from airflow_savemasks.engine.project.bad_item import as_bad_item
from airflow_savemasks.engine.project.meta import Meta, parse_meta
from airflow_savemasks.engine.settings.colors import Colors
from airflow_savemasks.engine.settings.options import Options
from tests.contract.random_annotations import write_cases
from tests.contract.test_same_as_sdk import COUNT, PYTHON, SEED, decoded

pytestmark = pytest.mark.skipif(not PYTHON, reason="SUPERVISELY_PYTHON does not name an interpreter with the SDK")
WIDTHS = (1, 2, 3, 4, 5, 8, 31)  # as in sdk_kinds.py


def no_picture() -> np.ndarray:
    raise AssertionError("there is no human mask")


def ours(content: bytes, meta: Meta, colors: Colors, width: int) -> tuple[list[list[Any]], np.ndarray]:
    """What sdk_kinds.py writes, as the engine has it."""
    ann = AnnotationReader(meta, None, None, meta, line_width=width).read(content, "case")
    told = [[label.class_name, *facts(label, ann.height, ann.width)] for label in ann.labels]
    options = Options(overlap="area", line_width=width)
    ((_, mask),) = draw_masks(Drawing(ann.labels, ann.height, ann.width, colors, no_picture, options=options))
    return told, decoded(mask.pieces)


def facts(label: Label, height: int, width: int) -> list[Any]:
    """Area, digest and number of the pixels that a label covers: its file of `instances="files"`."""
    alone = Colors.of({label.class_name: (1, 1, 1)}, None, force_rgb=False)
    drawing = Drawing([label], height, width, alone, no_picture, options=Options(instances="files"))
    ((_, file),) = ((kind, file) for kind, file in draw_masks(drawing) if kind.name == "instances")
    mask = decoded(file.pieces)[:, :, 0]
    assert set(np.unique(mask)) <= {0, 255}
    return [label.geometry.area(), zlib.crc32(np.packbits(mask > 0)), int((mask > 0).sum())]


def in_runs(told: list[list[Any]]) -> list[tuple[str, list[list[Any]]]]:
    """Labels of one class that follow each other may change places: pieces of a cut one."""
    return [(name, sorted(run)) for name, run in groupby(told, key=lambda one: one[0])]


def test_labels_have_the_areas_and_the_pixels_that_the_sdk_has(tmp_path: Path) -> None:
    cases, out = tmp_path / "cases", tmp_path / "sdk"
    write_cases(cases, SEED, COUNT)
    command = [str(PYTHON), str(Path(__file__).with_name("sdk_kinds.py")), str(cases), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr
    meta = parse_meta(json.loads((cases / "meta.json").read_text()), "meta.json")
    listed = json.loads((cases / "colours.json").read_text())["machine"]
    colors = Colors.of({name: tuple(rgb) for name, rgb in listed.items()}, None, force_rgb=False)
    found, compared, labels = [], 0, 0
    for source in sorted((cases / "ann").iterdir()):
        theirs = out / f"{source.stem}.labels.json"
        if not theirs.exists():
            continue
        width = WIDTHS[zlib.crc32(source.stem.encode()) % len(WIDTHS)]
        try:
            with as_bad_item("case"):
                told, machine = ours(source.read_bytes(), meta, colors, width)
        except ItemError:
            continue
        compared += 1
        labels += len(told)
        wanted = json.loads(theirs.read_text())
        if in_runs(told) != in_runs(wanted):
            pairs = zip(in_runs(told), in_runs(wanted), strict=False)
            found.append(f"{source.stem}, width {width}: {next((pair for pair in pairs if pair[0] != pair[1]), '')}")
        elif not np.array_equal(machine, np.load(out / f"{source.stem}.machine.npy")):
            found.append(f"{source.stem}, width {width}: drawn otherwise")
    sys.stdout.write(f"{compared} annotations with {labels} labels compared\n")
    assert not found, f"{len(found)} differ:\n" + "\n".join(found[:100])
    assert compared > COUNT // 4
