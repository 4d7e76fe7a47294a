"""The bill of materials of a release, CycloneDX 1.6 as JSON: what is installed beside the package, by constraints.txt.

Made of the repository's files alone, without times and random numbers, so that the same sources give the same bytes:
the serial number, which may be left out, is. What only tools and tests need is not in it. Libraries that the package
needs have the scope "required", those of the extras "optional".
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pins import OURSELVES, Pin, read_pins, used_for

NAME = "airflow-savemasks"
SCOPES = {"package": "required", "extras": "optional"}


def sbom(root: Path, version: str) -> str:
    """The JSON text for a checkout; version: of the package."""
    pins, uses = read_pins(root), used_for(root)
    kept = [pin for pin in pins.values() if uses[pin.name] in SCOPES]
    licences = read_licences(root)
    main = f"pkg:pypi/{NAME}@{version}"
    component = {"type": "library", "bom-ref": main, "name": NAME, "version": version, "purl": main}
    edges = [{"ref": main, "dependsOn": sorted(purl(pin) for pin in kept if OURSELVES in pin.via)}]
    edges += [
        {"ref": purl(pin), "dependsOn": sorted(purl(other) for other in kept if pin.name in other.via)} for pin in kept
    ]
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": component | {"licenses": [{"expression": "Apache-2.0"}]}},
        "components": [described(pin, SCOPES[uses[pin.name]], licences.get(pin.name, "")) for pin in kept],
        "dependencies": edges,
    }
    return json.dumps(bom, indent=1) + "\n"


def described(pin: Pin, scope: str, licence: str) -> dict[str, Any]:
    """One component. Hashes are those of all its files on the index, of which each machine installs one."""
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl(pin),
        "name": pin.name,
        "version": pin.version,
        "scope": scope,
        "hashes": [{"alg": "SHA-256", "content": text} for text in pin.hashes],
        "purl": purl(pin),
    }
    if licence:
        found["licenses"] = [{"license": {"name": licence}}]
    if pin.marker:
        found["properties"] = [{"name": "python:marker", "value": pin.marker}]
    return found


def purl(pin: Pin) -> str:
    """Its address as a package URL."""
    return f"pkg:pypi/{pin.name}@{pin.version}"


def read_licences(root: Path) -> dict[str, str]:
    """Name -> licence, of docs/licences.md."""
    _, _, table = (root / "docs/licences.md").read_text("utf-8").partition("|---|---|---|\n")
    return dict(re.findall(r"^\| ([a-z0-9-]+) \| (.+?) \|", table, re.MULTILINE))
