"""What `make wheels` makes, once for all tests, of a copy of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = str(Path(sys.executable).with_name("uv"))
sys.path.insert(0, str(ROOT / "releasing"))


def copy_of_checkout(to: Path) -> Path:
    """A folder with what the checkout holds, without what tools have left in it."""
    if (ROOT / ".git").exists():
        asked = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split("\0")
        for name in filter(None, listed):
            if (ROOT / name).is_file():
                (to / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, to / name)
        return to
    ignored = shutil.ignore_patterns(".venv", ".release", ".compat", ".aarch64", "dist", "__pycache__", "*.so")
    return shutil.copytree(ROOT, to, ignore=ignored, dirs_exist_ok=True)


def make_wheels(source: Path, dist: Path, *platforms: str, cache: Path | None = None, **environment: str) -> Path:
    """Run releasing/wheels.py for a folder. cache: of zig, so that nothing is taken from an earlier build."""
    more = {"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)} if cache else {}
    words = [sys.executable, str(source / "releasing/wheels.py"), "--source", str(source), "--dist", str(dist)]
    subprocess.run(
        [*words, *platforms], check=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"} | more | environment
    )
    return dist


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def dist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all that a release consists of."""
    return make_wheels(checkout, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def unpacked(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sdist, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    (sdist,) = dist.glob("*.tar.gz")
    shutil.unpack_archive(sdist, folder, filter="data")
    (inside,) = folder.iterdir()
    yield inside
    shutil.rmtree(folder, ignore_errors=True)
