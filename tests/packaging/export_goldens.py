"""Exports all golden cases with the package that is installed, and compares them with what is expected.

    python -P export_goldens.py TESTS WORK > digests.json

TESTS: the folder tests of a checkout or of an sdist; WORK: where the cases are copied to, with fixed times, as
indices hold both: the same for runs that are compared. Needs nothing but the package. Prints, as JSON, which package,
kernels and machine did it, and the SHA-256 of every file that was published, but for manifests, which have times.
Exits with 1 where pixels differ from the expected ones. test_wheel_installed.py and test_aarch64.py run it and
compare what it prints.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import logging
import os
import platform
import re
import shutil
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import airflow_savemasks
from airflow_savemasks.__main__ import main as savemasks
from airflow_savemasks.engine import native

TIME = 1_700_000_000  # of all files of the cases
KINDS = ("golden", "golden-extras")


def comparison(folder: Path) -> Any:
    """The script compare.py of a folder of cases, as a module."""
    spec = importlib.util.spec_from_file_location(folder.name.replace("-", "_"), folder / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def words_of(case: Path, team_files: Path) -> tuple[list[str], int]:
    """The words of the shell that export a case, and the exit code that is expected."""
    where = ["--projects", f"{case}/projects"] if (case / "projects").is_dir() else ["--source", f"{case}/project"]
    words, code = [str(case / "layer.json"), *where, "--team-files", str(team_files)], 0
    if (case / "options.json").is_file():
        asked = json.loads((case / "options.json").read_text("utf-8"))
        options = team_files.with_name(f"{team_files.name}.options.json")
        options.write_text(json.dumps(asked["options"]))
        words, code = [*words, "--options", str(options)], asked["exit"]
    return words, code


def export(case: Path, compare: Any, team_files: Path) -> tuple[dict[str, str], list[str]]:
    """Digests of what one case publishes, and what is wrong with it."""
    words, code = words_of(case, team_files)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        got = savemasks(words)
    if got != code:
        return {}, [f"{case.name}: exit code {got} instead of {code}: {said.getvalue()}"]
    found, wrong = {}, []
    for path in sorted(path for path in team_files.rglob("*") if path.is_file()):
        if not path.name.endswith(".manifest.json"):
            content = path.read_bytes()
            if path.name.endswith(".index.jsonl"):  # keys hold the kind of machine, so that no other's work is taken
                content = re.sub(rb'"key":"[0-9a-f]+"', b"", content)
            found[f"{case.parent.name}/{case.name}/{path.name}"] = sha256(content).hexdigest()
        if path.suffix == ".tar":
            by_class = case / "expected_class"
            expected = by_class if by_class.is_dir() else case / "expected"
            more = ["--options", str(case / "options.json")] if (case / "options.json").is_file() else []
            with contextlib.redirect_stdout(said):
                differs = compare.main([str(expected), str(path), *more])
            wrong += [f"{case.name}: {said.getvalue()}"] if differs else []
    return found, wrong


def copy_cases(tests: Path, work: Path) -> None:
    """All cases with fixed times to a folder that is made anew."""
    shutil.rmtree(work, ignore_errors=True)
    for kind in KINDS:
        shutil.copytree(tests / kind, work / kind)
    for path in work.rglob("*"):
        os.utime(path, (TIME, TIME))


def main() -> int:
    tests, work = (Path(word).resolve() for word in sys.argv[1:])
    logging.disable(logging.CRITICAL)
    copy_cases(tests, work)
    files: dict[str, str] = {}
    wrong: list[str] = []
    for kind in KINDS:
        compare = comparison(work / kind)
        for layer in sorted((work / kind).glob("*/layer.json")):
            team_files = work / f"{kind}-{layer.parent.name}"
            digests, problems = export(layer.parent, compare, team_files)
            files |= digests
            wrong += problems
    print("\n".join(wrong), file=sys.stderr)
    said = {
        "package": str(Path(airflow_savemasks.__file__).parent),
        "kernels": native.identity(),
        "machine": platform.machine(),
        "files": files,
        "wrong": wrong,
    }
    print(json.dumps(said, indent=1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
