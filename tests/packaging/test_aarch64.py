"""The wheel for aarch64 on an emulated aarch64: the kernels' tests pass there, and archives have the bytes of x86_64.

A real Python for arm64 with numpy and OpenCV, run by Debian's qemu-user-static; `.aarch64` of the checkout holds it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.conftest import ROOT, UV

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("qemu-aarch64-static"), reason="apt-get install qemu-user-static"),
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="compares with x86_64"),
]
FOLDER = ROOT / ".aarch64"


def needed() -> list[str]:
    """What the engine needs of what the package asks for, and what its tests do."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [name for name in project["dependencies"] if not name.startswith("apache-airflow")]


@pytest.fixture(scope="module")
def emulated(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of that Python, in whose site-packages the wheel lies."""
    if not (FOLDER / "made").exists():
        shutil.rmtree(FOLDER, ignore_errors=True)
        more = ["pytest", "hypothesis", "jsonschema"]
        subprocess.run([ROOT / "tests/packaging/aarch64.sh", FOLDER, UV, *needed(), *more], check=True)
    unpack(dist, "manylinux2014_aarch64", FOLDER / "site")
    return FOLDER / "python"


@pytest.fixture(scope="module")
def at_home(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel for x86_64, and the same versions of everything."""
    folder = tmp_path_factory.mktemp("x86_64")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder / "env"], check=True)
    words = ["--quiet", "--python", folder / "env/bin/python", "-c", ROOT / "constraints.txt", *needed()]
    subprocess.run([UV, "pip", "install", *words], check=True)
    (site,) = (folder / "env/lib").glob("python*/site-packages")
    unpack(dist, "manylinux2014_x86_64", site)
    return folder / "env/bin/python"


def unpack(dist: Path, platform: str, site: Path) -> None:
    shutil.rmtree(site / "airflow_savemasks", ignore_errors=True)
    (wheel,) = dist.glob(f"*{platform}.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)


def run(python: Path, folder: Path, *words: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    clean |= {"PYTHONPATH": str(FOLDER / "site")} if python == FOLDER / "python" else {}
    done = subprocess.run([str(python), *words], cwd=folder, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_the_kernels_tests_pass_on_aarch64(emulated: Path, unpacked: Path, tmp_path: Path) -> None:
    """All but the one that compiles with sanitizers there, and those that compile."""
    shutil.copytree(unpacked / "tests", tmp_path / "tests")
    shutil.copy(unpacked / "pyproject.toml", tmp_path)
    ask = "import platform; from airflow_savemasks.engine import native; print(platform.machine(), native.identity())"
    machine, kernels = run(emulated, tmp_path, "-c", ask).split()
    assert machine == "aarch64"
    assert kernels != "none"
    words = ["-m", "pytest", "-o", "pythonpath=", "-rs", "tests/engine/native", "tests/engine/geometry/test_bitmap.py"]
    said = run(emulated, tmp_path, *words, "--ignore", "tests/engine/native/test_sanitized.py")
    last = said.strip().splitlines()[-1]
    assert int(re.search(r"(\d+) passed", last)[1]) >= 60, last
    assert "kernels are not compiled" not in said


def test_the_bytes_are_the_same_on_both(
    emulated: Path, at_home: Path, unpacked: Path, tmp_path: Path, record_property: Any
) -> None:
    script = str(unpacked / "tests/packaging/export_goldens.py")
    work = tmp_path / "work"
    said, archives = {}, {}
    for python in (at_home, emulated):
        answer = json.loads(run(python, tmp_path, "-P", script, str(unpacked / "tests"), str(work)))
        said[answer["machine"]] = answer
        archives[answer["machine"]] = {path.parent.name: path.read_bytes() for path in work.rglob("*.tar")}
    ours, theirs = said["x86_64"], said["aarch64"]
    assert ours["kernels"] == theirs["kernels"] != "none"
    assert ours["wrong"] == theirs["wrong"] == []
    assert set(ours["files"]) == set(theirs["files"])
    differ = {name.rpartition("/")[0] for name in ours["files"] if ours["files"][name] != theirs["files"][name]}
    assert differ == set()
    record_property("same", len(ours["files"]))
