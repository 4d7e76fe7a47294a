"""`keep` where parts lie elsewhere than the archives."""

from __future__ import annotations

from pathlib import Path

from tests.engine.samples import LAYER, make_project
from tests.instance.test_instance import run_to


def test_an_older_archive_goes_with_the_parts_that_stay_beside_it(server, api, tmp_path: Path) -> None:
    team = server.instance.add_team("masks").id
    project = make_project(tmp_path / "project")
    for day in (1, 2):
        result = run_to(api, team, project, tmp_path / "parts", {**LAYER, "dst": f"x 2026-01-0{day}"}, keep=1)
    assert result["removed"] == [f"supervisely://team/{team}/masks/x 2026-01-01.tar"]
    (left,) = (tmp_path / "parts" / ".parts").iterdir()
    assert left.name.startswith("x 2026-01-02-")
