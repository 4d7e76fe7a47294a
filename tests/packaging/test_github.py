"""Workflows, templates and the registry's file: what can be seen of them without GitHub."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import check
import compat
import pytest
import yaml

from airflow_savemasks.provider import PROVIDER_INFO
from tests.packaging.conftest import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ZIZMOR = [
    str(Path(sys.executable).with_name("zizmor")),
    "--offline",
    "--no-progress",
    "--pedantic",
    "--strict-collection",
]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def steps_of(workflow: Any) -> list[Any]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    done = subprocess.run([*ZIZMOR, str(GITHUB)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    shutil.copytree(GITHUB, tmp_path / ".github")
    ci = tmp_path / ".github/workflows/ci.yml"
    ci.write_text(ci.read_text().replace("permissions: {}\n", "permissions: write-all\n"))
    assert subprocess.run([*ZIZMOR, str(ci)], capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_and_rights_are_those_of_each_job(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    for line in path.read_text().splitlines():
        if "uses:" in line:
            assert re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line
    for job in workflow["jobs"].values():
        assert job["permissions"]
        assert job["timeout-minutes"]
        assert "contents: write" not in str(job["permissions"])
    for step in steps_of(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
    assert "secrets." not in path.read_text()


def test_ci_is_the_gate() -> None:
    ci = load(GITHUB / "workflows/ci.yml")
    assert [step["run"] for step in steps_of(ci) if "run" in step] == ["bash .ci/run"]


def test_a_release_builds_attests_and_publishes_without_a_password() -> None:
    release = load(GITHUB / "workflows/release.yml")
    jobs = release["jobs"]
    assert release[True]["push"] == {"tags": ["v*"]}  # YAML reads the key "on" as true
    said = [step["run"] for step in jobs["build"]["steps"] if "run" in step]
    assert "make wheels" in said
    assert said[0].startswith("make release-check")
    assert "id-token" not in jobs["build"]["permissions"]  # what runs our code gets no right to sign or publish
    used = {
        name: [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step] for name, job in jobs.items()
    }
    assert used["attest"][-1] == "actions/attest-build-provenance"
    assert used["publish"][-1] == "pypa/gh-action-pypi-publish"
    assert jobs["publish"]["needs"] == "attest"
    assert jobs["publish"]["environment"] == "pypi"
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert "with" not in jobs["publish"]["steps"][-1]


def test_every_make_target_that_a_workflow_calls_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = {
        name
        for path in WORKFLOWS
        for step in steps_of(load(path))
        for name in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))
    }
    assert called
    assert called <= targets


def test_what_the_registry_s_file_names_is_there() -> None:
    """Read from the source, as this environment has no Airflow."""
    registry = load(ROOT / ".airflow-registry.yaml")
    assert registry["package-name"] == "airflow-savemasks"
    assert {"display-name", "description", "docs-url", "source-url"} < set(registry)
    named = [entry for kind in ("operators", "hooks", "other") for entry in registry[kind]]
    for entry in named:
        assert entry["description"]
        module, _, name = entry["module"].rpartition(".")
        tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}, entry
    for kind in ("operators", "hooks"):  # all of the modules that the provider names, and no other
        modules = {entry["module"].rpartition(".")[0] for entry in registry[kind]}
        assert modules == {module for entry in PROVIDER_INFO[kind] for module in entry["python-modules"]}


def test_templates_are_forms_that_ask() -> None:
    forms = [path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"]
    assert len(forms) == 2
    for path in forms:
        form = load(path)
        assert {"name", "description", "body"} <= set(form)
        ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
        assert len(set(ids)) == len(ids)
        assert all("label" in part["attributes"] for part in form["body"] if part["type"] != "markdown")
    assert "CONTRIBUTING.md" in (GITHUB / "pull_request_template.md").read_text()
    assert "SECURITY.md" in (GITHUB / "ISSUE_TEMPLATE/bug.yml").read_text()


def test_a_release_that_is_not_ready_is_refused(tmp_path: Path) -> None:
    for name in ("CHANGELOG.md", *check.WITH_OWNER, "airflow_savemasks/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text().replace("OWNER/", "somebody/"))
    assert check.problems(tmp_path, "v0.1.0") == []
    assert check.problems(tmp_path, "") == []
    (problem,) = check.problems(tmp_path, "v0.2.0")
    assert problem == "the tag is v0.2.0, __version__ is 0.1.0: tag v0.1.0, or raise __version__"
    (tmp_path / "SECURITY.md").write_text("github.com/OWNER/x")
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(re.sub(r"^## 0\.1\.0 .*", "## 0.1.0 (soon)", changelog.read_text(), flags=re.MULTILINE))
    assert [re.split("[: ]", problem)[0] for problem in check.problems(tmp_path, "")] == ["CHANGELOG.md", "SECURITY.md"]


def test_the_changelog_is_ready_for_this_version() -> None:
    assert [problem for problem in check.problems(ROOT, "") if not problem.endswith("repository lies")] == []


def test_each_environment_of_other_versions_has_a_target_and_a_row_with_its_date() -> None:
    text = (ROOT / "docs/compatibility.md").read_text()
    for name in compat.ENVIRONMENTS:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `make compat-{name}` |")]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 6
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", cells[-1])
        assert re.match(r"\d+ passed", cells[-2]), row
        for number in re.findall(r"\((\d)(?:, (\d))?\)", cells[-2]):  # what failed is said below, with its number
            assert all(f"**({each})**" in text for each in number if each), row
        assert "failed" not in cells[-2] or "(" in cells[-2], row
    (names,) = re.findall(r"^COMPAT := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert names.split() == list(compat.ENVIRONMENTS)
