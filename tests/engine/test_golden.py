"""The archives of the golden cases are equal to what the original layer draws, and bad layers are refused as asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from airflow_savemasks.__main__ import main
from airflow_savemasks.engine import native
from airflow_savemasks.engine.errors import SettingsError
from airflow_savemasks.engine.settings.layer import parse_layer

GOLDEN = Path(__file__).parents[1] / "golden"
ELSEWHERE = Path(__file__).parents[3] / "shared" / "golden"  # has one more case, which may not be shipped
CASES = sorted(path for path in GOLDEN.iterdir() if (path / "layer.json").is_file())
LEMONS = ELSEWHERE / "real_lemons"
CONFIGS = json.loads((GOLDEN / "config_cases.json").read_text("utf-8"))["cases"]

sys.path.insert(0, str(GOLDEN))
import compare  # noqa: E402  # a script beside the cases


def expected_of(case: Path) -> Path:
    """Where a case has two, this project's is the one in which the settings' colors win."""
    by_class = case / "expected_class"
    return by_class if by_class.is_dir() else case / "expected"


def export_case(case: Path, team_files: Path, *more: str) -> Path:
    graph = (case / "projects").is_dir()
    where = ["--projects", str(case / "projects")] if graph else ["--source", str(case / "project")]
    assert main([str(case / "layer.json"), *where, "--team-files", str(team_files), *more]) == 0
    (archive,) = team_files.glob("*.tar")
    return archive


def test_all_cases_are_here() -> None:
    assert len(CASES) == 31


@pytest.mark.parametrize("kernels", ["compiled", "without"])
@pytest.mark.parametrize("case", [*CASES, LEMONS], ids=lambda case: case.name)
def test_a_case_is_equal_to_the_original(
    case: Path, kernels: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if kernels == "without":
        monkeypatch.setattr(native, "library", None)
    elif native.library is None:
        pytest.skip("the kernels are not compiled here")
    if not case.is_dir():
        pytest.skip("real_lemons may not be shipped; it is read from ../shared where that exists")
    archive = export_case(case, tmp_path)
    differs = compare.main([str(expected_of(case)), str(archive)])
    assert not differs, capfd.readouterr().out


@pytest.mark.parametrize("case", CONFIGS, ids=lambda case: case["name"])
def test_a_layer_gets_the_verdict_asked_for(case: dict[str, object]) -> None:
    if case["valid"] is False:
        with pytest.raises(SettingsError) as refused:
            parse_layer(case["config"])
        assert refused.value.problem
        assert refused.value.fix
    elif case["valid"] is True:
        parse_layer(case["config"])
    else:  # either: no crash of another kind
        try:
            parse_layer(case["config"])
        except SettingsError:
            pass


def test_the_comparison_itself_sees_a_changed_pixel(tmp_path: Path) -> None:
    archive = export_case(GOLDEN / "readme_example", tmp_path)
    data = bytearray(archive.read_bytes())
    at = data.rindex(b"IDAT") + 20
    data[at] ^= 1
    archive.write_bytes(data)
    assert compare.main([str(GOLDEN / "readme_example" / "expected"), str(archive)]) == 1
