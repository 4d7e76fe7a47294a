"""SHA-256 of everything that exports publish, to hold a refactoring against: not a byte may change.

    python tests/tools/digests.py before.json                    # at the start
    python tests/tools/digests.py after.json --same-as before.json   # at the end; prints what differs, exits with 1

Exports the golden cases, the sample project and every --project (such as one that benchmarks/make_project.py makes)
through the shell, each with several sets of options. Archives and indices are compared as they are; of manifests what
says when a file was written and by which plan, and their own sum, is left out, and versions are kept apart. Refusals of
layers are compared as text. Sources are copied to a folder that is the same for each run, with fixed times, as the keys
of items hold both.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"  # more cases, where it exists
WORK = Path(tempfile.gettempdir()) / "savemasks-digests"
TIME = 1_700_000_000
OPTIONS = {
    "plain": [],
    "rgb": ["--machine-png", "rgb"],
    "volumes": ["--volume-size", "40000"],
    "one": ["--workers", "1"],
}
ALWAYS = ["--unknown-colors", "warn"]  # a case has a colour too many
RUN = [sys.executable, "-m", "airflow_savemasks"]


def cases(more: list[Path]) -> dict[str, list[str]]:
    """Name -> the words of the shell that export it, with sources copied to WORK. more: projects besides ours."""
    found: dict[str, list[str]] = {}
    for folder in (ROOT / "tests" / "golden", SHARED / "golden"):
        for layer in sorted(folder.glob("*/layer.json")):
            case = layer.parent
            copied = _copied(case, WORK / folder.parent.name / case.name)
            where = (
                ["--projects", f"{copied}/projects"]
                if (case / "projects").is_dir()
                else ["--source", f"{copied}/project"]
            )
            found[f"{folder.parent.name}/{case.name}"] = [f"{copied}/layer.json", *where]
    for project in sorted((ROOT / "dags" / "sample" / "projects").iterdir()):
        found[f"sample/{project.name}"] = _with_all_classes(_copied(project, WORK / "sample" / project.name))
    for project in more:
        found[f"more/{project.name}"] = _with_all_classes(_copied(project, WORK / "more" / project.name))
    return found


def _copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    _fix_times(to)
    return to


def _fix_times(folder: Path) -> None:
    for path in folder.rglob("*"):
        os.utime(path, (TIME, TIME))


def _with_all_classes(project: Path) -> list[str]:
    classes = [entry["title"] for entry in json.loads((project / "meta.json").read_text())["classes"]]
    settings = {
        "masks_machine": True,
        "masks_human": True,
        "gt_machine_color": {name: [number] * 3 for number, name in enumerate(classes, 1)},
        "gt_human_color": {name: [number, 255 - number, 90] for number, name in enumerate(classes, 1)},
    }
    layer = project.with_suffix(".layer.json")
    layer.write_text(json.dumps({"action": "save_masks", "src": ["$data_1"], "dst": "all", "settings": settings}))
    return [str(layer), "--source", str(project)]


def error_of(said: str) -> str:
    """What is said of an error, without the log before it."""
    return "\n".join(line for line in said.splitlines() if not line.startswith(("INFO ", "WARNING ", "ERROR ")))


def exported(words: list[str]) -> dict[str, str]:
    """File name -> digest of what one export publishes; also what it says when it fails."""
    team_files = WORK / "team_files"
    shutil.rmtree(team_files, ignore_errors=True)
    done = subprocess.run(
        [*RUN, *words, *ALWAYS, "--team-files", str(team_files)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"refused": error_of(done.stderr)}
    found = {}
    for path in sorted(team_files.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if path.name.endswith(".manifest.json"):
            manifest = json.loads(content)
            for file in (*manifest["volumes"], manifest["index"]):
                del file["identity"]
            del manifest["sha256"]
            manifest["plan"].pop("name", None)  # random
            found[f"{path.name} (versions)"] = json.dumps(manifest.pop("versions"))
            content = json.dumps(manifest).encode()
        found[path.name] = sha256(content).hexdigest()
    return found


def refusals() -> dict[str, str]:
    """Name of a case -> what is said of its layer."""
    file = ROOT / "tests" / "golden" / "config_cases.json"
    project = ROOT / "tests" / "golden" / "readme_example" / "project"
    found = {}
    for case in json.loads(file.read_text("utf-8"))["cases"]:
        layer = WORK / "refused.json"
        layer.write_text(json.dumps(case["config"]))
        words = [*RUN, str(layer), "--source", f"$data_1={project}", "--team-files", str(WORK / "team_files")]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        found[case["name"]] = "accepted" if not done.returncode else error_of(done.stderr)
    return found


def main() -> int:
    """Write the digests; 1 where they differ from those to compare with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--same-as", type=Path)
    parser.add_argument("--project", type=Path, action="append", default=[], help="one more, such as a benchmark's")
    options = parser.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    found = {f"{name}, {kind}": exported([*words, *more]) for name, words in cases(options.project).items()
             for kind, more in OPTIONS.items()}  # fmt: skip
    found["refusals of layers"] = refusals()
    options.out.write_text(json.dumps(found, indent=1, ensure_ascii=False))
    files = [name for exports in found.values() for name in exports]
    print(f"{len(found)} exports, {len(files)} files and messages: {options.out}")
    if options.same_as is None:
        return 0
    before = json.loads(options.same_as.read_text())
    differing = 0
    for name in sorted(before.keys() | found.keys()):
        for file in sorted(before.get(name, {}).keys() | found.get(name, {}).keys()):
            old, new = before.get(name, {}).get(file), found.get(name, {}).get(file)
            if old != new:
                differing += 1
                print(f"{name}: {file}\n  was {old}\n  is  {new}")
    print(f"{differing} differ")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
