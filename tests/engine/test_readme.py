"""The shell commands of the README run as they stand there, and its table of options is that of the model."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.samples import LAYER, exported, layer, make_project
from tests.tools import options_table

README = Path(__file__).parents[2] / "README.md"
COMMANDS = re.findall(r"^\$ python (-m airflow_savemasks .+)$", README.read_text("utf-8"), re.MULTILINE)
DATA = {"action": "data", "src": ["Fruits"], "dst": "$data_1", "settings": {}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands speak of: projects, layers, an archive to verify."""
    folder = tmp_path_factory.mktemp("readme")
    for name in ("lemons", "a", "b", "projects/Fruits"):
        make_project(folder / name)
    both = {"classes_mapping": "default", "tags_mapping": "default"}
    (folder / "graph.json").write_text(json.dumps([{**DATA, "settings": both}, layer(dst="fruits")]))
    (folder / "options.json").write_text(json.dumps({"on_bad_item": "skip", "limits": {"labels": 200_000}}))
    return folder


def test_the_table_of_options_is_that_of_their_model() -> None:
    found, expected = options_table.of_readme(README.read_text("utf-8")), options_table.table()
    assert found == expected, f"Run python tests/tools/options_table.py; it should be\n{expected}"


def test_the_readme_has_commands() -> None:
    assert len(COMMANDS) >= 5


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_readme_runs(command: str, place: Path) -> None:
    src = [f"$data_{number}" for number in range(1, max(1, command.count("--source")) + 1)]
    (place / "layer.json").write_text(json.dumps({**LAYER, "src": src, "dst": "lemons"}))
    done = subprocess.run(
        [sys.executable, *shlex.split(command)], cwd=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    if " list " in command:
        assert len(done.stdout.splitlines()) >= 3
        return
    result = json.loads(done.stdout.splitlines()[-1])
    if " show " in command:
        assert (place / result["out"]).is_file()
    else:
        assert (exported(result) if isinstance(result["items"], dict) else result["items"]) >= 4
