"""What an archive may be called, and that nothing outside of its root is read, written, replaced or removed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import AccessError
from airflow_savemasks.engine.storage.base import Range
from airflow_savemasks.engine.storage.opening import open_storage
from tests.engine.samples import layer, make_project
from tests.hostile.harness import refused, run_export, run_shell


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", items=3)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Team Files with an archive in them that must stay as it is."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.mark.parametrize("name", ["Ж" * 47, "я" * 119, "x" * 239, "日" * 79])
def test_names_as_long_as_the_file_system_takes_for_all_four_files(project: Path, root: Path, name: str) -> None:
    found = run_export(project, root, layer(dst=name))
    assert found.result, found.errors
    checked = run_shell("verify", found.result["archive"])
    assert checked.result
    assert checked.result["items"] == 3


@pytest.mark.parametrize("name", ["x" * 240, "x" * 246, "x" * 250, "x" * 251, "Ж" * 120, "a/" + "x" * 300])
def test_longer_names_are_refused_before_anything_is_written(project: Path, root: Path, name: str) -> None:
    refused(run_export(project, root, layer(dst=name)), "cannot be written", "255")
    assert list(root.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        ".",
        "..",
        "../x",
        "a/../../x",
        "a//b",
        "/etc/x",
        "a\0b",
        "a\nb",
        "a\x1bb",
        "a\x7fb",
        "a\x85b",
        ".parts/x",
        "a/.",
        "a/",
    ],
)
def test_names_that_leave_their_place_or_hide_in_a_terminal_are_refused(project: Path, root: Path, name: str) -> None:
    found = run_export(project, root, layer(dst=name))
    assert found.code == 2
    assert "layer, dst" in found.error
    assert list(root.iterdir()) == []


def test_a_name_with_half_a_letter_is_refused_readably(project: Path, root: Path, tmp_path: Path) -> None:
    text = json.dumps(layer(dst="NAME")).replace("NAME", "a\\ud800b")
    (tmp_path / "surrogate.json").write_text(text)
    found = run_shell(str(tmp_path / "surrogate.json"), "--source", str(project), "--team-files", str(root))
    assert found.code == 2
    assert "a\\\\ud800b" in found.error


@pytest.mark.parametrize("file", ["export.tar", "export.index.jsonl", "export.manifest.json", "export.bad_items.jsonl"])
def test_where_one_file_cannot_be_written_no_other_is_replaced(project: Path, root: Path, file: str) -> None:
    for name in ("export.tar", "export.index.jsonl", "export.manifest.json"):
        (root / name).write_text("old")
    (root / file).unlink(missing_ok=True)
    (root / file / "in it").mkdir(parents=True)
    refused(run_export(project, root), file, "a folder of that name lies there")
    left = {path.name for path in root.iterdir() if path.is_file() and path.read_text() == "old"}
    assert left == {"export.tar", "export.index.jsonl", "export.manifest.json"} - {file}


def test_links_that_lead_out_of_team_files_are_refused(project: Path, root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "linked").symlink_to(elsewhere)
    refused(run_export(project, root, layer(dst="linked/x")), "a link that leads out of the root")
    (root / ".parts").symlink_to(elsewhere)
    refused(run_export(project, root), ".parts", "a link that leads out of the root")
    assert list(elsewhere.iterdir()) == []


def test_a_confined_folder_reads_writes_and_removes_nothing_outside(tmp_path: Path) -> None:
    root, secret = tmp_path / "root", tmp_path / "secret"
    root.mkdir()
    secret.write_text("x")
    (root / "file").symlink_to(secret)
    (root / "folder").symlink_to(tmp_path)
    (root / "inner").mkdir()
    (root / "own").symlink_to(root / "inner")
    storage = open_storage(str(root), confined=True)
    assert set(storage.listdir("").others) == {"file", "folder"}
    for work in (
        lambda: storage.read("file"),
        lambda: storage.read("folder/secret"),
        lambda: list(storage.stream("file", 0, 1)),
        lambda: storage.stat("folder/secret"),
        lambda: storage.listdir("folder"),
        lambda: storage.delete(["folder/secret"]),
        lambda: storage.compose("folder/x", [b"x"]),
        lambda: storage.compose("x", [Range("file", 0, 1)]),
    ):
        with pytest.raises(AccessError, match="leads out of the root"):
            work()
    with storage.writing("own/x") as out:
        out.write(b"x")
    assert storage.read("inner/x") == b"x"
    assert secret.read_text() == "x"
    storage.delete(["file"])  # the link itself lies inside
    assert secret.read_text() == "x"


def test_a_source_whose_path_is_no_text_is_refused_readably(project: Path, root: Path, tmp_path: Path) -> None:
    strange = os.fsencode(tmp_path) + b"/caf\xe9"
    os.rename(project, strange)
    found = run_export(os.fsdecode(strange), root)
    assert found.code == 2
    assert "caf\\xe9" in found.error or "caf\\udce9" in found.error


def test_a_password_in_a_uri_is_in_no_message(root: Path) -> None:
    for uri in ("nope://me:geheim@host/x", "sftp://me:geheim@127.0.0.1:9/x"):
        found = run_export(uri, root)
        assert found.code in (1, 2)
        assert "geheim" not in found.errors
