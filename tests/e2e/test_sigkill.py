"""SIGKILL at a random part, again and again: never a partial archive, always the same bytes in the end.

The process is the shell, killed for real; the storage is a folder. tests/storages does the like with S3.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from airflow_savemasks.engine.archive.verify import verify
from airflow_savemasks.engine.storage.folder import FolderStorage
from tests.engine.option_samples import COLORS, OPTIONS, make_full_project, published
from tests.engine.samples import LAYER, WORK, make_project, run

ROUNDS = 20
MOST_KILLS = 3  # in a round; then the export may end
CODE = """
import sys
import airflow_savemasks.engine.parts.plan as plan
plan.PART_ITEMS = 8
from airflow_savemasks.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def start(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CODE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def receipts(out: Path) -> dict[str, int]:
    """Receipt -> its modification time: rendering the part again would move it."""
    folder = out / WORK
    found = {}
    for file in folder.glob("*.receipt") if folder.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):  # published and removed while it was looked at
            found[file.name] = file.stat().st_mtime_ns
    return found


def items_of(receipt: Path) -> int:
    """How many items a part has."""
    return int(json.loads(receipt.read_bytes().partition(b"\n")[0])["items"])


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    place = tmp_path_factory.mktemp("sigkill")
    (place / "layer.json").write_text(json.dumps(LAYER))
    return [str(place / "layer.json"), "--source", str(make_project(place / "project", items=250))]


@pytest.fixture(scope="module")
def whole(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """SHA-256 of the archive of an undisturbed run."""
    out = tmp_path_factory.mktemp("whole")
    assert start([*words, "--team-files", str(out)]).wait() == 0
    return hashlib.sha256((out / "export.tar").read_bytes()).hexdigest()


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_an_export_killed_again_and_again_ends_with_the_same_archive(
    seed: int, words: list[str], whole: str, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    kills = 0
    while True:
        before = receipts(tmp_path)
        finished = sum(items_of(tmp_path / WORK / name) for name in before)
        wanted = len(before) + chance.randint(1, 8)
        process = start([*words, "--team-files", str(tmp_path)])
        while kills < MOST_KILLS and process.poll() is None and len(receipts(tmp_path)) < wanted:
            time.sleep(0.002)
        if kills < MOST_KILLS and process.poll() is None:
            time.sleep(chance.random() * 0.03)
            process.kill()
        output, _ = process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -9
        kills += 1
        archive, manifest = tmp_path / "export.tar", tmp_path / "export.manifest.json"
        if manifest.exists():
            break  # killed after the last rename: it is published
        if archive.exists():  # published, and killed before the manifest: it is whole all the same
            assert hashlib.sha256(archive.read_bytes()).hexdigest() == whole
        after = receipts(tmp_path)
        assert before.items() <= after.items(), "a part that had a receipt was rendered again, or lost"
    assert kills > 0
    assert hashlib.sha256((tmp_path / "export.tar").read_bytes()).hexdigest() == whole
    if process.returncode == 0:
        items = json.loads(output.splitlines()[-1])["items"]
        assert items["reused"] >= finished
        assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp")]


def test_killed_again_and_again_with_other_options_each_time(tmp_path: Path) -> None:
    """Palettes, shards, volumes, shares, files of labels on one name: in the end just what was asked for last."""
    project = make_full_project(tmp_path / "project", items=50)
    (tmp_path / "layer.json").write_text(json.dumps(COLORS))
    fresh: dict[str, dict[str, bytes]] = {}
    for number in range(4):
        rng = random.Random(number)
        out = tmp_path / f"out{number}"
        *killed, wanted = rng.sample(list(OPTIONS), 4)
        for name in (*killed, wanted):
            (tmp_path / "options.json").write_text(json.dumps(OPTIONS[name]))
            words = [str(tmp_path / "layer.json"), "--source", str(project), "--team-files", str(out)]
            process = start([*words, "--options", str(tmp_path / "options.json")])
            try:
                said = process.communicate(timeout=None if name == wanted else rng.uniform(0.6, 2.0))[1]
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
            else:
                assert process.returncode == 0, (number, name, said)
        if wanted not in fresh:
            run(project, tmp_path / wanted, COLORS, **OPTIONS[wanted])
            fresh[wanted] = published(FolderStorage(tmp_path / wanted))
        assert published(FolderStorage(out)) == fresh[wanted], (number, killed, wanted)
        assert run(project, out, COLORS, **OPTIONS[wanted], keep_parts_days=0)["unchanged"]
        assert not (out / WORK).exists(), "what the others left outlives its days"
        verify(FolderStorage(out), "export")
