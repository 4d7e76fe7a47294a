"""Which paths below a folder can be written is known without writing; names that are no text can be read by people."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airflow_savemasks.engine.storage.folder_names import is_inside, obstacle, readable
from airflow_savemasks.engine.storage.opening import open_storage


def why(root: Path, path: str, *, confined: bool = False) -> str | None:
    return obstacle(root, path, confined=confined)


def test_nothing_speaks_against_a_new_file_or_one_that_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    (tmp_path / "link").symlink_to("/nowhere/x")
    for path in ("new", "a/b/c/new", "there", "link", "x" * 255, "Ж" * 127):
        assert why(tmp_path, path) is None, path
    assert why(tmp_path / "not yet" / "there", "x") is None
    assert open_storage(str(tmp_path)).obstacle("new") is None


def test_what_stands_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    assert why(tmp_path, "folder") == "a folder of that name lies there"
    assert why(tmp_path, "pipe") == "a pipe of that name lies there"
    assert why(tmp_path, "file/x") == f"{tmp_path}/file is a file, not a folder"
    assert why(tmp_path, "file/deep/x") == f"{tmp_path}/file is a file, not a folder"
    assert why(tmp_path, "x" * 256) == "a name of 256 bytes, where the file system takes 255"
    assert why(tmp_path, "Ж" * 128) == "a name of 256 bytes, where the file system takes 255"
    assert why(tmp_path, "y" * 256 + "/x") == "a name of 256 bytes, where the file system takes 255"
    assert why(tmp_path, "/".join(["d" * 200] * 21)) == "a path of more than 4095 bytes"
    assert why(tmp_path, "a\udce9") == "a name that is no UTF-8"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_missing_rights_are_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert why(tmp_path, "x") == f"no permission to write in {tmp_path}"


def test_a_link_that_leads_out_is_an_obstacle_where_a_root_is_confined(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root2").mkdir()
    (tmp_path / "root/out").symlink_to(tmp_path / "root2")
    (tmp_path / "root/own").symlink_to(tmp_path / "root")
    root = tmp_path / "root"
    assert why(root, "out/x", confined=True) == "a link that leads out of the root"
    assert why(root, "out/x") is None
    assert why(root, "own/x", confined=True) is None
    assert is_inside(root, root)
    assert is_inside(root, root / "a/b")
    assert is_inside(Path("/"), root)
    assert not is_inside(root, tmp_path / "root2")  # begins like it
    assert not is_inside(root, root / "..")


def test_names_are_readable() -> None:
    assert readable("a.png") == "a.png"
    assert readable("фото.png") == "фото.png"
    assert readable(os.fsdecode(b"caf\xe9.png")) == "caf\\xe9.png"
