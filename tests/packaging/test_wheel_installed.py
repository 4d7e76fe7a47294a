"""The wheel in an environment with nothing but Airflow, used from outside of the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, UV

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="installs that wheel"),
]


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder bin of an environment made with the wheel, and what it and constraints.txt bring along."""
    folder = tmp_path_factory.mktemp("empty")
    (wheel,) = dist.glob("*manylinux2014_x86_64.whl")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, str(folder / "env")], check=True)
    words = ["--quiet", "--python", str(folder / "env/bin/python"), "-c", str(ROOT / "constraints.txt"), str(wheel)]
    subprocess.run([UV, "pip", "install", *words], check=True, cwd=folder)
    return folder / "env/bin"


def run(installed: Path, *words: str, **environment: str) -> str:
    """What a command of the environment prints, run in the environment's folder; it has to succeed."""
    home = installed.parents[1]
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AIRFLOW", "VIRTUAL_ENV"))
    }
    clean |= {"AIRFLOW_HOME": str(home / "airflow"), "HOME": str(home), "PATH": f"{installed}:{clean['PATH']}"}
    done = subprocess.run(words, cwd=home, env=clean | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_brings_the_kernels_and_pip_finds_all_that_it_asks_for(installed: Path) -> None:
    ask = "from airflow_savemasks.engine import native; print(native.identity(), native.__file__)"
    kernels, file = run(installed, "python", "-c", ask).split()
    assert kernels != "none"
    assert Path(file).is_relative_to(installed.parent)
    subprocess.run([UV, "pip", "check", "--python", str(installed / "python")], check=True, capture_output=True)


def test_the_command_is_there(installed: Path) -> None:
    assert run(installed, "savemasks", "--version").split()[-1] == "0.1.0"
    assert run(installed, "python", "-m", "airflow_savemasks", "--version").split()[-1] == "0.1.0"


def test_airflow_finds_provider_connections_and_plugin(installed: Path) -> None:
    listed = json.loads(run(installed, "airflow", "providers", "list", "--output", "json"))
    assert {"airflow-savemasks": "0.1.0"}.items() <= {each["package_name"]: each["version"] for each in listed}.items()
    hooks = json.loads(run(installed, "airflow", "providers", "hooks", "--output", "json"))
    assert {"savemasks", "supervisely"} <= {each["connection_type"] for each in hooks}
    assert "savemasks" in run(installed, "airflow", "plugins", "--output", "json")


def test_all_goldens_are_exported_right(installed: Path, unpacked: Path, tmp_path: Path) -> None:
    script = unpacked / "tests/packaging/export_goldens.py"
    said = json.loads(run(installed, "python", "-P", str(script), str(unpacked / "tests"), str(tmp_path / "work")))
    assert Path(said["package"]).is_relative_to(installed.parent)
    assert said["wrong"] == []
    assert len([name for name in said["files"] if name.endswith(".tar")]) == 46


def test_the_environment_is_the_one_that_the_wheel_asks_for(installed: Path, dist: Path) -> None:
    """Nothing of the tests' own tools made the tests pass."""
    ask = "import importlib.metadata as m; print(*sorted(d.name.lower() for d in m.distributions()))"
    names = set(run(installed, "python", "-c", ask).split())
    assert {"airflow-savemasks", "apache-airflow"} <= names
    assert not names & {"pytest", "hypothesis", "moto", "mypy"}
    (wheel,) = dist.glob("*manylinux2014_x86_64.whl")
    with zipfile.ZipFile(wheel) as archive:
        about = archive.read("airflow_savemasks-0.1.0.dist-info/METADATA").decode()
    assert "Provides-Extra: s3" in about
    assert "License-Expression: Apache-2.0" in about
