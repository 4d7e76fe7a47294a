"""The sdist is the repository: its tests run from it, and it gives the same wheels."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, copy_of_checkout, make_wheels

PYTHON = ROOT / ".venv/bin/python"  # of `make .venv/installed`: the tests need Airflow
FOLDERS = ["engine", "airflow", "standin", "hostile", "storages", "contract", "readers", "e2e", "browser", "packaging"]


def pytest_in(unpacked: Path, python: Path | str, *words: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(python), "-m", "pytest", *words]
    done = subprocess.run(command, cwd=unpacked, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_of_the_repository_is_in_it_and_nothing_else(unpacked: Path, checkout: Path) -> None:
    there = {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}
    packed = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert packed - there == {"PKG-INFO"}
    assert there - packed == set()


def test_what_lies_about_in_the_checkout_does_not_come_along(tmp_path: Path) -> None:
    """As the licences of an environment in a folder that nothing ignores: names count from the root only."""
    other = copy_of_checkout(tmp_path / "checkout")
    for name in ("LICENSE", "README.md", "tests/test_other.py"):
        (other / "stray" / name).parent.mkdir(parents=True, exist_ok=True)
        (other / "stray" / name).write_text("")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(words, cwd=other, check=True, capture_output=True)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        assert [name for name in archive.getnames() if "stray" in name] == []


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON.exists(), reason="make .venv/installed")
def test_all_its_tests_can_be_collected(unpacked: Path) -> None:
    folders = [f"tests/{name}" for name in FOLDERS if name not in {"packaging", "browser", "readers"}]
    said = pytest_in(unpacked, PYTHON, "--collect-only", *folders)
    assert int(said.strip().splitlines()[-1].split()[0]) > 3000


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON.exists(), reason="make .venv/installed")
def test_its_tests_of_the_engine_run(unpacked: Path) -> None:
    """What make fast runs of the engine, but for what takes long; the package is the unpacked one."""
    words = ["-n", "2", "tests/engine/test_golden.py", "tests/engine/test_golden_extras.py", "tests/engine/native"]
    words += ["tests/engine/archive", "tests/engine/settings", "tests/engine/project", "tests/engine/image"]
    said = pytest_in(unpacked, PYTHON, *words)
    assert int(said.strip().splitlines()[-1].split()[0]) > 500


def test_a_wheel_built_from_it_is_the_one_that_is_published(unpacked: Path, dist: Path, tmp_path: Path) -> None:
    platform = "manylinux2014_x86_64"
    again = make_wheels(unpacked, tmp_path / "dist", platform)
    (wheel,) = again.glob("*.whl")
    assert wheel.read_bytes() == (dist / wheel.name).read_bytes()


@pytest.mark.slow
def test_pip_installs_it_with_the_compiler_that_is_there(unpacked: Path, dist: Path, tmp_path: Path) -> None:
    """As on a platform without a wheel: pip makes an environment for hatchling, and compiles with cc."""
    (sdist,) = dist.glob("*.tar.gz")
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    words = [
        str(tmp_path / "env/bin/python"),
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "-w",
        str(tmp_path),
        str(sdist),
    ]
    subprocess.run(words, check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    assert "-py3-none-linux_" in wheel.name
