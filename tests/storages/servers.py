"""Servers for the storage tests, each a process on a free loopback port, stopped by its process id."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TOOLS = Path(os.environ.get("SAVEMASKS_TOOLS") or Path(__file__).parents[2] / ".tools")
INSTALL = "tests/storages/install.sh installs it"
PAGE = 100  # files that S3 lists at once here
PATIENCE = 30.0  # seconds for a server to listen

# Azurite's well-known account
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(words: list[str], port: int, log: Path) -> Iterator[None]:
    """A server from when it listens until the block ends."""
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT, cwd=log.parent)
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, f"{words[0]} does not listen: {log.read_text()}"
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """moto's server; its address."""
    pytest.importorskip("moto.server", reason="moto[server] is not installed")
    port = free_port()
    words = ["env", f"MOTO_S3_DEFAULT_MAX_KEYS={PAGE}", sys.executable, "-m", "moto.server", "-p", str(port)]
    with running(words, port, folder / "moto.log"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def azure_server(folder: Path) -> Iterator[str]:
    """Azurite; a connection string."""
    program = TOOLS / "node_modules/azurite/dist/src/blob/main.js"
    node = shutil.which("node")
    if node is None or not program.exists():
        pytest.skip(f"Azurite is not installed; {INSTALL}")
    port = free_port()
    words = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--skipApiVersionCheck", "--inMemoryPersistence"]
    with running([node, str(program), *words, "--silent"], port, folder / "azurite.log"):
        yield (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};"
            f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
        )


@contextmanager
def gcs_server(folder: Path) -> Iterator[str]:
    """The emulator gcp-storage-emulator; its address."""
    program = TOOLS / "gcs/bin/gcp-storage-emulator"
    if not program.exists():
        pytest.skip(f"gcp-storage-emulator is not installed; {INSTALL}")
    port = free_port()
    words = [str(program), "start", "--host=127.0.0.1", f"--port={port}", "--in-memory"]
    with running(words, port, folder / "gcs.log"):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def sftp_server(folder: Path) -> Iterator[int]:
    """Debian's sshd for this user with the key folder/user_key; its port. folder/host_key is the host's key."""
    program = Path("/usr/sbin/sshd")
    if not program.exists():
        pytest.skip(f"sshd is not installed; {INSTALL}")
    for name in ("host_key", "user_key", "other_key"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(words, check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd wants it for its unprivileged part
    port = free_port()
    config = folder / "sshd_config"
    config.write_text(
        f"""Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
"""
    )
    with running([str(program), "-D", "-e", "-f", str(config)], port, folder / "sshd.log"):
        yield port
