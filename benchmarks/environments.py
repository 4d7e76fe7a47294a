"""The benchmark's own virtual environments, below benchmarks/work/environments/.

Three, because they cannot live together: `photos` draws the projects, `sdk` runs the peers (the Supervisely SDK cannot
be installed beside Airflow), `plot` draws the plot. The project's own side runs on the interpreter that runs run.py.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"
PACKAGES = {
    "photos": ["scikit-image>=0.25", "opencv-python-headless>=4.11", "numpy>=2.0"],
    "sdk": ["supervisely==6.74.51", "pillow"],
    "plot": ["matplotlib>=3.9"],
}
# the SDK asks for the build of OpenCV that needs a display; the headless build of the same version takes its place
REPLACED = {"sdk": ("opencv-python", "opencv-python-headless")}
SHOWN = ("supervisely", "opencv-python-headless", "numpy", "pillow", "scikit-image", "matplotlib")


def python_of(name: str) -> str:
    """The interpreter of an environment, which is made where it is missing or for other packages."""
    folder = WORK / "environments" / name
    python, receipt = folder / "bin" / "python", folder / "installed.json"
    wanted = json.dumps([PACKAGES[name], REPLACED.get(name)])
    if not receipt.exists() or receipt.read_text() != wanted:
        print(f"making the environment {name} ...", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _call(sys.executable, "-m", "venv", str(folder))
        _install(str(python), *PACKAGES[name])
        if name in REPLACED:
            unwanted, instead = REPLACED[name]
            version = versions(str(python), (unwanted,))[unwanted]
            _call(str(python), "-m", "pip", "uninstall", "--quiet", "--yes", unwanted)
            _install(str(python), "--no-deps", f"{instead}>={'.'.join(version.split('.')[:3])},<={version}")
        receipt.write_text(wanted)
    return str(python)


def versions(python: str, names: tuple[str, ...] = SHOWN) -> dict[str, str]:
    """The versions of those of `names` that an interpreter has installed, and its own."""
    code = (
        "import importlib.metadata as m, json, platform, sys\n"
        "have = {d.metadata['Name'].lower(): d.version for d in m.distributions()}\n"
        "out = {'python': platform.python_version()}\n"
        "print(json.dumps(out | {name: have[name] for name in sys.argv[1:] if name in have}))"
    )
    done = subprocess.run([python, "-c", code, *names], check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _install(python: str, *packages: str) -> None:
    """With uv where it is on the PATH, with pip otherwise."""
    if uv := shutil.which("uv"):
        _call(uv, "pip", "install", "--quiet", "--python", python, *packages)
    else:
        _call(python, "-m", "pip", "install", "--quiet", *packages)


def _call(*words: str) -> None:
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stdout}")


if __name__ == "__main__":
    for each in PACKAGES:
        print(each, versions(python_of(each)))
