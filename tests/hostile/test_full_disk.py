"""A disk that is full at any moment of an export costs that try, and nothing else.

The disk is a real one, of a size of its own: a tmpfs in a mount namespace.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engine.samples import add_item, make_project, run

SMALLEST = 16 << 10  # bytes of the smallest disk
STEPS = 24  # sizes of the disk, from that one to one that is enough
MAY_MOUNT = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]
CODE = """
import hashlib, json, subprocess, sys
from pathlib import Path
from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.errors import SaveMasksError
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.samples import run

disk, project, before, sizes = Path(sys.argv[1]), sys.argv[2], sys.argv[3], json.loads(sys.argv[4])

def resize(size):
    how = ["-o", f"remount,size={size}"] if disk.is_mount() else ["-t", "tmpfs", "-o", f"size={size}", "none"]
    subprocess.run(["mount", *how, str(disk)], check=True)

def there():
    return {path.name: path.read_bytes() for path in disk.glob("export*")}

def digest():
    file = disk / "export.tar"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None

for size in sizes:
    resize(1 << 30)
    if before:
        subprocess.run(["cp", "-a", f"{before}/.", str(disk)], check=True)
    used = sum(path.stat().st_size for path in disk.rglob("*") if path.is_file())
    old = there()
    resize(used + size)
    told = {"size": size, "error": None}
    try:
        run(project, disk)
    except SaveMasksError as error:
        told |= {"error": str(error), "as before": there() == old, "replaced": digest()}
        if old and told["as before"]:
            verify(FolderStorage(disk), "export")
    resize(1 << 30)
    result = run(project, disk)
    verify(FolderStorage(disk), "export")
    told |= {"items": result["items"], "left": sorted(path.name for path in disk.iterdir())}
    told["archive"] = digest()
    print(json.dumps(told), flush=True)
    subprocess.run(["umount", str(disk)], check=True)
"""


def export_on_full_disks(project: Path, before: Path | None, most: int) -> list[dict[str, Any]]:
    """What came of an export on disks that have room for so many bytes more, from few to `most`; each tried again."""
    disk = project.with_name("disk")
    disk.mkdir()
    sizes = [SMALLEST + (most - SMALLEST) * number // (STEPS - 1) for number in range(STEPS)]
    words = [str(disk), str(project), str(before or ""), json.dumps(sizes)]
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", CODE, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(MAY_MOUNT, check=False, capture_output=True).returncode != 0,
    reason="nothing may be mounted here",
)
@pytest.mark.parametrize("again", [False, True])
def test_a_full_disk_costs_a_try_and_nothing_else(tmp_path: Path, again: bool) -> None:
    project = make_project(tmp_path / "project", items=12)
    before = None
    if again:
        before = tmp_path / "before"
        run(project, before)
        add_item(project, "0003.png", seed=99)
    whole = Path(run(project, tmp_path / "fresh")["archive"])
    found = export_on_full_disks(project, before, 3 * whole.stat().st_size)
    assert len(found) == STEPS
    failed = [one for one in found if one["error"]]
    assert len(failed) >= STEPS // 6, "hardly any of these disks was full"
    assert any(one["error"] is None for one in found)
    for one in failed:
        assert "No space left" in one["error"] or "is full" in one["error"], one
        if not one["as before"]:  # all but the manifest, or what comes behind it, found room
            assert one["replaced"] == one["archive"], one
            assert one["items"]["rendered"] == 0, one
    assert sum(not one["as before"] for one in failed) <= 1
    for one in found:
        assert one["archive"] == found[-1]["archive"], one
        assert one["left"] == ["export.index.jsonl", "export.manifest.json", "export.tar"], one
    assert found[0]["archive"] == hashlib.sha256(whole.read_bytes()).hexdigest()
