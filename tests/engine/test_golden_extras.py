"""More masks: the archives of the golden cases are equal to what the SDK draws, and what has to be refused is."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.__main__ import main
from airflow_savemasks.engine import native

GOLDEN = Path(__file__).parents[1] / "golden-extras"
CASES = sorted(path for path in GOLDEN.iterdir() if (path / "options.json").is_file())
VERDICTS = json.loads((GOLDEN / "option_cases.json").read_text("utf-8"))["cases"]

SPEC = importlib.util.spec_from_file_location("compare_extras", GOLDEN / "compare.py")
assert SPEC is not None
assert SPEC.loader is not None
compare = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(compare)


def words_of(case: Path, team_files: Path) -> list[str]:
    graph = (case / "projects").is_dir()
    where = ["--projects", str(case / "projects")] if graph else ["--source", str(case / "project")]
    options = team_files.with_name("options.json")
    options.write_text(json.dumps(json.loads((case / "options.json").read_text())["options"]))
    return [str(case / "layer.json"), *where, "--team-files", str(team_files), "--options", str(options)]


def test_all_cases_are_here() -> None:
    assert len(CASES) == 18


@pytest.mark.parametrize("kernels", ["compiled", "without"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_equal_to_the_original(
    case: Path, kernels: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if kernels == "without":
        monkeypatch.setattr(native, "library", None)
    elif native.library is None:
        pytest.skip("the kernels are not compiled here")
    asked = json.loads((case / "options.json").read_text())
    team_files = tmp_path / "out"
    code = main(words_of(case, team_files))
    said = capfd.readouterr().err
    assert code == asked["exit"], said
    if code:
        assert [text for text in asked["named"] if text not in said] == []
        assert not list(team_files.glob("*"))
        return
    (archive,) = team_files.glob("*.tar")
    differs = compare.main([str(case / "expected"), str(archive), "--options", str(case / "options.json")])
    assert not differs, capfd.readouterr().out
    assert main(["verify", str(archive)]) == 0


@pytest.mark.parametrize("case", VERDICTS, ids=lambda case: case["name"])
def test_options_get_the_verdict_asked_for(
    case: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    layer = {"action": "save_masks", "src": ["$data_1"], "dst": "out", "settings": case["settings"]}
    (tmp_path / "layer.json").write_text(json.dumps(layer))
    (tmp_path / "options.json").write_text(json.dumps(case["options"]))
    project = tmp_path / "project"
    for folder in ("img", "ann"):
        (project / "ds" / folder).mkdir(parents=True)
    meta = {"classes": [{"title": "kiwi", "shape": "polygon", "color": "#A0B000"}], "tags": []}
    (project / "meta.json").write_text(json.dumps(meta))
    words = [str(tmp_path / "layer.json"), "--source", str(project), "--team-files", str(tmp_path / "out")]
    code = main([*words, "--options", str(tmp_path / "options.json")])
    said = capfd.readouterr().err
    # there is no picture, which is found once settings are accepted
    assert (code, "no picture" in said) == ((1, True) if case["valid"] else (2, False)), said
