"""Changes the engine in one place at a time and looks whether the tests see it.

    python tests/tools/mutants.py [--sample 300] [--seed 1] [--minutes 40] [--processes 2] [--only engine/parts,ui/]

A random sample of small changes (a comparison turned, a term or a call dropped, a number off by one ...) is drawn by a
seed from `airflow_savemasks/engine/`, without what needs a server to be tested; coverage chooses the tests of each.
`--only` takes parts of names, of any file of the package: what lies outside of the engine is looked at with the tests
of the shell or with those of Airflow, each of whose changes takes half a minute.
Some dozen hand-made changes of the kernels come on top. What no test sees should stand in mutants_accepted.json with
the reason why it is equivalent or harmless; it counts against the nine in ten that have to be seen all the same. Works
on copies of the tree.

Left alone, by rule, is what says nothing of behaviour: annotations, the words of errors, log lines and assertions, of
which `strict=True` of a `zip` is one; the digits of `round`, which here rounds for people alone; and numbers of a
module's constant whose comment says before any colon that it is a step ("bytes read at a time", "counted in one go"):
what comes of it is the same in steps of any size, and tests take small ones to show that.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from coverage import CoverageData

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "airflow_savemasks"
ENGINE = f"{PACKAGE}/engine"
WITH_SERVERS = "s3 gcs azure sftp sessions remote retries supervisely/".split()  # parts of names
SLOW_SHELL = ["tests/engine/test_shell.py", "tests/engine/test_shell_terminal.py"]  # processes that are started
SHELL = [*SLOW_SHELL, *(f"tests/engine/test_{name}.py" for name in ("shell_archives", "shell_options", "stopping"))]
ROOMS = {  # how names of files begin -> the tests of those files; the first that fits
    f"{ENGINE}/": ["tests/engine", *(f"--ignore={file}" for file in SLOW_SHELL)],
    f"{PACKAGE}/shell/": SHELL,
    f"{PACKAGE}/stopping": SHELL,
    f"{PACKAGE}/_": SHELL,  # __main__, and what a library gives
    f"{PACKAGE}/": ["tests/airflow"],
}
ACCEPTED = Path(__file__).with_name("mutants_accepted.json")
MOST_TESTS = 30  # of one change: so many that run little else, and so many others
TIMEOUT = 120.0  # seconds for the tests of one change; what hangs is seen
ENOUGH = 0.9

COMPARED = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
            ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in"}  # fmt: skip
RECKONED = {ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.FloorDiv: "*", ast.LShift: ">>", ast.RShift: "<<",
            ast.BitAnd: "|", ast.BitOr: "&", ast.Mod: "+"}  # fmt: skip
QUIET = ("log.", "progress.", "Progress", "assert")
STEP = re.compile(r"#[^:]*\b(at a time|at once|in one go|of one read|of one stripe|between two (looks|lines))\b")

OF_KERNELS = [
    f"tests/engine/{name}.py"
    for name in ("image/test_scale", "image/test_png_read", "native/test_native", "test_promises", "test_golden")
]
KERNELS = [  # file, text, what it becomes
    ("deflate.c", "if (hint > WINDOW) hint = 0;", ""),
    ("deflate.c", "distance <= WINDOW && ", ""),
    ("deflate.c", "state->literal_counts[END_OF_BLOCK] = 1;", ""),
    ("deflate.c", "state->done += (uint32_t)size;", ""),
    ("encode.c", "held &= 7;", "held &= 3;"),
    ("encode.c", "put(state, far_bits, far_code.length + far_extra);", "put(state, far_bits, far_code.length);"),
    ("encode.c", "symbols[i] == 16 ? 2", "symbols[i] == 16 ? 3"),
    ("unfilter.c", "if (filter > PAETH) return 1;", ""),
    ("unfilter.c", "filter == AVERAGE ? half_of(left, up)", "filter == AVERAGE ? half_of(left, left)"),
    ("unfilter.c", "(filter == UP && !y)", "filter == UP"),
    ("filters.h", "((unsigned)a + b) >> 1", "((unsigned)a + b + 1) >> 1"),
    ("lines.c", "if (drawing) drawing += half;", ""),
    ("filters.h", "to_left <= to_above && to_left <= to_corner", "to_left <= to_above && to_left < to_corner"),
    ("lines.c", "filter == SUB ? 0 : filter == UP ? above[i] : above[i] >> 1", "0"),
    ("deflate.h", "MOST_BITS = 14", "MOST_BITS = 15"),
    ("scale.c", "if (begin < end || x + 1 == width)", "if (begin <= end || x + 1 == width)"),
    ("scale.c", "sums[c] += next * row[c];", "sums[c] += 0;"),
    ("scale.c", "if (begin < end)\n", "if (begin <= end)\n"),
    ("scale.c", "sums[i] = next * row[i];", "sums[i] = 0;"),
    ("scale.c", "+ whole / 2", "+ (whole - 1) / 2"),
]


@dataclass(frozen=True)
class Change:
    """file: below the root; start, end: bytes that become `new`."""

    file: str
    start: int
    end: int
    new: str
    line: int
    text: str  # the line, for people and for mutants_accepted.json
    what: str

    def apply(self, root: Path) -> bytes:
        """Change the file of a copy; returns what it was."""
        path = root / self.file
        old = path.read_bytes()
        path.write_bytes(old[: self.start] + self.new.encode() + old[self.end :])
        return old


def changes_of(file: str) -> Iterator[Change]:
    """All changes to one file."""
    source = (ROOT / file).read_text("utf-8")
    lines = source.splitlines(keepends=True)
    starts = [0]
    for text in lines:
        starts.append(starts[-1] + len(text.encode()))

    def change(node: ast.expr | ast.stmt, new: str, what: str) -> Change:
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[operator]
        return Change(file, start, end, new, node.lineno, lines[node.lineno - 1].strip(), what)

    tree = ast.parse(source)
    steps = {node.lineno for node in tree.body if isinstance(node, ast.Assign) and STEP.search(lines[node.lineno - 1])}
    for node in _shown(tree):
        if getattr(node, "lineno", 0) in steps:
            continue
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            new = COMPARED[type(node.ops[0])]
            yield change(node, f"({ast.unparse(node.left)} {new} {ast.unparse(node.comparators[0])})", f"-> {new}")
        elif isinstance(node, ast.BoolOp):
            for at in range(len(node.values)):
                kept = [value for number, value in enumerate(node.values) if number != at]
                joined = ast.unparse(kept[0] if len(kept) == 1 else ast.BoolOp(node.op, kept))
                yield change(node, f"({joined})", f"without {ast.unparse(node.values[at])}")
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield change(node, f"({ast.unparse(node.operand)})", "without not")
        elif isinstance(node, ast.BinOp) and type(node.op) in RECKONED and not _is_text(node):
            new = RECKONED[type(node.op)]
            yield change(node, f"({ast.unparse(node.left)} {new} {ast.unparse(node.right)})", f"-> {new}")
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            yield change(node, str(node.value + 1), f"{node.value} -> {node.value + 1}")
        elif isinstance(node, ast.Constant) and type(node.value) is bool:
            yield change(node, str(not node.value), f"-> {not node.value}")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield change(node, "pass", "call dropped")
        elif isinstance(node, ast.If | ast.IfExp):
            yield change(node.test, "True", "always")
            yield change(node.test, "False", "never")
        elif isinstance(node, ast.Continue | ast.Break):
            yield change(node, "pass", "dropped")


def _shown(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes whose change is one of behaviour: no annotations, messages, log lines or decorators."""
    if isinstance(node, ast.Raise | ast.AnnAssign | ast.Assert | ast.JoinedStr | ast.arg):
        if isinstance(node, ast.AnnAssign) and node.value is not None and not isinstance(node.value, ast.Constant):
            yield from _shown(node.value)
        return
    if isinstance(node, ast.Expr) and ast.unparse(node).startswith(QUIET):
        return
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "round":
        yield from _shown(node.args[0])
        return
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "zip":
        for part in (*node.args, *(word for word in node.keywords if ast.unparse(word) != "strict=True")):
            yield from _shown(part)
        return
    if isinstance(node, ast.Call) and ast.unparse(node.func) in {
        "log.warning",
        "log.info",
        "log.debug",
        "Field",
        "field",
    }:
        return
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        for part in node.body:
            yield from _shown(part)
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _shown(child)


def _is_text(node: ast.BinOp) -> bool:
    return any(isinstance(part, ast.Constant | ast.JoinedStr) and not isinstance(getattr(part, "value", 0), int)
               for part in (node.left, node.right))  # fmt: skip


def copy_tree(folder: Path) -> Path:
    """A copy of what tests need."""
    for name in (PACKAGE, "tests", "dags", "docs", "benchmarks"):
        left_out = ("__pycache__", *(("results", "work") if name == "benchmarks" else ()))
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*left_out))
    for name in ("pyproject.toml", "build_kernels.py", "README.md", "Makefile"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def run_tests(root: Path, tests: list[str], *before: str) -> tuple[int, str]:
    """pytest's exit code (99: it hung) and what it printed."""
    words = [sys.executable, *before, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:randomly", *tests]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            words, cwd=root, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return 99, "it hung"
    return done.returncode, done.stdout[-2000:]


def room_of(file: str) -> str:
    """The one of ROOMS that a file is in."""
    return next(room for room in ROOMS if file.startswith(room))


def who_covers(root: Path, room: str) -> dict[tuple[str, int], list[str]]:
    """(file, line) -> the tests of a room that run it, as pytest names them, those that run little else first.

    Line 0 stands for the whole file: what runs when it is imported has no test of its own.
    """
    (root / "rc").write_text(f"[run]\ndynamic_context = test_function\nsource = {PACKAGE}\nconcurrency = thread\n")
    words = [sys.executable, "-m", "coverage", "run", "--rcfile=rc", "-m", "pytest", "-q", *ROOMS[room]]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run(words, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
    data = CoverageData(str(root / ".coverage"))
    data.read()
    found: dict[tuple[str, int], set[str]] = {}
    lines: Counter[str] = Counter()
    for path in data.measured_files():
        file = str(Path(path).relative_to(root))
        for line, contexts in data.contexts_by_lineno(path).items():
            tests = {_node_id(context) for context in contexts if context} - {""}
            lines.update(tests)
            found[file, line] = tests
            found.setdefault((file, 0), set()).update(tests)
    return {
        (file, line): sorted(tests, key=lambda test: (lines[test], test))
        for (file, line), tests in found.items()
        if room_of(file) == room
    }


def _node_id(context: str) -> str:
    """`tests.engine.parts.test_plan.test_x` -> `tests/engine/parts/test_plan.py::test_x`."""
    module, _, function = context.rpartition(".")
    return f"{module.replace('.', '/')}.py::{function}" if function.startswith("test_") else ""


def main() -> int:
    """Run the sample; 0 where enough changes were seen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", default=f"{ENGINE}/", help="parts of names, with commas between")
    options = parser.parse_args()
    began = time.monotonic()
    accepted = {
        (entry["file"], entry["text"], entry["what"]): entry["why"] for entry in json.loads(ACCEPTED.read_text())
    }
    with tempfile.TemporaryDirectory() as scratch:
        copies: Queue[Path] = Queue()
        for number in range(options.processes):
            copies.put(copy_tree(Path(scratch, str(number))))
        files = [str(path.relative_to(ROOT)) for path in sorted((ROOT / PACKAGE).rglob("*.py"))]
        files = [file for file in files if any(part in file for part in options.only.split(","))]
        files = [file for file in files if not any(part in file for part in WITH_SERVERS)]
        first = copies.get()
        covered = {}
        for room in dict.fromkeys(map(room_of, files)):
            covered |= who_covers(first, room)
        copies.put(first)
        everything = [change for file in files for change in changes_of(file)]
        sample = random.Random(options.seed).sample(everything, min(options.sample, len(everything)))

        def look(change: Change) -> str:
            tests = covered.get((change.file, change.line)) or covered.get((change.file, 0), [])
            if time.monotonic() - began > options.minutes * 60:
                return "not run"
            if not tests:
                return "no test"
            rest = tests[MOST_TESTS:]
            chosen = tests[:MOST_TESTS] + random.Random(change.start).sample(rest, min(MOST_TESTS, len(rest)))
            copy = copies.get()
            old = change.apply(copy)
            try:
                return "survived" if run_tests(copy, chosen)[0] == 0 else "seen"
            finally:
                (copy / change.file).write_bytes(old)
                copies.put(copy)

        with ThreadPoolExecutor(options.processes) as pool:
            verdicts = list(pool.map(look, sample))
        kernels = _kernels(copies.get()) if options.only == parser.get_default("only") else []
    return _report(list(zip(sample, verdicts, strict=True)), kernels, accepted, len(everything))


def _kernels(copy: Path) -> list[tuple[str, str]]:
    """The hand-made changes of the kernels, and whether they were seen. One that does not compile is an error here."""
    found = []
    folder = copy / ENGINE / "native"
    compiling = (
        "import sys; from pathlib import Path; from build_kernels import compile_kernels;"
        "folder = Path(sys.argv[1]); sys.exit(compile_kernels(folder, folder / 'kernels.so') or 0)"
    )
    for name, text, new in KERNELS:
        path = folder / name
        old = path.read_text()
        assert text in old, (name, text)
        path.write_text(old.replace(text, new, 1))
        subprocess.run([sys.executable, "-c", compiling, str(folder)], cwd=copy, capture_output=True, check=True)
        seen = run_tests(copy, OF_KERNELS)[0] != 0
        found.append((f"{name}: {text!r} -> {new!r}", "seen" if seen else "survived"))
        path.write_text(old)
    return found


def _report(
    results: list[tuple[Change, str]],
    kernels: list[tuple[str, str]],
    accepted: dict[tuple[str, str, str], str],
    everything: int,
) -> int:
    run = [(change, verdict) for change, verdict in results if verdict != "not run"]
    unseen = [(change, verdict) for change, verdict in run if verdict != "seen"]
    print(f"{len(run)} of {everything} changes tried, {len(run) - len(unseen)} seen")
    unexplained = 0
    for change, verdict in sorted(unseen, key=lambda pair: (pair[0].file, pair[0].line)):
        file = change.file.removeprefix(f"{ENGINE}/").removeprefix(f"{PACKAGE}/")
        why = accepted.get((file, change.text, change.what))
        unexplained += why is None
        print(f"{verdict} | {file}:{change.line} | {change.text} | {change.what} | {why or ''}")
    for what, verdict in kernels:
        print(f"kernel | {verdict} | {what}")
    share = 1 - len(unseen) / max(1, len(run))
    print(f"seen: {share:.1%}; unseen without a reason: {unexplained}; kernels: "
          f"{sum(verdict == 'seen' for _, verdict in kernels)} of {len(kernels)}")  # fmt: skip
    return 0 if share >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main())
