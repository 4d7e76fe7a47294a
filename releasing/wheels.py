"""Builds what a release consists of: the sdist, and from it one wheel for each platform, into dist/; `make wheels`.

The kernels are plain C without Python's headers, so that one compiler, zig's, makes them for every platform on any
machine. Two runs of the same sources give the same bytes, wherever they run: times come from the last commit (or
SOURCE_DATE_EPOCH), and neither names of folders nor of this machine get in. Beside the wheels lie the SBOM (sbom.py)
and SHA256SUMS.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from hashlib import sha256
from pathlib import Path

from sbom import sbom

ROOT = Path(__file__).resolve().parents[1]
PLATFORM = "SAVEMASKS_PLATFORM"  # build_kernels.py reads it

# Platform in the wheel's name -> zig's name of it: the oldest glibc, musl and macOS that the wheel is for
TARGETS = {
    "manylinux2014_x86_64": "x86_64-linux-gnu.2.17",
    "manylinux2014_aarch64": "aarch64-linux-gnu.2.17",
    "musllinux_1_2_x86_64": "x86_64-linux-musl",
    "musllinux_1_2_aarch64": "aarch64-linux-musl",
    "macosx_11_0_x86_64": "x86_64-macos.11.0",
    "macosx_11_0_arm64": "aarch64-macos.11.0",
}


def compiler(target: str) -> str:
    """The words of CC for a target: zig's compiler, without symbols and without a name made of the output's path."""
    words = f"{sys.executable} -m ziglang cc -target {target} -s"
    return f"{words} -Wl,-install_name,@rpath/kernels.so" if "macos" in target else words


def epoch(root: Path) -> str:
    """Seconds since 1970 for all times in the files: SOURCE_DATE_EPOCH, or when the last commit was made."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return given
    words = ["git", "-C", str(root), "log", "-1", "--format=%ct"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "1580601600"  # what hatchling takes, too


def hatch(kind: str, source: Path, made: Path, environment: dict[str, str]) -> Path:
    """Build one file; returns its path in `made`. Raises CalledProcessError if that fails."""
    before = set(made.iterdir())
    words = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(made)]
    subprocess.run(words, cwd=source, env=environment, check=True, stdout=subprocess.DEVNULL)
    (path,) = set(made.iterdir()) - before
    return path


def build(root: Path, made: Path, platforms: list[str]) -> list[Path]:
    """The sdist of a checkout and the wheels for the platforms, in a folder that is there; returns their paths."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": epoch(root)}
    sdist = hatch("sdist", root, made, environment)
    paths = [sdist]
    with tempfile.TemporaryDirectory(prefix="savemasks-wheels-") as folder:
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        source = Path(folder, sdist.name.removesuffix(".tar.gz"))
        for platform in platforms:
            environment |= {"CC": compiler(TARGETS[platform]), PLATFORM: platform}
            paths.append(hatch("wheel", source, made, environment))
            print(paths[-1].name, flush=True)
    return paths


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("platforms", nargs="*", help=f"instead of all: {', '.join(TARGETS)}")
    parser.add_argument("--source", type=Path, default=ROOT, help="the checkout")
    parser.add_argument(
        "--dist", type=Path, help="folder for the files, emptied before; dist/ of the checkout if not given"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.platforms) - set(TARGETS):
        parser.error(f"{', '.join(unknown)}: no platform of ours; there are {', '.join(TARGETS)}")
    made = (chosen.dist or chosen.source / "dist").resolve()
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    paths = build(chosen.source.resolve(), made, chosen.platforms or list(TARGETS))
    version = paths[0].name.removesuffix(".tar.gz").rpartition("-")[2]
    paths.append(made / f"airflow_savemasks-{version}.cdx.json")
    paths[-1].write_text(sbom(chosen.source, version))
    sums = "".join(f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(paths))
    (made / "SHA256SUMS").write_text(sums)
    return 0


if __name__ == "__main__":
    sys.exit(main())
