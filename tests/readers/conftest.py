"""Archives that other people's packages read: one project with odd names, exported in each way."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.engine.samples import add_item, annotation, layer, make_project, run

COLORS = {"leaf": [0, 255, 0], "box": [255, 0, 0]}  # shown colours
NAMES = (
    *".hidden.png Photo.JPG a.b.jpg a_b.png photo.v2.bmp photo.v2.jpeg x.jpg x.png x_1.jpg".split(),
    "A b, c's \"d\".PNG", "ends in a dot..png", "Кот 🐈.Png", "q" * 200 + ".png", "__x__.png", "100%.tar.png",
)  # fmt: skip
DATASETS = ("ds0", "ds0/night.v1", "ds0/night.v1/a b", "__y", "..z")
EVERYTHING: dict[str, Any] = {
    "machine_png": "palette", "instances": "ids", "semantic": True, "human": {"format": "jpeg"}, "class_maps": True,
}  # fmt: skip


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every name in every dataset, each with labels; and one picture without an annotation."""
    root = make_project(tmp_path_factory.mktemp("readers") / "project", items=0)
    for number, dataset in enumerate(DATASETS):
        folder = dataset.replace("/", "/datasets/")
        for kind in ("img", "ann"):
            (root / folder / kind).mkdir(parents=True, exist_ok=True)
        for place, name in enumerate(NAMES):
            add_item(root, name, 100 * number + place, folder)
    (root / "ds0/ann/x.png.json").unlink()
    return root


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One picture with 300 labels, which lie over each other."""
    root = make_project(tmp_path_factory.mktemp("small") / "project", items=0)
    objects = [one for seed in range(150) for one in annotation(seed)["objects"]]
    add_item(root, "many.png", 1, objects=objects)
    return root


@pytest.fixture(scope="session")
def exported(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """Exports the project anew, with the options that are given; the result."""

    def export(root: Path = project, **options: Any) -> dict[str, Any]:
        return run(root, tmp_path_factory.mktemp("out"), layer(gt_human_color=COLORS), **options)

    return export


@pytest.fixture(scope="session")
def shards(exported: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """The result of an export of everything as several shards."""
    split = {"shares": [["train", 0.7], ["val", 0.3]], "by": "dataset", "seed": "5"}
    return exported(**EVERYTHING, layout="webdataset", volume_size=100_000, split=split)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def served(shards: dict[str, Any]) -> Iterator[str]:
    """The address of a server on loopback which has the shards."""
    if shutil.which("curl") is None:
        pytest.skip("webdataset reads URLs by curl, which is not installed")
    folder = Path(shards["archive"]).parent
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def index_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of an archive's index."""
    return [json.loads(line) for line in Path(result["index"]).read_text("utf-8").splitlines()]
