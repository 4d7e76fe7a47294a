"""The code blocks of a page, and the story that they tell when they run one after the other.

What a block is for stands in a comment before it, which readers of the site do not see:

    <!-- file: dags/a.py -->   the block is this file; it is written, not run
    <!-- in a dag -->          Python that stands within a DAG; it is built, not run
    <!-- run by: PATH -->      another test of this repository runs it; PATH has its first line
    <!-- fails: 2 -->          the last command ends with this exit code

`<!-- needs: s3 -->` at the beginning of a page names what its story needs. A block without a comment is run if it is
`console` (lines with `$ `; what follows them is their output, `...` any of it), `bash` or `python`, and parsed if it is
`json`, `yaml` or `toml`; `text` is shown only.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(
    r"(?:^[ ]*<!--\s*(?P<word>file|in a dag|run by|fails)(?::\s*(?P<what>.*?))?\s*-->\s*\n\s*)?"
    r"^(?P<indent>[ ]*)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```\s*$",
    re.MULTILINE | re.DOTALL,
)
NEEDS = re.compile(r"<!--\s*needs:\s*(.*?)\s*-->")
IN_A_DAG = "from airflow.sdk import DAG\nwith DAG('page', schedule=None):\n"


@dataclass(frozen=True)
class Block:
    """One block of a page. line: where it begins; word, what: of the comment before it, "" without one."""

    line: int
    language: str
    code: str
    word: str
    what: str


def blocks_of(text: str) -> list[Block]:
    """All blocks of a page, in its order."""
    found = []
    for match in FENCE.finditer(text):
        code = textwrap.dedent(match["code"]) if match["indent"] else match["code"]
        line = text.count("\n", 0, match.start("code"))
        found.append(Block(line, match["language"], code, match["word"] or "", match["what"] or ""))
    return found


def needs_of(text: str) -> list[str]:
    return [word for match in NEEDS.finditer(text) for word in match[1].split()]


class Story:
    """A page that is run. folder: where it happens; env: of all its commands, which may add to it."""

    def __init__(self, page: Path, folder: Path, env: dict[str, str]) -> None:
        self.page, self.folder, self.env = page, folder, env

    def run(self) -> int:
        """Run all blocks; returns how many commands and programs ran. Raises AssertionError that names the line."""
        ran = 0
        for block in blocks_of(self.page.read_text("utf-8")):
            where = f"{self.page.relative_to(ROOT)}:{block.line}"
            if block.word == "file":
                self._write(block, where)
            elif block.word == "run by":
                first = block.code.strip().splitlines()[0].removeprefix("$ ")
                text = (ROOT / block.what).read_text("utf-8")
                assert first in text, f"{where}: {block.what} does not run {first!r}"
            elif block.word == "in a dag":
                self._python(IN_A_DAG + textwrap.indent(block.code, "    "), where)
                ran += 1
            elif block.language == "console":
                ran += self._console(block, where)
            elif block.language in {"bash", "sh"}:
                self._shell(block.code, where, int(block.what or 0))
                ran += 1
            elif block.language == "python":
                self._python(block.code, where)
                ran += 1
            else:
                parse(block, where)
        return ran

    def _write(self, block: Block, where: str) -> None:
        path = self.folder / block.what
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.code, "utf-8")
        if path.suffix == ".py":
            compile(block.code, where, "exec")
        else:
            parse(block, where)

    def _console(self, block: Block, where: str) -> int:
        commands = list(commands_of(block.code))
        for number, (command, wanted) in enumerate(commands):
            code = int(block.what or 0) if block.word == "fails" and number == len(commands) - 1 else 0
            said = self._shell(command, where, code)
            if wanted:
                assert matches(said, wanted), f"{where}: {command}\nprints\n{said}\nand not\n{wanted}"
        return len(commands)

    def _shell(self, script: str, where: str, code: int) -> str:
        """Run lines of a shell, whose changes of the environment and of the folder stay; returns what they print."""
        kept = self.folder / ".env"
        whole = f"set -eo pipefail\n{script}\nset +e\nenv -0 > {shlex.quote(str(kept))}\n"
        done = subprocess.run(
            ["bash", "-c", whole],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, f"{where}: {script}\nended with {done.returncode}:\n{said[-4000:]}"
        if kept.is_file():
            pairs = (pair.partition("=") for pair in kept.read_text("utf-8").split("\0") if pair)
            self.env = {name: value for name, _, value in pairs}
            kept.unlink()
        return said

    def _python(self, code: str, where: str) -> None:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=self.folder, env=self.env, capture_output=True, text=True, check=False,
            timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, f"{where}: ended with {done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}"


def commands_of(code: str) -> Iterator[tuple[str, str]]:
    """Commands of a console with what follows each. A command goes on behind a backslash, and in lines with `> `."""
    command: list[str] = []
    wanted: list[str] = []
    for line in code.splitlines():
        if line.startswith("$ ") and not (command and command[-1].endswith("\\")):
            if command:
                yield "\n".join(command), "\n".join(wanted).strip()
            command, wanted = [line[2:]], []
        elif command and (command[-1].endswith("\\") or line.startswith("> ")) and not wanted:
            command.append(line.removeprefix("> "))
        else:
            wanted.append(line)
    if command:
        yield "\n".join(command), "\n".join(wanted).strip()


def matches(said: str, wanted: str) -> bool:
    """Whether the wanted lines are among those that were said, in this order; `...` in one is any text."""
    lines = iter(" ".join(line.split()) for line in said.splitlines())
    for line in wanted.splitlines():
        if line.strip() in {"", "..."}:
            continue
        pattern = re.compile(".*".join(map(re.escape, " ".join(line.split()).split("..."))))
        if not any(pattern.fullmatch(one) for one in lines):
            return False
    return True


def parse(block: Block, where: str) -> None:
    """Raises AssertionError for a block that is not of its language, or of one that nobody here knows."""
    try:
        if block.language == "json":
            json.loads(block.code)
        elif block.language in {"yaml", "yml"}:
            list(yaml.safe_load_all(block.code))
        elif block.language == "toml":
            tomllib.loads(block.code)
        else:
            assert block.language in {"text", "python", "bash"} or block.word == "file", "a language that is not known"
    except (ValueError, yaml.YAMLError) as error:
        raise AssertionError(f"{where}: {error}") from error


def path_with_our_commands() -> str:
    """PATH with the environment that runs the tests first."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
