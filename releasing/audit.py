"""Known vulnerabilities of what constraints.txt names, by pip-audit; `make audit`.

Exits with 1 where one is found. Where the service that knows them cannot be reached, or does not know some of the
names, the log says so in a sentence, and it is no failure: the same commit does not fail for where it is looked at.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from pins import Pin, read_pins

ROOT = Path(__file__).resolve().parents[1]
PROBE = "numpy"  # asked for alone first: no need to ask for hundreds where nobody answers


def ask(pins: list[Pin]) -> tuple[list[dict[str, Any]], str]:
    """What pip-audit says of each, and what it said instead if it said nothing."""
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder, "asked.txt")
        hashes = [" ".join(f"--hash=sha256:{text}" for text in pin.hashes) for pin in pins]
        asked.write_text(
            "".join(f"{pin.name}=={pin.version} {words}\n" for pin, words in zip(pins, hashes, strict=True))
        )
        words = [sys.executable, "-m", "pip_audit", "-r", str(asked), "--no-deps", "--disable-pip"]
        words += ["--format", "json", "--progress-spinner", "off", "--timeout", "10"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)["dependencies"], ""
    except ValueError:
        return [], (done.stderr.strip().splitlines() or ["nothing"])[-1]


def verdict(entries: list[dict[str, Any]], wrong: str = "") -> tuple[list[str], int]:
    """Lines for the log, and the exit code."""
    lines, bad = [], 0
    for entry in entries:
        for found in entry.get("vulns", []):
            fixed = ", ".join(found.get("fix_versions", [])) or "no version"
            lines.append(f"{entry['name']} {entry['version']}: {found['id']}, fixed in {fixed}")
            bad = 1
    unknown = [entry["name"] for entry in entries if "skip_reason" in entry]
    known = len(entries) - len(unknown)
    if not known:
        why = f" ({wrong})" if wrong else ""
        lines.append(f"The service of pip-audit cannot be reached from this machine: nothing was audited{why}.")
    else:
        lines.append(f"{known} audited, {len(lines)} vulnerabilities")
        if unknown:
            lines.append(f"The service does not know {len(unknown)}, which were not audited: {', '.join(unknown)}")
    return lines, bad


def main() -> int:
    pins = read_pins(ROOT)
    entries, wrong = ask([pins[PROBE]])
    if any("vulns" in entry for entry in entries):
        entries, wrong = ask(list(pins.values()))
    lines, code = verdict(entries, wrong)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
