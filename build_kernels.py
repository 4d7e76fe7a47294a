"""Compiles airflow_savemasks/engine/native/*.c when the package is built or installed; a hook of hatchling.

Plain C for any C compiler (CC, or cc), called through ctypes: no header of Python is needed, and one build serves every
Python. Without a compiler the package is built without kernels and does the same work with numpy and ISA-L, slower.

releasing/wheels.py compiles for other machines: CC holds that compiler with its options, and SAVEMASKS_PLATFORM the
platform for the wheel's name, such as manylinux2014_aarch64. Then no compiler is an error: a wheel of that name has
kernels.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "airflow_savemasks/engine/native"
OPTIONS = ("-std=c11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden")
PLATFORM = "SAVEMASKS_PLATFORM"


class KernelsHook(BuildHookInterface):  # type: ignore[type-arg]
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and have the library taken along in the wheel. version: "standard" or "editable"."""
        folder = Path(self.root, FOLDER)
        library = folder / "kernels.so"
        if self.target_name != "wheel":
            return
        platform = os.environ.get(PLATFORM, "")
        if failed := compile_kernels(folder, library):
            if platform:
                raise RuntimeError(f"The kernels for {platform} were not compiled, so there is no wheel: {failed}")
            print(f"airflow-savemasks: built without compiled kernels, which is slower: {failed}", file=sys.stderr)
            return
        build_data["artifacts"].append(f"/{FOLDER}/kernels.so")
        build_data["pure_python"] = False
        platform = platform or sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"


def compile_kernels(folder: Path, library: Path) -> str:
    """Compile the C files of a folder; returns what went wrong, "" if nothing did."""
    running = sha256()  # as native/__init__.py reckons it
    for path in sorted(folder.glob("*.[ch]")):
        running.update(path.read_bytes())
    compiler = shlex.split(os.environ.get("CC", "cc"))
    files = [path.name for path in sorted(folder.glob("*.c"))]  # by name, so that no folder of this machine gets in
    # A folder beside it that is ours alone, and the same name in it: a signature for macOS holds the name
    with tempfile.TemporaryDirectory(prefix=f"{library.name}.", dir=library.parent) as ours:
        made = Path(ours, library.name).absolute()
        words = [*compiler, *OPTIONS, f'-DSOURCES="{running.hexdigest()[:16]}"', "-o", str(made), *files]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=folder)
        except OSError as error:
            return f"{compiler[0]}: {error.strerror}"
        if done.returncode:
            return f"{shlex.join(words)}\n{done.stderr}"
        made.replace(library)
    return ""
