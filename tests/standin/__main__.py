"""The stand-in for a shell: `python -m tests.standin --project DIR [--port N]`.

The first line on standard output is the server address; standard error gets one JSON line with the ids. It serves
until it is interrupted or terminated.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from pathlib import Path

from tests.standin.server import TOKEN, StandIn


def main(arguments: list[str] | None = None) -> int:
    """Serve the projects named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.standin", description=__doc__)
    parser.add_argument("--project", action="append", default=[], type=Path, help="a project folder; may be repeated")
    parser.add_argument("--workspace", default="ws", help="the workspace of the projects")
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    parser.add_argument(
        "--token", default=os.environ.get("API_TOKEN", TOKEN), help="by default API_TOKEN, if it is set"
    )
    parser.add_argument("--page-size", type=int, default=500, help="records on a page, at most")
    parser.add_argument("--fail-share", type=float, default=0.0, help="the share of requests that get a 503")
    parser.add_argument("--seed", type=int, default=0, help="of the failures")
    parser.add_argument("--log", action="store_true", help="log every request to standard error")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO if options.log else logging.WARNING, stream=sys.stderr)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = StandIn(options.token, port=options.port, page_size=options.page_size, seed=options.seed)
    projects = [server.instance.add_project(path, options.workspace) for path in options.project]
    if options.fail_share:
        server.faults.fail(503, share=options.fail_share)
    with server:
        sys.stdout.write(f"{server.address}\n")
        sys.stdout.flush()
        summary = {
            "team": {"id": server.instance.team.id, "name": server.instance.team.name},
            "workspace": options.workspace,
            "projects": [{"id": project.id, "name": project.name} for project in projects],
        }
        sys.stderr.write(f"{json.dumps(summary, ensure_ascii=False)}\n")
        try:
            server.wait()
        except (KeyboardInterrupt, SystemExit):
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
