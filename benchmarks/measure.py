"""Running a side in a process of its own, and what else the steps share. Seconds, bytes, pixels throughout."""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import environments
from environments import HERE, WORK

Json = dict[str, Any]

PROJECTS, SCRATCH, CODE = WORK / "projects", WORK / "out", WORK / "code"
PACKAGE = "airflow_savemasks"
OUR_LIBRARIES = ("airflow-savemasks", "numpy", "opencv-python-headless", "isal", "orjson")
SIDES = ("ours", "layer", "layer on all cores", "app")
QUIET = 0.1  # cores that may be busy on a quiet machine
patience = 0.0  # seconds to wait for it before each run


@dataclass(frozen=True, slots=True)
class Project:
    """A benchmark project on disk; facts: see make_project.Facts."""

    folder: Path
    facts: Json

    @property
    def config(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.layer.json")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def project(name: str, profile: str, images: int, *options: str) -> Project:
    """The project `name`, made unless it is there already with the same options."""
    folder = PROJECTS / name
    facts = folder.with_name(f"{name}.facts.json")
    wanted = folder.with_name(f"{name}.options.json")
    options_now = json.dumps([profile, images, *options])
    if not facts.exists() or not wanted.exists() or wanted.read_text() != options_now:
        say(f"making the project {name}: {images} images")
        shutil.rmtree(folder, ignore_errors=True)
        facts.unlink(missing_ok=True)
        PROJECTS.mkdir(parents=True, exist_ok=True)
        words = [environments.python_of("photos"), str(HERE / "make_project.py"), str(folder)]
        subprocess.run([*words, "--profile", profile, "--images", str(images), *options], check=True)
        wanted.write_text(options_now)
    return Project(folder, json.loads(facts.read_text()))


def warm(target: Project) -> None:
    """Read every file of a project once, so that all sides find it in the page cache."""
    for path in target.folder.rglob("*"):
        if path.is_file():
            path.read_bytes()


def run_ours(target: Project, *options: str, out: Path | None = None) -> Json:
    """One export of ours in a fresh process; see ours.py. out: a folder that stays, instead of the scratch folder."""
    words = [sys.executable, str(HERE / "ours.py"), str(target.folder), str(out or SCRATCH / "ours")]
    return run([*words, "--config", str(target.config), *options])


def run_peer(side: str, target: Project) -> Json:
    """One export with a peer's steps in a fresh process, or in as many as there are cores; see peers.py."""
    steps, _, on_all_cores = side.partition(" ")
    words = [environments.python_of("sdk"), str(HERE / "peers.py"), steps, str(target.folder)]
    words += [str(SCRATCH / f"{steps}.tar"), "--config", str(target.config)]
    return run([*words, "--processes", str(len(os.sched_getaffinity(0)))] if on_all_cores else words)


def run_side(side: str, target: Project) -> Json:
    return run_ours(target) if side == "ours" else run_peer(side, target)


def run(words: Sequence[str]) -> Json:
    """Run a command that prints JSON on a clean scratch folder and a disk without waiting writes.

    Its JSON, and others_busy: how many cores other processes kept busy meanwhile.
    """
    shutil.rmtree(SCRATCH, ignore_errors=True)
    SCRATCH.mkdir(parents=True)
    os.sync()
    paths = {"PYTHONPATH": str(CODE), "TMPDIR": str(SCRATCH)}
    wait_for_quiet()
    before, ours_before, began = busy_seconds(), cpu_of_children(), time.monotonic()
    done = subprocess.run(words, env=os.environ | paths, capture_output=True, text=True, check=False)
    wall, own = time.monotonic() - began, cpu_of_children() - ours_before
    others = max(0.0, busy_seconds() - before - own) / wall
    shutil.rmtree(SCRATCH, ignore_errors=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    out: Json = json.loads(done.stdout.splitlines()[-1])
    return out | {"others_busy": round(others, 2)}


def busy_seconds() -> float:
    """CPU seconds that the whole machine has worked since it started, waiting for the host included; 0 if unknown."""
    path = Path("/proc/stat")
    if not path.exists():
        return 0.0
    user, nice, system, _, _, irq, softirq, steal, *_ = map(int, path.read_text().split()[1:11])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def cpu_of_children() -> float:
    """CPU seconds of the processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def wait_for_quiet() -> None:
    """Wait until the machine does little else, for `patience` seconds at most."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        before = busy_seconds()
        time.sleep(1)
        if busy_seconds() - before < QUIET:
            return


def middle(rounds: Sequence[Json], key: str) -> float:
    """The median of a key over rounds."""
    return median(float(entry[key]) for entry in rounds)


def take_code() -> None:
    """Copy this project's code: it may be worked on while it is measured, and all steps of a run see one state."""
    shutil.rmtree(CODE, ignore_errors=True)
    shutil.copytree(HERE.parent / PACKAGE, CODE / PACKAGE, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))


def engine() -> str:
    """A digest of the engine's code: figures of two engines are not to be mixed."""
    sources = sorted(path for path in (CODE / PACKAGE / "engine").rglob("*") if path.suffix in (".py", ".c", ".h"))
    return sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def machine() -> Json:
    """What the figures depend on besides the code."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "cores_used": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.release()}",
        "ours": environments.versions(sys.executable, OUR_LIBRARIES),
        "sdk": environments.versions(environments.python_of("sdk")),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
