"""The package webdataset finds every sample of our shards, whole: from files, from several volumes, from a server."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from airflow_savemasks import open_archive
from tests.engine.samples import members
from tests.readers.conftest import DATASETS, EVERYTHING, NAMES, index_of

wds = pytest.importorskip("webdataset", reason="webdataset is not installed: make readers")
EXTENSIONS = {"json", "human.jpg", "instances.png", "machine.png", "semantic.png"}  # and the picture's own


def read(urls: str | list[str]) -> list[dict[str, Any]]:
    """All samples, in their order."""
    return list(wds.WebDataset(urls, shardshuffle=False, empty_check=False))


def check(samples: list[dict[str, Any]], result: dict[str, Any], extensions: set[str] = EXTENSIONS) -> None:
    """Every picture is a sample, and each of its files is there to the byte."""
    archive = open_archive(result["archive"])
    assert len(samples) == len(archive) == len(DATASETS) * len(NAMES)
    for item, sample, line in zip(archive, samples, index_of(result), strict=True):
        key, dot, own = item.name.rpartition(".")
        assert (sample["__key__"], dot) == (key, ".")
        files = {name: content for name, content in sample.items() if not name.startswith("__")}
        assert set(files) == {*extensions, own}
        assert sorted(files.values()) == sorted(item.bytes(kind) for kind in item.files)
        assert files[own] == item.bytes("picture")
        assert json.loads(files["json"]) == item.annotation
        assert own in {"png", "jpg", "jpeg", "bmp"}, "in lower case"
        assert line["source"]["name"] in NAMES
    assert len({sample["__key__"] for sample in samples}) == len(samples)


def test_one_shard(exported: Callable[..., dict[str, Any]]) -> None:
    result = exported(layout="webdataset")
    check(read(result["archive"]), result, {"json", "human.png", "machine.png"})


def test_several_volumes_by_their_braces(shards: dict[str, Any]) -> None:
    count = len(shards["volumes"])
    assert count > 3
    assert [Path(volume).name for volume in shards["volumes"]][-1] == f"export-{count:05d}.tar"
    folder = Path(shards["archive"]).parent
    samples = read(f"{folder}/export-{{00001..{count:05d}}}.tar")
    check(samples, shards)
    assert [sample for volume in shards["volumes"] for sample in read(volume)] == samples


def test_from_a_server(shards: dict[str, Any], served: str) -> None:
    count = len(shards["volumes"])
    check(read(f"{served}/export-{{00001..{count:05d}}}.tar"), shards)


def test_a_share_by_the_list_beside_the_shards(shards: dict[str, Any]) -> None:
    folder = Path(shards["archive"]).parent
    listed = {name: (folder / f"export.splits.{name}.txt").read_text("utf-8").splitlines() for name in ("train", "val")}
    assert all(listed.values())
    samples = read(shards["volumes"])
    assert sorted(listed["train"] + listed["val"]) == sorted(sample["__key__"] for sample in samples)
    wanted = set(listed["train"])
    train = wds.WebDataset(shards["volumes"], shardshuffle=False).select(lambda sample: sample["__key__"] in wanted)
    assert [sample["__key__"] for sample in train] == listed["train"]
    assert [item.name.rpartition(".")[0] for item in open_archive(shards["archive"]).split("train")] == listed["train"]


def test_masks_are_values_and_rgb_decoders_take_their_colours(shards: dict[str, Any]) -> None:
    image = pytest.importorskip("PIL.Image")
    archive = open_archive(shards["archive"])
    decoded = list(wds.WebDataset(shards["volumes"], shardshuffle=False).decode("rgb8"))
    for item, raw, colours in zip(archive, read(shards["volumes"]), decoded, strict=True):
        assert (np.array(image.open(io.BytesIO(raw["machine.png"]))) == item.machine).all()
        assert (np.array(image.open(io.BytesIO(raw["instances.png"]))) == item.instances).all()
        assert (colours["semantic.png"] == item.semantic).all()
        assert colours["machine.png"].shape == (*item.shape, 3), "the colours of the palette, not the values"
        assert colours["json"] == item.annotation


def test_names_in_the_tar_are_those_that_a_person_expects(shards: dict[str, Any]) -> None:
    names = [name for volume in shards["volumes"] for name in members(volume)]
    assert all(re.match(r"^((?:.*/|)[^.]+)[.]([^/]*)$", name) for name in names)
    assert "ds0/_hidden.png" in names
    assert "ds0/Photo.human.jpg" in names
    assert "ds0/datasets/night.v1/datasets/a b/photo_v2_1.jpeg" in names
    assert sum(name.endswith(".json") for name in names) == len(DATASETS) * len(NAMES)


def test_everything_is_asked_for() -> None:
    assert {"instances", "semantic", "machine_png"} < set(EVERYTHING)
