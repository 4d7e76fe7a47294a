"""Runs the tests of the engine and of Airflow's side with other versions of what the package depends on.

    python releasing/compat.py lowest        # or another name of ENVIRONMENTS; `make compat-lowest` and so on

Each name has an environment of its own, `.compat/NAME`, made anew each time from what the index has on that day.
Prints a row for docs/compatibility.md as its last line and writes to no file of the repository; exits with 1 where a
test failed and with 3 where the machine has no such Python.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = str(Path(sys.executable).with_name("uv"))
TESTS = ("tests/engine", "tests/airflow")
# For an Airflow that makes its application anew for each task that a test runs, five seconds each: what touches
# Airflow in different ways, and the goldens
FEWER = (
    "tests/engine/test_golden.py", "tests/engine/test_golden_extras.py", "tests/airflow/test_dags.py",
    "tests/airflow/test_hooks.py", "tests/airflow/test_operator.py", "tests/airflow/test_provider.py",
    "tests/airflow/test_supervisely.py", "tests/airflow/test_task_group.py", "tests/airflow/ui/test_ui.py",
)  # fmt: skip
SHOWN = ["apache-airflow", "numpy", "opencv-python-headless", "pydantic", "shapely", "smart-open", "isal", "httpx"]
EXTRAS = "s3,gcs,azure,sftp,zstd"


@dataclass(frozen=True)
class Environment:
    """Which Python, how versions are chosen, and what is asked for beside the package.

    before: the day after which no version counts. Airflow has no upper bounds for what it depends on: an older one is
    installed with its own constraints, or, as here, with what there was when it appeared. 3.2.2 with pydantic 2.14,
    for one, runs no task of anybody's.
    """

    python: str = "3.11"
    resolution: str = "highest"
    airflow: str = "apache-airflow"
    before: str = ""
    tests: tuple[str, ...] = TESTS


ENVIRONMENTS = {
    "lowest": Environment(resolution="lowest-direct", before="2026-04-10"),
    "airflow32": Environment(airflow="apache-airflow>=3.2,<3.3", before="2026-06-01", tests=FEWER),
    "airflow33": Environment(airflow="apache-airflow>=3.3,<3.4"),
    "newest": Environment(),
    "python312": Environment(python="3.12"),
    "python313": Environment(python="3.13"),
}


def interpreter(version: str) -> str:
    """The path of a Python of that version on this machine, "" if there is none."""
    found = [shutil.which(f"python{version}"), f"/usr/bin/python{version}"]
    found += map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")))
    for path in filter(None, found):
        # a shim of pyenv is there for versions, too, that are switched off
        words = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError:
            continue
        if done.stdout.strip() == version:
            return path
    return ""


def install(name: str, environment: Environment, python: str) -> str:
    """Make `.compat/NAME` anew; returns the path of its Python. The tests' own tools are the newest ones always."""
    folder = ROOT / ".compat" / name
    subprocess.run([UV, "venv", "--quiet", "--clear", "--no-config", "--python", python, str(folder)], check=True)
    pins = folder / "pins.txt"
    words = ["--resolution", environment.resolution, "--python", str(folder / "bin/python")]
    words += ["--exclude-newer", environment.before] if environment.before else []
    asked = folder / "asked.in"
    asked.write_text(f"{environment.airflow}\nairflow-savemasks[{EXTRAS}] @ {ROOT.as_uri()}\n")
    subprocess.run([UV, "pip", "compile", "--quiet", *words, str(asked), "-o", str(pins)], check=True)
    kept = [line for line in pins.read_text().splitlines() if not line.startswith("airflow-savemasks")]
    pins.write_text("\n".join(kept) + "\n")
    words = ["--python", str(folder / "bin/python"), "-c", str(pins), "--group", "test", "-e", f".[{EXTRAS}]"]
    subprocess.run([UV, "pip", "install", "--quiet", *words], check=True, cwd=ROOT)
    return str(folder / "bin/python")


def versions(python: str) -> dict[str, str]:
    """What the environment of a Python has of SHOWN, and of Python itself."""
    ask = "import sys, importlib.metadata as m; print(*[m.version(n) for n in sys.argv[1:]], sys.version.split()[0])"
    done = subprocess.run([python, "-c", ask, *SHOWN], capture_output=True, text=True, check=True)
    return dict(zip([*SHOWN, "python"], done.stdout.split(), strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=ENVIRONMENTS)
    parser.add_argument("tests", nargs="*", help="instead of all: words for pytest")
    chosen = parser.parse_args()
    environment = ENVIRONMENTS[chosen.name]
    python = interpreter(environment.python)
    if not python:
        print(
            f"This machine has no Python {environment.python}: install it, or leave {chosen.name} out", file=sys.stderr
        )
        return 3
    python = install(chosen.name, environment, python)
    found = versions(python)
    words = [python, "-m", "pytest", "-n", "2", *(chosen.tests or environment.tests)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        last = ""
        for line in running.stdout:
            print(line, end="", flush=True)
            last = line if re.search(r"\d+ (passed|failed|error)", line) else last
    outcome = re.sub(r"(, \d+ warnings?)? in .*", "", last.strip("= \n")) or "no test ran"
    rest = ", ".join(f"{name} {found[name]}" for name in SHOWN[1:])
    date = dt.datetime.now(dt.UTC).date()
    print(
        f"| `make compat-{chosen.name}` | {found['python']} | {found['apache-airflow']} | {rest} | {outcome} | {date} |"
    )
    return 1 if running.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
