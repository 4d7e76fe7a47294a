"""The shell on a terminal and off it: the bar, the colors, the last line, Ctrl-C, completion; in real processes."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from airflow_savemasks.engine.progress import outcome_line
from tests.engine.samples import LAYER, add_item, layer, make_project

CALLED = "import sys; sys.argv[0] = 'savemasks'; from airflow_savemasks.__main__ import command; sys.exit(command())"


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "layer.json").write_text(json.dumps(LAYER))
    make_project(tmp_path / "project")
    words = ["export", str(tmp_path / "layer.json"), "--source", str(tmp_path / "project")]
    return [*words, "--team-files", str(tmp_path / "out")]


def on_terminal(*words: str, interrupt: bytes = b"", **environment: str) -> tuple[int, str, str]:
    """Run with standard error on a terminal; code, standard output, what the terminal got.

    interrupt: two SIGINT once the terminal has got that.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", CALLED, *words],
        stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm", "COLUMNS": "120", **environment},
    )  # fmt: skip
    os.close(theirs)
    got = b""
    while True:
        try:
            piece = os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
        got += piece
        if interrupt and interrupt in got:
            interrupt = b""
            for _ in range(2):
                process.send_signal(signal.SIGINT)
                time.sleep(0.05)
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, out.decode(), got.decode()


def test_on_a_terminal_there_are_a_bar_colors_and_a_last_line_that_says_what_came_of_it(words: list[str]) -> None:
    code, out, err = on_terminal(*words)
    assert code == 0
    assert json.loads(out)["items"]["rendered"] == 4
    assert "exporting" in err
    assert "\x1b[32m" in err
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", err)
    last = r"export\.tar: 4 items, N kB, N s \(plan N, render N, publish N\), N images/s$".replace("N", "[0-9.]+")
    assert re.search(last, plain.rstrip().splitlines()[-1])
    assert "100 %" not in plain
    again = on_terminal(*words, NO_COLOR="1")[2]
    assert "4 items, nothing changed" in again
    assert "\x1b[32m" not in again


def test_elsewhere_there_are_lines_without_any_of_it(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", CALLED, *words], capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("INFO ")
    assert "export.tar: 4 items, " in done.stderr.splitlines()[-1]


def test_an_error_is_a_fact_and_a_fix_in_colors_on_a_terminal(words: list[str], tmp_path: Path) -> None:
    raw = layer(gt_human_color={"laef": [1, 2, 3], "box": [3, 2, 1]})
    (tmp_path / "layer.json").write_text(json.dumps(raw))
    words = [*words, "--unknown-colors", "error"]
    code, out, err = on_terminal(*words)
    assert (code, out) == (2, "")
    assert re.search(r"\x1b\[1;31merror: \x1b\[0m.*did you mean 'leaf'", err)
    assert re.search(r"\x1b\[1;32mfix: \x1b\[0m", err)
    done = subprocess.run([sys.executable, "-c", CALLED, *words], capture_output=True, text=True, check=False)
    first, second = done.stderr.splitlines()
    assert first == "error: gt_human_color: no source has the class 'laef' (did you mean 'leaf'?)"
    assert second.startswith("fix: Correct the names")


def test_bad_items_are_said_in_a_line_then_the_fix_then_each(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "project/ds0/img/0001.png").write_bytes(b"x")
    done = subprocess.run([sys.executable, "-c", CALLED, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if not line.startswith(("INFO ", "ERROR "))]
    assert said[0].startswith("error: 1 of 4 items is bad, first: ")
    assert "0001.png: the picture does not decode" in said[0]
    assert said[1].startswith("fix: Mend them at the source")
    assert said[2].strip() == "nothing was published:"
    assert said[3].startswith("  ")
    assert "0001.png" in said[3]
    assert "100 %" not in done.stderr


def test_each_warning_is_said_once(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "layer.json").write_text(json.dumps(layer(gt_machine_color={"leaf": [9, 9, 9], "box": [9, 9, 9]})))
    done = subprocess.run([sys.executable, "-c", CALLED, *words], capture_output=True, text=True, check=True)
    warned = [line for line in done.stderr.splitlines() if line.startswith("WARNING ")]
    assert warned == ["WARNING classes share a colour: gt_machine_color 'leaf', 'box' [9, 9, 9]"]
    assert json.loads(done.stdout)["warnings"] == [line.removeprefix("WARNING ") for line in warned]


def test_two_interrupts_leave_one_line_and_the_cursor(words: list[str], tmp_path: Path) -> None:
    for number in range(4, 400):
        add_item(tmp_path / "project", f"{number:04d}.png", number)
    code, out, err = on_terminal(*words, "--workers", "1", interrupt=b"items, ")
    if code == 0:
        pytest.skip("it was done sooner")
    assert out == ""
    assert code in {130, -signal.SIGINT}  # the second one may come while the interpreter ends
    assert "Traceback" not in err
    assert err.count("stopped") == 1
    assert err.rindex("\x1b[?25h") > err.rindex("\x1b[?25l")


def test_the_command_is_installed_under_its_name_and_says_so_in_its_help() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, name = project["scripts"]["savemasks"].partition(":")
    assert callable(getattr(import_module(module), name))
    for words, called in ((["-c", CALLED], "savemasks"), (["-m", "airflow_savemasks"], "python -m airflow_savemasks")):
        done = subprocess.run([sys.executable, *words, "--help"], capture_output=True, text=True, check=True)
        assert done.stdout.startswith(f"usage: {called} ")


@pytest.mark.parametrize(
    ("line", "offered"),
    [("savemasks sho", {"show"}), ("savemasks export x.json --unknown-colors ", {"error", "typos", "warn"}),
     ("savemasks show x.tar a --kind h", {"human"}), ("savemasks show x.tar a --kind i", {"instances"}),
     ("savemasks extract x.tar --kind s", {"semantic"}), ("savemasks list x.tar --sp", {"--split"})],
)  # fmt: skip
def test_words_are_completed(line: str, offered: set[str], tmp_path: Path) -> None:
    found = tmp_path / "completions"
    environment = {
        "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_STDOUT_FILENAME": str(found),
        "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", CALLED], env={**os.environ, **environment}, check=True, timeout=30)
    assert {word.strip() for word in found.read_text().splitlines()} == offered


def test_what_nobody_foresaw_is_a_line_and_a_traceback_only_if_asked_for(words: list[str]) -> None:
    code = CALLED.replace("sys.exit", "import airflow_savemasks.engine.export as e; e.make_plan = None; sys.exit")
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: unforeseen TypeError: ")
    assert "Traceback" not in done.stderr
    shown = subprocess.run([sys.executable, "-c", code, *words, "--debug"], capture_output=True, text=True, check=False)
    assert "Traceback" in shown.stderr


@pytest.mark.parametrize(
    ("items", "unchanged", "told"),
    [
        ((2, 9, 1), False, "11 items, 2 rendered, 9 reused, 1 skipped, 3.1 GB"),
        ((1, 0, 0), False, "1 item, 3.1 GB"),
        ((0, 4, 0), True, "4 items, nothing changed, 3.1 GB"),
        ((0, 4, 2), True, "4 items, nothing changed, 2 skipped, 3.1 GB"),
    ],
)
def test_the_last_line(items: tuple[int, int, int], unchanged: bool, told: str) -> None:
    counts = dict(zip(("rendered", "reused", "skipped"), items, strict=True))
    result = {"archive": "/out/x.tar", "items": counts, "unchanged": unchanged, "bytes": 3_100_000_000}
    assert outcome_line(result) == f"/out/x.tar: {told}"
    before = told.removesuffix(", 3.1 GB")
    stages = {"plan": 0.25, "render": 4.0, "publish": 0.75}
    times = "5.0 s (plan 0.2, render 4.0, publish 0.8)" + (f", {items[0] / 4:.1f} images/s" if items[0] else "")
    more = {**result, "left_out": 7, "stages": stages}
    assert outcome_line(more) == f"/out/x.tar: {before}, 7 left out, 3.1 GB, {times}"


def test_what_names_hold_moves_no_cursor_on_any_line(words: list[str], tmp_path: Path) -> None:
    project = tmp_path / "project"
    add_item(project, "a\x1b[2J\u202e.png", 1, objects=[])
    (project / "ds0" / "ann" / "0001.png.json").rename(project / "ds0" / "ann" / "b\x1b[2J.png.json")
    (project / "ds0" / "img" / "0001.png").rename(project / "ds0" / "img" / "b\x1b[2J.png")
    (project / "ds0" / "ann" / "b\x1b[2J.png.json").write_text("{")
    failed = [*words, "--on-bad-item", "skip", "--gate", "max_unlabelled=0"]
    plain = subprocess.run([sys.executable, "-c", CALLED, *failed], check=False, capture_output=True, text=True)
    for said in (plain.stderr, on_terminal(*failed)[2]):
        assert "a\\x1b[2J\\u202e.png" in said
        assert "b\\x1b[2J.png" in said
        assert "\x1b[2J" not in said
        assert "\u202e" not in said
