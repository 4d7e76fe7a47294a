"""What is installed beside the package is pinned, checked, listed and audited."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import audit
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from licences import licence
from pins import Pin, read_pins, used_for
from sbom import read_licences

from tests.packaging.conftest import ROOT, UV

# Copyleft, or not said, among what comes with the package or its extras, and why it may
KNOWN = {
    "asyncssh": "EPL 2.0 may be chosen; not linked into anything of ours (extra sftp)",
    "openlineage-sql": "its metadata name none; the rest of OpenLineage says Apache 2.0 (extra openlineage)",
    "paramiko": "LGPL: imported, as it is (extra sftp)",
    "text-unidecode": "the Artistic License may be chosen; comes with Airflow",
}


def test_every_pin_has_hashes_and_no_host_stands_there() -> None:
    pins = read_pins(ROOT)
    assert len(pins) > 400
    assert [pin.name for pin in pins.values() if not pin.hashes] == []
    text = (ROOT / "constraints.txt").read_text()
    assert not re.search(r"https?://|--index|--find-links|file:", text)


def test_all_that_pyproject_asks_for_is_pinned() -> None:
    parsed = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*parsed["project"]["dependencies"], *parsed["build-system"]["requires"]]
    for extra in parsed["project"]["optional-dependencies"].values():
        asked += extra
    for group in parsed["dependency-groups"].values():
        asked += [each for each in group if isinstance(each, str)]
    names = {re.split(r"[^A-Za-z0-9-]", each, maxsplit=1)[0].lower() for each in asked}
    assert names - set(read_pins(ROOT)) == set()


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_a_file_with_another_hash_is_refused(tmp_path: Path, tool: str) -> None:
    """As the Makefile installs: uv takes hashes of constraints, pip those of requirements."""
    pin = read_pins(ROOT)["tabulate"]
    right = f"{pin.name}=={pin.version} " + " ".join(f"--hash=sha256:{text}" for text in pin.hashes)
    wrong = right.replace(":", ":0000")
    wrong = re.sub(r"(sha256:[0-9a-f]{64})[0-9a-f]*", r"\1", wrong)
    subprocess.run([UV, "venv", "--quiet", "--seed", "--python", sys.executable, tmp_path / "env"], check=True)
    python = str(tmp_path / "env/bin/python")
    for text, refused in ((wrong, True), (right, False)):
        (tmp_path / "pins.txt").write_text(text + "\n")
        words = {
            "uv": [UV, "pip", "install", "--python", python, "-c", str(tmp_path / "pins.txt"), "tabulate"],
            "pip": [python, "-m", "pip", "install", "--require-hashes", "-r", str(tmp_path / "pins.txt")],
        }
        done = subprocess.run(words[tool], capture_output=True, text=True, check=False)
        assert (done.returncode != 0) is refused, done.stderr
        assert bool(re.search(r"Hash mismatch|DO NOT MATCH THE HASHES", done.stderr)) is refused, done.stderr


def test_the_makefile_installs_nothing_without_constraints() -> None:
    """But for environments that are there to have other versions."""
    text = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    own = ("$(SDK)", "$(READERS)", "$(DOCS)")
    lines = [line for line in text.splitlines() if " pip install " in line and not any(name in line for name in own)]
    assert len(lines) >= 5
    assert [line for line in lines if "constraints.txt" not in line and "--require-hashes" not in line] == []


def test_the_sbom_is_valid_and_names_everything_that_comes_along(dist: Path) -> None:
    text = (dist / "airflow_savemasks-0.1.0.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bom = json.loads(text)
    assert {"serialNumber", "timestamp"} & (set(bom) | set(bom["metadata"])) == set()
    scopes = {each["name"]: each["scope"] for each in bom["components"]}
    uses = used_for(ROOT)
    assert scopes == {
        name: {"package": "required", "extras": "optional"}[use] for name, use in uses.items() if use != "development"
    }
    assert {"numpy": "required", "apache-airflow-core": "required", "adlfs": "optional"}.items() <= scopes.items()
    assert not {"pytest", "mypy", "ziglang"} & set(scopes)
    refs = {each["bom-ref"] for each in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
    assert {each["ref"] for each in bom["dependencies"]} == refs
    assert {ref for each in bom["dependencies"] for ref in each["dependsOn"]} <= refs
    assert all(each["hashes"] for each in bom["components"])


def test_all_licences_are_listed() -> None:
    """docs/licences.md is in step with constraints.txt, but for what is installed elsewhere only; `make licences`."""
    pins, listed = read_pins(ROOT), read_licences(ROOT)
    assert set(listed) - set(pins) == set()
    assert [name for name in set(pins) - set(listed) if not pins[name].marker] == []
    rows = (ROOT / "docs/licences.md").read_text()
    assert [
        name for name, use in used_for(ROOT).items() if name in listed and f"| {use} |" not in _row(rows, name)
    ] == []


def _row(rows: str, name: str) -> str:
    return next(line for line in rows.splitlines() if line.startswith(f"| {name} |"))


def test_no_licence_is_a_surprise() -> None:
    uses = used_for(ROOT)
    strange = {
        name: said
        for name, said in read_licences(ROOT).items()
        if uses[name] != "development"
        and re.search(r"GPL|AGPL|General Public|EUPL|SSPL|BUSL|Commons|ropriet|not said", said)
    }
    assert set(strange) == set(KNOWN), strange


def test_a_licence_is_the_expression_or_the_classifiers_or_a_short_name() -> None:
    from email.message import Message

    about = Message()
    about["License"] = "Copyright (c) somebody, who allows everybody to do whatever they like with it, as long as they"
    assert licence(about) == "not said"
    about["Classifier"] = "License :: OSI Approved :: MIT License"
    assert licence(about) == "MIT License"
    about["License-Expression"] = "MIT"
    assert licence(about) == "MIT"


def test_a_vulnerability_fails_the_audit_and_silence_of_the_service_does_not() -> None:
    fine = {"name": "numpy", "version": "2.4.6", "vulns": []}
    bad = {"name": "jinja2", "version": "3.1.2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.3"]}]}
    silent = {"name": "numpy", "skip_reason": "not found"}
    lines, code = audit.verdict([fine, bad])
    assert (lines, code) == (["jinja2 3.1.2: PYSEC-1, fixed in 3.1.3", "2 audited, 1 vulnerabilities"], 1)
    assert audit.verdict([fine]) == (["1 audited, 0 vulnerabilities"], 0)
    lines, code = audit.verdict([silent])
    assert code == 0
    assert lines == ["The service of pip-audit cannot be reached from this machine: nothing was audited."]
    lines, code = audit.verdict([], "connection refused")
    assert "connection refused" in lines[0]
    lines, code = audit.verdict([fine, {"name": "other", "skip_reason": "not found"}])
    assert (lines[1], code) == ("The service does not know 1, which were not audited: other", 0)


def test_the_audit_asks_and_says_what_came_of_it() -> None:
    done = subprocess.run([sys.executable, ROOT / "releasing/audit.py"], capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stderr
    assert re.search(r"\d+ audited|cannot be reached", done.stdout)


def test_a_line_of_another_form_in_constraints_is_told(tmp_path: Path) -> None:
    (tmp_path / "constraints.txt").write_text(
        "six==1.17.0 ; python_version < '4' \\\n    --hash=sha256:ab\n    # via\n    #   x\n"
    )
    assert read_pins(tmp_path)["six"] == Pin("six", "1.17.0", "python_version < '4'", ["ab"], ["x"])
    (tmp_path / "constraints.txt").write_text("-e .\n")
    with pytest.raises(ValueError, match="make constraints"):
        read_pins(tmp_path)
