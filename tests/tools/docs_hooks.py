"""What the site needs besides its pages: links that lead out of docs/ where a repository is read, not a site.

A link to a sample DAG leads to its page; one to another file of the repository becomes the file's name.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

LINK = re.compile(r"\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s:]+)\)")
SAMPLES = "reference/samples.md"
PLOT = "images/plot.png"
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "design.md"}


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Called by mkdocs once: the benchmark's plot lies where the benchmark writes it."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, PLOT, abs_src_path=str(ROOT / "benchmarks/results/plot.png")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by mkdocs for each page before it is made."""
    folder = posixpath.dirname(page.file.src_uri)

    def replaced(match: re.Match[str]) -> str:
        path, _, anchor = match["target"].partition("#")
        whole = posixpath.normpath(posixpath.join("docs", folder, path)) if path else ""
        if not whole or whole.startswith("docs/"):
            return match[0]
        if whole == "benchmarks/results/plot.png":
            return f"[{match['text']}]({posixpath.relpath(PLOT, folder or '.')})"
        if whole.startswith("dags/") and whole.endswith(".py"):
            name = posixpath.basename(whole).removesuffix(".py")
            return f"[{match['text']}]({posixpath.relpath(SAMPLES, folder or '.')}#{name})"
        if whole in PAGES and not anchor:
            return f"[{match['text']}]({posixpath.relpath(PAGES[whole], folder or '.')})"
        return match["text"]

    return LINK.sub(replaced, markdown)
