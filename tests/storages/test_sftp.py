"""SFTP: what other storages do not have - a connection that is lost, host keys, temporary files on the server."""

from __future__ import annotations

import getpass
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine.errors import AccessError, StorageError
from airflow_savemasks.engine.storage.base import NO_UTF8
from airflow_savemasks.engine.storage.opening import open_storage
from airflow_savemasks.engine.storage.temporary import temporary_name
from tests.storages import places, servers
from tests.storages.conftest import BLOCK
from tests.storages.test_contract import NOISE, everything, put


def test_a_lost_connection_is_made_again_also_in_the_middle_of_a_file(sshd: tuple[Path, int], tmp_path: Path) -> None:
    made: list[Any] = []

    def client() -> Any:
        made.append(places.sftp_client(*sshd))
        return made[-1]

    storage = open_storage(places.sftp_place(*sshd, tmp_path).root, client)
    with storage.writing("x") as out:
        out.write(NOISE[: BLOCK + 1])
        made[-1].ssh.get_transport().sock.close()
        out.write(NOISE[BLOCK + 1 :])
    made[-1].ssh.close()
    assert storage.read("x") == NOISE
    chunks = storage.stream("x", 0, len(NOISE))
    content = next(chunks)
    made[-1].ssh.close()
    assert content + b"".join(chunks) == NOISE
    assert len(made) == 4
    assert everything(storage) == ["x"]


def test_abandoned_temporary_files_are_removed_after_an_hour(sshd: tuple[Path, int], tmp_path: Path) -> None:
    storage = places.sftp_place(*sshd, tmp_path).open()
    put(storage, ".parts/a/whole.tar", b"x")
    then = time.time() - 3700
    old, volume, young, ours, others = (
        temporary_name(name) for name in ("old.tar", "a-00002.tar", "young.tar", "a_001.tar", "b.tar")
    )
    for name in (f".parts/a/{old}", f".parts/a/{young}", volume, ours, others):
        (tmp_path / name).write_bytes(b"half")
        if young not in name:
            os.utime(tmp_path / name, (then, then))
    assert storage.remove_abandoned(".parts/a", ["a.tar", "a.manifest.json"]) == 3
    assert everything(storage) == [others, f".parts/a/{young}", ".parts/a/whole.tar"]


def test_what_is_no_file_is_named_and_never_opened(sshd: tuple[Path, int], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "device").symlink_to("/dev/null")
    (tmp_path / "circle").symlink_to("circle")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).write_bytes(b"1")
    storage = places.sftp_place(*sshd, tmp_path).open()
    level = storage.listdir("")
    assert list(level.files) == ["file"]
    circle = level.others.pop("circle")
    assert circle == "a link to nowhere" or circle.startswith("an entry that cannot be looked at")
    assert level.others == {
        "pipe": "a pipe",
        "nowhere": "a link to nowhere",
        "device": "a device",
        "caf\\xe9": NO_UTF8,
    }
    with pytest.raises(StorageError, match="is a pipe, not a file"):
        storage.read("pipe")
    assert storage.stat("pipe") is None
    assert storage.obstacle("pipe") == "a pipe of that name lies there"


def test_links_are_followed_and_those_to_nowhere_are_not_there(sshd: tuple[Path, int], tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/x").write_bytes(b"content")
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "file").symlink_to("real/x")
    (tmp_path / "nowhere").symlink_to("gone")
    storage = places.sftp_place(*sshd, tmp_path).open()
    level = storage.listdir("")
    assert sorted(level.folders) == ["folder", "real"]
    assert level.files == {"file": storage.stat("real/x")}
    assert storage.read("folder/x") == b"content"


def test_a_wrong_key_and_a_server_that_is_not_there(sshd: tuple[Path, int], tmp_path: Path) -> None:
    root = places.sftp_place(*sshd, tmp_path).root
    with pytest.raises(AccessError, match=r"Authentication.*Look at the connection with the credentials of sftp://"):
        open_storage(root, lambda: places.sftp_client(*sshd, key="other_key")).listdir("")
    port = servers.free_port()
    with pytest.raises(StorageError, match="run it again later"):
        open_storage(root, lambda: places.sftp_client(sshd[0], port)).listdir("")


def test_without_a_connection_only_known_hosts_are_trusted(
    sshd: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, port = sshd
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / ".ssh").mkdir()
    shutil.copy(keys / "user_key", tmp_path / ".ssh/id_ed25519")
    root = f"sftp://{getpass.getuser()}@127.0.0.1:{port}{tmp_path}"
    with pytest.raises(AccessError, match=r"not found in known_hosts.*add it to known_hosts"):
        open_storage(root).listdir("")
    known = (keys / "host_key.pub").read_text()
    (tmp_path / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{port} {known}")
    storage = open_storage(root)
    put(storage, "x", b"1")
    assert (tmp_path / "x").read_bytes() == b"1"
    other = (keys / "other_key.pub").read_text()
    (tmp_path / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{port} {other}")
    with pytest.raises(AccessError, match="BadHostKey"):
        open_storage(root).listdir("")


def test_a_server_whose_disk_is_full_is_noticed(sshd: tuple[Path, int], tmp_path: Path) -> None:
    import subprocess

    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        storage = places.sftp_place(*sshd, disk).open()
        with pytest.raises(StorageError, match="Look whether the server's disk is full"):
            put(storage, "x", NOISE)
        assert everything(storage) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)
