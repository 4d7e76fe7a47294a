"""The libraries for musl are loaded by musl's own loader on both processors, and give the bytes of glibc's."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or not shutil.which("apt-get"), reason="unpacks Debian's musl"),
]
KERNELS = "airflow_savemasks/engine/native/kernels.so"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def loader(architecture: str, folder: Path) -> Path:
    """musl's loader out of Debian's package, which is unpacked and not installed."""
    ours = ["-o", f"APT::Architecture={architecture}", "-o", f"APT::Architectures={architecture}"]
    ours += [
        "-o",
        f"Dir::State={folder}",
        "-o",
        f"Dir::State::lists={folder}/lists",
        "-o",
        f"Dir::Cache={folder}/cache",
    ]
    ours += ["-o", "APT::Sandbox::User=root"]
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "cache").mkdir()
    subprocess.run(["apt-get", "-qq", *ours, "update"], check=True)
    subprocess.run(["apt-get", "-qq", *ours, "download", "musl"], check=True, cwd=folder)
    (package,) = folder.glob("*.deb")
    subprocess.run(["dpkg", "-x", str(package), str(folder / "root")], check=True)
    return next(path for path in (folder / "root").rglob("libc.so") if path.is_file())


def said_by(dist: Path, platform: str, target: str, folder: Path, before: list[str]) -> str:
    """What load.c, compiled for a target, says of a wheel's library."""
    (wheel,) = dist.glob(f"*{platform}.whl")
    with zipfile.ZipFile(wheel) as archive:
        library = archive.extract(KERNELS, folder)
    program = str(folder / "load")
    compiler = [sys.executable, "-m", "ziglang", "cc", "-target", target, "-dynamic", "-O1", "-o", program]
    subprocess.run([*compiler, str(ROOT / "tests/packaging/load.c"), "-ldl"], check=True)
    done = subprocess.run([*before, program, library], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_musl_loads_the_library_and_the_bytes_are_those_of_glibc(dist: Path, tmp_path: Path, machine: str) -> None:
    emulator = ["qemu-aarch64-static"] if machine == "aarch64" else []
    if emulator and not shutil.which(emulator[0]):
        pytest.skip("apt-get install qemu-user-static")
    before = [*emulator, str(loader(ARCHITECTURES[machine], tmp_path))]
    (tmp_path / "musl").mkdir()
    said = said_by(dist, f"musllinux_1_2_{machine}", f"{machine}-linux-musl", tmp_path / "musl", before)
    (tmp_path / "glibc").mkdir()
    ours = said_by(dist, "manylinux2014_x86_64", "x86_64-linux-gnu.2.17", tmp_path / "glibc", [])
    assert said == ours
    assert len(zlib.decompress(bytes.fromhex(said.split()[1]), wbits=-15)) == 300_000
