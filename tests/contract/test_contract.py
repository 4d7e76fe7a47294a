"""The stand-in is faithful: the real SDK gets from it what it would get from an instance.

The SDK (`supervisely` 6.74) cannot be installed beside Airflow, so these tests start the interpreter that the
environment variable SUPERVISELY_PYTHON names (an environment with the SDK in it) and are skipped without it.
Known limits of the SDK, met on the way:

* it appends the extension of the MIME type to a name with another one (`scan.tif` -> `scan.tif.tiff`);
* `cuboid` figures break it, so the case with cuboids is not downloaded with it;
* alpha masks are fetched only if a class of the project has the shape `alpha_mask`.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.standin.coordinates import to_server
from tests.standin.records import Project
from tests.standin.server import StandIn

Json = dict[str, Any]
GOLDEN = Path(os.environ.get("SAVEMASKS_GOLDEN", Path(__file__).parents[1] / "golden"))
PYTHON = os.environ.get("SUPERVISELY_PYTHON")
# Left out: `cuboids_obb_multipolygon` (cuboids break the SDK) and cases which add no shape and no coding.
CASES = (
    "exif_rotated",
    "mixed",
    "nested_datasets",
    "tags_ids_extras",
    "alpha_masks",
    "names",
    "graph_plain",
    "any_shape",
    "bitmap_borders",
    "bitmap_encodings",
    "cuboid_2d",
    "empty_and_missing",
    "float_coordinates",
    "lines_points",
    "old_annotation_names",
    "picture_formats",
    "polygons",
    "polygons_borders",
    "rectangles",
    "tiny_and_thin",
)
EXAMPLES = 500
pytestmark = [
    pytest.mark.skipif(not PYTHON, reason="SUPERVISELY_PYTHON does not name an interpreter with the Supervisely SDK"),
    pytest.mark.skipif(not GOLDEN.is_dir(), reason="there are no golden cases"),
]


# One process of the SDK runs all of these: it needs many seconds to start.
CHECKS = {
    "download_project": CASES,
    "download_project_async": ("mixed", "nested_datasets", "alpha_masks", "names"),
    "project_info": CASES,
    "dataset_tree": CASES,
    "image_list": CASES,
    "image_bytes": ("exif_rotated", "picture_formats"),
    "annotation_batch": ("mixed", "tags_ids_extras", "alpha_masks"),
    "team_files": (),
    "team_files_async": (),
    "wrong_token": ("names",),
    "pixel_coordinates": (),
}


@dataclass
class Sdk:
    """The SDK in its own process, with a stand-in that holds the golden projects."""

    server: StandIn
    projects: dict[str, Project]
    work: Path

    def drive(self, checks: Mapping[str, tuple[str, ...]]) -> dict[str, Json]:
        """Run checks of `drive_sdk.py`, each with the cases named, and return the line that each has printed."""
        instance = self.server.instance
        job = {
            "address": self.server.address,
            "token": self.server.token,
            "team_id": instance.team.id,
            "workspace_id": instance.workspace.id,
            "work": str(self.work),
            "compare": str(GOLDEN),
            "checks": checks,
            "projects": [self.describe(project) for project in self.projects.values()],
        }
        path = self.work / "job.json"
        path.write_text(json.dumps(job))
        script = Path(__file__).with_name("drive_sdk.py")
        command = [str(PYTHON), str(script), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"check"')]
        assert [line["check"] for line in lines] == list(checks), done.stdout + done.stderr
        return {line["check"]: line for line in lines}

    def describe(self, project: Project) -> Json:
        """Return what the checks have to know about a project."""
        instance = self.server.instance
        datasets = {item.id: item for item in instance.datasets.values() if item.project_id == project.id}
        images = instance.images_of(datasets)
        return {
            "id": project.id,
            "name": project.name,
            "source": str(GOLDEN / project.name / "project"),
            "datasets": ["/".join(item.path) for item in datasets.values()],
            "images": ["/".join([*datasets[image.dataset_id].path, image.name]) for image in images],
        }


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sdk]:
    with StandIn(page_size=2) as server:
        projects = {case: server.instance.add_project(GOLDEN / case / "project", name=case) for case in CASES}
        yield Sdk(server, projects, tmp_path_factory.mktemp("sdk"))


@pytest.fixture(scope="module")
def lines(sdk: Sdk) -> dict[str, Json]:
    (sdk.work / "coordinates.json").write_text(json.dumps(coordinate_pairs()))
    return sdk.drive(CHECKS)


def held(line: Json) -> Json:
    assert line["ok"], f"{line['check']}: {line['detail']}"
    return line


def test_a_downloaded_project_means_the_same_as_the_folder_it_was_loaded_from(sdk: Sdk, lines: dict[str, Json]) -> None:
    assert held(lines["download_project"])["pictures"] == len(sdk.server.instance.images)


def test_the_sdk_turns_every_server_annotation_back_into_the_pixels_it_was_made_from(lines: dict[str, Json]) -> None:
    assert held(lines["pixel_coordinates"])["annotations"] >= EXAMPLES


@pytest.mark.parametrize("check", [name for name in CHECKS if name not in {"download_project", "pixel_coordinates"}])
def test_the_sdk_is_content_with(check: str, lines: dict[str, Json]) -> None:
    held(lines[check])


def test_the_sdk_tries_again_after_two_503_and_after_a_broken_upload(sdk: Sdk) -> None:
    sdk.server.traffic.reset()
    sdk.server.faults.fail(503, method="projects.info", times=2)
    sdk.server.faults.break_upload(at=1 << 20, method="file-storage.upload", times=1)
    lines = sdk.drive({"retry": ("names",), "team_files_async": ()})
    assert held(lines["retry"])["seconds"] >= 3
    assert sdk.server.traffic.statuses("projects.info") == {503: 2, 200: 1}
    held(lines["team_files_async"])
    assert sdk.server.traffic.statuses("file-storage.upload") == {None: 1, 200: 1}


coordinate = st.one_of(st.integers(-40, 60), st.floats(-40, 60, allow_nan=False).map(lambda value: round(value, 3)))
point = st.lists(coordinate, min_size=2, max_size=2)
ring = st.lists(point, min_size=1, max_size=5)
shape = st.one_of(
    st.builds(
        lambda kind, exterior, holes: {
            "geometryType": kind,
            "points": {"exterior": exterior, "interior": holes if kind == "polygon" else []},
        },
        st.sampled_from(["polygon", "line", "point"]),
        ring,
        st.lists(ring, max_size=2),
    ),
    st.builds(
        lambda first, second: {"geometryType": "rectangle", "points": {"exterior": [first, second], "interior": []}},
        point,
        point,
    ),
    st.builds(
        lambda first, second: {"geometryType": "oriented_bbox", "points": [first, second], "angle": 0.5}, point, point
    ),
    st.builds(
        lambda exterior, hole: {"geometryType": "multipolygon", "parts": [{"exterior": exterior, "interior": [hole]}]},
        ring,
        ring,
    ),
    st.builds(
        lambda points: {
            "geometryType": "graph",
            "nodes": {str(number): {"loc": loc} for number, loc in enumerate(points)},
        },
        ring,
    ),
    st.builds(
        lambda kind, origin: {"geometryType": kind, "bitmap": {"origin": origin, "data": ""}},
        st.sampled_from(["bitmap", "alpha_mask"]),
        point,
    ),
)
annotation = st.builds(
    lambda width, height, figures: {"size": {"width": width, "height": height}, "tags": [], "objects": figures},
    st.integers(1, 50),
    st.integers(1, 50),
    st.lists(shape, min_size=1, max_size=6),
)


def floored(value: Any) -> Any:
    """Return the meaning of coordinates on disk: every number below is rounded down."""
    if isinstance(value, list):
        return [floored(item) for item in value]
    return math.floor(value) if isinstance(value, (int, float)) else value


def meaning(figure: Json) -> Json:
    """Return an object with its pixels spelled out: floored, the corners of boxes sorted."""
    result = dict(figure)
    kind = figure["geometryType"]
    if kind in {"rectangle", "oriented_bbox"}:
        corners = figure["points"]["exterior"] if kind == "rectangle" else figure["points"]
        across, down = zip(*floored(corners), strict=True)
        box = [[min(across), min(down)], [max(across), max(down)]]
        result["points"] = {"exterior": box, "interior": []} if kind == "rectangle" else box
    elif "points" in figure:
        result["points"] = {key: floored(points) for key, points in figure["points"].items()}
    elif "parts" in figure:
        result["parts"] = [{key: floored(points) for key, points in part.items()} for part in figure["parts"]]
    elif "nodes" in figure:
        result["nodes"] = {key: {"loc": floored(node["loc"])} for key, node in figure["nodes"].items()}
    else:
        result["bitmap"] = {**figure["bitmap"], "origin": floored(figure["bitmap"]["origin"])}
    return result


def coordinate_pairs() -> list[Json]:
    """Return generated annotations in the server's form, each with the pixels that the SDK must find in it."""
    pairs: list[Json] = []

    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(annotation)
    def collect(source: Json) -> None:
        pixels = {**source, "objects": [meaning(figure) for figure in source["objects"]]}
        pairs.append({"server": to_server(source), "pixels": pixels})

    collect()
    return pairs
