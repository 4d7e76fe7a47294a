"""Is this checkout ready to be tagged? `make release-check TAG=v0.1.0`; without TAG, all but the tag.

Exits with 1 and says what is missing: the version as a section with a date in CHANGELOG.md, and OWNER replaced by the
account.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WITH_OWNER = (".airflow-registry.yaml", "SECURITY.md")


def problems(root: Path, tag: str) -> list[str]:
    """What is missing, as fact and fix. tag: "" where there is none yet."""
    (version,) = re.findall(
        r'^__version__ = "(.+)"', (root / "airflow_savemasks/__init__.py").read_text(), re.MULTILINE
    )
    found = []
    if tag and tag != f"v{version}":
        found.append(f"the tag is {tag}, __version__ is {version}: tag v{version}, or raise __version__")
    heading = next((line for line in (root / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")), "")
    if not re.fullmatch(rf"## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", heading):
        found.append(f'CHANGELOG.md begins with "{heading}": write "## {version} (year-month-day)"')
    unsaid = [name for name in WITH_OWNER if "OWNER/" in (root / name).read_text()]
    fix = "write the account under which the repository lies"
    return [*found, *(f"{name}: OWNER stands there still: {fix}" for name in unsaid)]


def main() -> int:
    found = problems(ROOT, sys.argv[1] if len(sys.argv) > 1 else "")
    print("\n".join(found) or "ready")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
