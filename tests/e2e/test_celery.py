"""CeleryExecutor, Redis, PostgreSQL, two workers, one of them killed in the middle: the right archive all the same."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.e2e.services import Services, find, wait_for
from tests.engine.samples import LAYER, WORK, annotation, exported, make_project, run

MISSING = [name for name in ("redis-server", "initdb", "postgres", "createdb") if find(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING} (Debian: redis-server, postgresql)")
SIZE = 2400, 3600  # height, width: large enough for a batch to take seconds, and smooth, so that the disk can hold it


def make_large_project(root: Path, items: int) -> Path:
    make_project(root, items=0)
    rng = np.random.default_rng(3)
    for number in range(items):
        picture = root / f"ds0/img/{number:04d}.jpg"
        if number < 8:
            coarse = rng.integers(0, 256, (SIZE[0] // 40, SIZE[1] // 40, 3), np.uint8)
            pixels = cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_LINEAR)
            cv2.imwrite(str(picture), pixels, [cv2.IMWRITE_JPEG_QUALITY, 97])
        else:
            picture.hardlink_to(root / f"ds0/img/{number % 8:04d}.jpg")
        labels = annotation(number, width=SIZE[1], height=SIZE[0])
        (root / f"ds0/ann/{number:04d}.jpg.json").write_text(json.dumps(labels))
    return root


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAVEMASKS_E2E", str(tmp_path))
    (tmp_path / "layer.json").write_text(json.dumps(LAYER))
    make_large_project(tmp_path / "project", items=160)
    dags = tmp_path / "dags"
    shutil.copytree(Path(__file__).parent / "dags", dags, ignore=shutil.ignore_patterns("__pycache__"))
    running = Services(tmp_path / "home", dags)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def test_a_killed_worker_costs_only_what_it_had_not_finished(services: Services, tmp_path: Path) -> None:
    place = services.trigger("wide_export")
    parts = services.home / "team_files" / WORK

    def tasks() -> list[dict[str, Any]]:
        return services.call("GET", f"{place}/taskInstances?limit=100")["task_instances"]

    def running_on(name: str) -> bool:
        hosts = [str(ti) for ti in tasks() if ti["task_id"] == "save_masks.render" and ti["state"] == "running"]
        return len(hosts) >= 2 and len(list(parts.glob("*.receipt"))) >= 2

    wait_for("rendering on the workers", lambda: running_on("w1"), 180)
    services.kill("w1")
    killed_at = time.monotonic()
    kept = {path.name: path.stat().st_mtime_ns for path in parts.glob("*.receipt")}

    def ended() -> bool:
        return services.call("GET", place)["state"] in ("success", "failed")

    seen: dict[str, int] = {}

    def watch() -> bool:
        for path in parts.glob("*.receipt") if parts.is_dir() else ():
            try:
                seen[path.name] = path.stat().st_mtime_ns
            except FileNotFoundError:
                continue  # assembled and removed while we looked
        return ended()

    wait_for("the end of the run", watch, 420)
    assert services.call("GET", place)["state"] == "success", tasks()
    retried = [ti for ti in tasks() if ti["try_number"] > 1]
    assert retried, "the worker was killed too late to matter"
    assert all(ti["task_id"] == "save_masks.render" for ti in retried)
    assert all(seen[name] == modified for name, modified in kept.items()), "a finished part was rendered again"
    entry = services.call("GET", f"{place}/taskInstances/save_masks.assemble/xcomEntries/return_value")
    result = entry["value"] if isinstance(entry["value"], dict) else json.loads(entry["value"])
    assert exported(result) == 160
    alone = run(tmp_path / "project", tmp_path / "alone")
    digests = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in (result["archive"], alone["archive"])]
    assert digests[0] == digests[1]
    print(f"{len(retried)} of {len(tasks())} tasks were retried, {time.monotonic() - killed_at:.0f} s after the kill")
