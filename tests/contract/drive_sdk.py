"""Drive the real SDK (`supervisely`) against a server; run by an interpreter that has the SDK, not by pytest.

The SDK cannot be installed beside Airflow, so it lives in an environment of its own. Usage:

    python drive_sdk.py JOB.json

JOB.json: `{"address", "token", "team_id", "workspace_id", "work", "compare", "checks", "projects"}`, where `compare`
is the folder of the golden cases' `compare.py`, `checks` maps the name of each check to the names of its projects, and
`projects` is a list of `{"id", "name", "source", "datasets", "images"}`. Every check prints one JSON line:
`{"check": name, "ok": bool, "detail": text, ...facts}`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

# The SDK reads this at import; its log would bury the lines of the checks.
os.environ.setdefault("LOG_LEVEL", "CRITICAL")

import sdk_reading  # noqa: F401 - registers its checks
import sdk_team_files  # noqa: F401 - registers its checks
import supervisely as sly
from checks import CHECKS

Json = dict[str, Any]


def main(path: str) -> int:
    """Run the checks of a job; 0 if all hold."""
    job = json.loads(Path(path).read_text())
    api = sly.Api(job["address"], job["token"])
    failed = 0
    for name, wanted in job["checks"].items():
        result: Json = {"check": name, "ok": True, "detail": ""}
        try:
            projects = [project for project in job["projects"] if project["name"] in wanted]
            result |= CHECKS[name](api, job | {"check": name, "projects": projects}) or {}
        except Exception:
            result |= {"ok": False, "detail": traceback.format_exc()}
            failed += 1
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
