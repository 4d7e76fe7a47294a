"""The kernels under the address and undefined behaviour sanitizers, on what the tests of this folder give them.

The tests run once more, in a process whose library was compiled with them: damage that a kernel would read or write
behind an array for, or count on what C leaves undefined for, ends that process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_savemasks.engine import native

ROOT = Path(__file__).parents[3]
LIBRARY = "libasan.so"
CHILD = """
import sys
from pathlib import Path
import pytest
from airflow_savemasks.engine import native
native.FILE = Path(sys.argv[1])
native.library = native._load()
assert native.library is not None
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[2:]]))
"""


def sanitizer() -> str:
    """Where the compiler has the library of its address sanitizer, "" if it has none."""
    if not shutil.which("gcc"):
        return ""
    found = subprocess.run(["gcc", f"-print-file-name={LIBRARY}"], capture_output=True, text=True, check=False)
    path = found.stdout.strip()
    return path if found.returncode == 0 and Path(path).is_absolute() else ""


@pytest.mark.skipif(not sanitizer(), reason="no gcc with sanitizers here")
def test_no_kernel_leaves_its_arrays_or_the_language(tmp_path: Path) -> None:
    made = tmp_path / "kernels.so"
    options = ["-std=c11", "-O1", "-g", "-fPIC", "-shared", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    files = [str(path) for path in sorted(native.HERE.glob("*.c"))]
    subprocess.run(["gcc", *options, f'-DSOURCES="{native.sources()}"', "-o", str(made), *files], check=True)
    tests = ["test_bitmaps.py", "test_inflate.py", "test_stamps.py", "test_writing.py"]
    paths = [*(Path(__file__).with_name(name) for name in tests), Path(__file__).parents[1] / "image" / "test_scale.py"]
    words = [sys.executable, "-c", CHILD, str(made), *map(str, paths)]
    more = {"LD_PRELOAD": sanitizer(), "ASAN_OPTIONS": "detect_leaks=0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=ROOT, env=os.environ | more, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "[100%]" in done.stdout
