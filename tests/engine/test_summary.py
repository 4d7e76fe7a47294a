"""What a result says of an export: the two lines for a chat, stages, sources, classes, the manifest's digest."""

from __future__ import annotations

import json
import logging
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from airflow_savemasks.engine import progress
from airflow_savemasks.engine.progress import STAGES
from airflow_savemasks.engine.publish import result as results
from airflow_savemasks.engine.summary import LONGEST, summary
from tests.engine.samples import add_item, make_project, run

RESULT = {
    "archive": "/out/space.tar",
    "items": {"rendered": 890, "reused": 10, "skipped": 0},
    "unchanged": False,
    "bytes": 3_100_000_000,
    "stages": {"plan": 0.3, "render": 50.0, "publish": 1.7},
    "skipped": [],
    "warnings": [],
    "unannotated": 0,
    "orphans": 0,
}


def test_the_first_line_has_the_figures_and_the_second_one_the_place() -> None:
    first, second = summary(RESULT).split("\n")
    assert first == "Exported 900 items, 890 rendered, 10 reused, 3.1 GB, 52.0 s, 17.8 images/s"
    assert second == "/out/space.tar"
    same = {**RESULT, "items": {"rendered": 0, "reused": 900, "skipped": 0}, "unchanged": True}
    assert summary(same).split("\n")[0] == "Looked at 900 items, nothing changed, 3.1 GB, 52.0 s"


def test_the_second_line_has_the_link_where_there_is_one_and_what_is_remarkable() -> None:
    result = {
        **RESULT,
        "link": "https://instance/files/7",
        "skipped": [{"item": "ds0/b.png", "reason": "does not decode"}, {"item": "ds0/c.png", "reason": "x"}],
        "warnings": ["2 classes share a colour"],
        "unannotated": 3,
        "orphans": 1,
    }
    assert summary(result).split("\n")[1] == (
        "https://instance/files/7 - 2 skipped, first ds0/b.png: does not decode - 1 warning, first: 2 classes share a "
        "colour - 3 without an annotation - 1 annotations without a picture"
    )


def test_it_is_two_lines_whatever_projects_call_their_items() -> None:
    odd = [{"item": "a\nb\u2028c" * 1000, "reason": "line\r\nend"}]
    lines = summary({**RESULT, "archive": "/out/a\nb.tar", "skipped": odd}).splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= LONGEST
    assert lines[1].startswith("/out/a b.tar - 1 skipped, first a b c")


def test_a_result_has_stages_sources_classes_and_the_digest_of_its_manifest(tmp_path: Path) -> None:
    project = make_project(tmp_path / "p", items=5)
    add_item(project, "0009.png", 9)
    size = sum(file.stat().st_size for file in (project / "ds0").rglob("*") if file.is_file())
    for unchanged in (False, True):
        result = run(project, tmp_path / "out")
        assert result["unchanged"] is unchanged
        assert tuple(result["stages"]) == STAGES
        assert 0 < sum(result["stages"].values()) <= result["seconds"] + 1
        assert result["sources"] == [{"uri": str(project), "items": 6, "bytes": size}]
        assert result["manifest_sha256"] == sha256(Path(result["manifest"]).read_bytes()).hexdigest()
        assert (result["classes"], result["class_count"]) == ({"leaf": 6, "box": 6}, 2)
        assert len(result["summary"].splitlines()) == 2
        json.dumps(result)


def test_of_many_classes_those_on_the_most_items_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "MOST_CLASSES", 2)
    classes = [{"name": name, "items": count} for name, count in (("a", 1), ("b", 0), ("c", 5), ("d", 3))]
    assert results.classes_of({"classes": classes}) == {"classes": {"c": 5, "d": 3}, "class_count": 3}


@pytest.mark.parametrize("interval", [5.0, 0.0])
def test_the_log_at_info_is_a_start_line_one_each_few_seconds_and_an_end_line(
    tmp_path: Path, interval: float, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else there is to be told: a packed source, a killed try's remains, a lease that is taken over."""
    monkeypatch.setattr(progress.Progress.__init__, "__defaults__", (None, interval))
    caplog.set_level(logging.DEBUG, "airflow_savemasks")
    project = make_project(tmp_path / "p", items=4)
    first = run(project, tmp_path / "out")
    add_item(project, "0009.png", 9)
    caplog.clear()
    result = run(project, tmp_path / "out")
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    archive = f"{tmp_path}/out/export.tar"
    assert said[0] == f"{archive}: 5 items, 4 of them finished already"
    assert said[-1] == progress.outcome_line(result)
    assert said[-1].startswith(f"{archive}: 5 items, 1 rendered, 4 reused, ")
    between: list[Any] = said[1:-1]
    assert len(between) == (0 if interval else 1)
    assert all(line.startswith("5/5 items, ") for line in between)
    assert first["archive"] == archive


def test_nothing_else_of_the_package_logs_at_info() -> None:
    package = Path(progress.__file__).parents[1]
    found = [file.name for file in package.rglob("*.py") if "log.info(" in file.read_text("utf-8")]
    assert sorted(found) == ["clean.py", "progress.py"]  # the list that CleanOperator makes is its result
