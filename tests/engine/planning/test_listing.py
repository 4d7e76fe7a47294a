"""Items are listed in the order of the archive, each in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_savemasks.engine.errors import ProjectError
from airflow_savemasks.engine.planning.listing import list_items
from airflow_savemasks.engine.project.remarks import Remarks
from tests.engine.samples import job_of, make_project


def test_items_come_in_the_order_in_which_they_are_merged(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", items=12, dataset="b")
    for dataset in ("a", "a/datasets/z", "a b"):
        make_project(project, items=3, dataset=dataset)
    places = [one.origin.place for one in list_items(job_of(project), Remarks())]
    assert places == sorted(places)
    assert [place[0] for place in places][::3][:4] == [("a",), ("a", "z"), ("a b",), ("b",)]


@pytest.mark.parametrize("name", ["..", "a/../b", ".", "a//b"])
def test_a_dataset_whose_name_leads_out_of_its_place_is_refused(tmp_path: Path, name: str) -> None:
    job = job_of(make_project(tmp_path / "project", items=1))
    job.inputs[0].source.datasets = lambda: [name]  # type: ignore[method-assign]
    with pytest.raises(ProjectError, match="cannot be the name of a file or folder"):
        list(list_items(job, Remarks()))
