"""Exports of hostile projects, each in a process of its own with a bound on its memory and its time."""

from __future__ import annotations

import base64
import functools
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.engine.samples import LAYER, layer

SECONDS = 60.0  # a machine may be slow; what is quadratic takes minutes
MEGABYTES = 1500  # of resident memory, at the most
HARD_BYTES = 8 << 30  # of address space: the machine survives a test that fails

BITMAPS = [
    {"title": "leaf", "shape": "polygon", "color": "#00FF00"},
    {"title": "box", "shape": "rectangle", "color": "#FF0000"},
    {"title": "mask", "shape": "bitmap", "color": "#0000FF"},
    {"title": "any", "shape": "any", "color": "#00FFFF"},
]
COLORS = {"leaf": [100, 100, 100], "box": [200, 200, 200], "mask": [50, 50, 50], "any": [70, 70, 70]}
MACHINE_ONLY = layer(masks_human=False, gt_machine_color=COLORS)
BOTH = layer(gt_machine_color=COLORS, gt_human_color={name: [value[0], 9, 9] for name, value in COLORS.items()})


@dataclass
class Outcome:
    """How a process ended. errors: what it wrote to standard error; megabytes: its largest resident memory."""

    code: int
    result: dict[str, Any] | None
    errors: str
    seconds: float
    megabytes: float
    bad: list[dict[str, str]] = field(default_factory=list)

    @property
    def error(self) -> str:
        """From the line with the error on."""
        return self.errors[self.errors.rfind("error: ") :] if "error: " in self.errors else ""


def run_shell(*words: str, seconds: float = SECONDS, megabytes: float = MEGABYTES) -> Outcome:
    """`python -m airflow_savemasks` with these words. Fails where it takes too long or too much, or dies of itself."""

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (HARD_BYTES, HARD_BYTES))

    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "airflow_savemasks", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=bound,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    texts: dict[str, bytes] = {}

    def drain(name: str, pipe: Any) -> None:
        texts[name] = pipe.read()

    threads = [
        threading.Thread(target=drain, args=(name, getattr(process, name)), daemon=True)
        for name in ("stdout", "stderr")
    ]
    for thread in threads:
        thread.start()
    timer = threading.Timer(seconds, process.send_signal, [signal.SIGKILL])
    timer.start()
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    for thread in threads:
        thread.join(5)
    taken = time.monotonic() - began
    errors = texts.get("stderr", b"").decode("utf-8", "backslashreplace")
    outcome = Outcome(process.returncode, None, errors, taken, usage.ru_maxrss / 1024)
    assert process.returncode in (0, 1, 2, 130, 143), f"died with {process.returncode} after {taken:.0f} s:\n{errors}"
    assert "Traceback" not in errors, errors
    assert outcome.megabytes < megabytes, f"{outcome.megabytes:.0f} MB"
    lines = texts.get("stdout", b"").decode().splitlines()
    if process.returncode == 0:
        outcome.result = json.loads(lines[-1])
    return outcome


def run_export(project: Path | str, out: Path, raw: Any = LAYER, *words: str, **bounds: float) -> Outcome:
    """Export one project to a folder."""
    out.mkdir(parents=True, exist_ok=True)
    file = out.parent / "layer.json"
    file.write_text(json.dumps(raw))
    outcome = run_shell(str(file), "--source", str(project), "--team-files", str(out), *words, **bounds)
    listed = out / f"{raw['dst']}.bad_items.jsonl"
    if os.path.isfile(listed):  # False too where the name is too long
        outcome.bad = [json.loads(line) for line in listed.read_text().splitlines()]
    return outcome


def refused(outcome: Outcome, *words: str) -> None:
    """The export failed for its input, published nothing, and named these words."""
    assert outcome.code in (1, 2), outcome
    missing = [word for word in words if word not in outcome.error]
    assert not missing, f"{missing} not in {outcome.error}"


def make(root: Path, classes: list[dict[str, str]] = BITMAPS) -> Path:
    """A project with one dataset and no items."""
    for folder in ("img", "ann"):
        (root / "ds0" / folder).mkdir(parents=True, exist_ok=True)
    (root / "meta.json").write_text(json.dumps({"classes": classes, "tags": []}))
    return root


def put(root: Path, name: str, picture: bytes, size: tuple[int, int] | None, objects: list[Any]) -> None:
    """An item. size: (height, width) that its annotation names, None: no annotation."""
    (root / "ds0/img" / name).write_bytes(picture)
    if size is not None:
        data = {"size": {"height": size[0], "width": size[1]}, "tags": [], "objects": objects}
        (root / "ds0/ann" / f"{name}.json").write_text(json.dumps(data))


def bitmap(data: bytes, origin: tuple[int, int] = (0, 0), title: str = "mask", key: str = "bitmap") -> dict[str, Any]:
    """A label whose data are these bytes."""
    text = base64.b64encode(data).decode()
    kind = {"geometryType": key if key != "bitmap" else "bitmap"}
    return {"classTitle": title, "tags": [], key: {"origin": list(origin), "data": text}, **kind}


@functools.cache
def deflated_zeros(size: int) -> bytes:
    """A zlib stream of so many zero bytes, made in pieces."""
    packer = zlib.compressobj(9)
    block = bytes(1 << 20)
    pieces = [packer.compress(block[: min(len(block), size - at)]) for at in range(0, size, len(block))]
    return b"".join([*pieces, packer.flush()])
