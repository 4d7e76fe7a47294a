"""Paths and URIs that no file can have, and texts without an end, given to the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_savemasks import open_archive, save_masks
from airflow_savemasks.engine.errors import SettingsError
from tests.engine.samples import LAYER, make_project
from tests.hostile.harness import refused, run_shell


@pytest.fixture
def layer(tmp_path: Path) -> str:
    make_project(tmp_path / "p", items=1)
    (tmp_path / "layer.json").write_text(json.dumps(LAYER))
    return str(tmp_path / "layer.json")


@pytest.mark.parametrize("verb", ["export", "plan"])
def test_a_layer_without_an_end_is_refused_in_bounded_memory(tmp_path: Path, verb: str) -> None:
    words = (verb, "/dev/zero", "--source", str(tmp_path), "--team-files", str(tmp_path))
    refused(run_shell(*words, seconds=30, megabytes=800), "/dev/zero: cannot be read (it has more than 64 MiB)")


def test_options_without_an_end_are_refused_in_bounded_memory(layer: str, tmp_path: Path) -> None:
    words = (layer, "--source", str(tmp_path), "--team-files", str(tmp_path), "--options", "/dev/zero")
    refused(run_shell(*words, seconds=30, megabytes=800), "/dev/zero: cannot be read (it has more than 64 MiB)")


@pytest.mark.parametrize("path", ["s3://a b/c.json", "sftp://", "gs://", "s3://", "~nobody-here/x.json"])
def test_a_layer_at_a_place_that_no_backend_has_is_refused(tmp_path: Path, path: str) -> None:
    refused(run_shell(path, "--source", str(tmp_path), "--team-files", str(tmp_path)), path)


@pytest.mark.parametrize(
    ("place", "fact"),
    [
        ("file:///%00", "has a character that no path may have"),
        ("~nobody-here/x", "begins with the home folder of nobody"),
    ],
)
def test_a_folder_that_no_machine_has_is_refused_wherever_it_is_given(
    layer: str, tmp_path: Path, place: str, fact: str
) -> None:
    project, out = str(tmp_path / "p"), str(tmp_path / "out")
    for words in (
        (layer, "--source", project, "--team-files", place),
        (layer, "--source", place, "--team-files", out),
        ("verify", f"{place}/x.tar"),
        ("list", f"{place}/x.tar"),
    ):
        refused(run_shell(*words), fact)
    with pytest.raises(SettingsError, match=fact):
        open_archive(f"{place}/x.tar")
    with pytest.raises(SettingsError, match=fact):
        save_masks(LAYER, {"$data_1": place}, out)


def test_a_file_where_a_folder_should_be_extracted_to_is_refused(layer: str, tmp_path: Path) -> None:
    assert run_shell(layer, "--source", str(tmp_path / "p"), "--team-files", str(tmp_path / "out")).code == 0
    refused(run_shell("extract", str(tmp_path / "out/export.tar"), "--out", layer), layer, "cannot be written")
    assert json.loads(Path(layer).read_text()) == LAYER
