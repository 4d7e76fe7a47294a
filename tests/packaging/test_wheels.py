"""Wheels: one for each platform, with everything and nothing else, asking for nothing that the platform may lack."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from tests.packaging.conftest import ROOT, copy_of_checkout, make_wheels

KERNELS = "airflow_savemasks/engine/native/kernels.so"
LINUX = {
    "manylinux2014_x86_64": "EM_X86_64",
    "manylinux2014_aarch64": "EM_AARCH64",
    "musllinux_1_2_x86_64": "EM_X86_64",
    "musllinux_1_2_aarch64": "EM_AARCH64",
}
MAC = {"macosx_11_0_x86_64": 0x01000007, "macosx_11_0_arm64": 0x0100000C}  # their CPU types in a Mach-O file
NEWEST_GLIBC = (2, 17)


def wheel_of(dist: Path, platform: str) -> zipfile.ZipFile:
    (path,) = dist.glob(f"*-py3-none-{platform}.whl")
    return zipfile.ZipFile(path)


def test_each_platform_has_a_wheel_and_beside_them_lie_sdist_sbom_and_sums(dist: Path) -> None:
    names = {path.name for path in dist.iterdir()}
    wheels = {f"airflow_savemasks-0.1.0-py3-none-{platform}.whl" for platform in (*LINUX, *MAC)}
    assert names == wheels | {"airflow_savemasks-0.1.0.tar.gz", "airflow_savemasks-0.1.0.cdx.json", "SHA256SUMS"}
    for line in (dist / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert sha256((dist / name).read_bytes()).hexdigest() == digest
        names.remove(name)
    assert names == {"SHA256SUMS"}


@pytest.mark.parametrize("platform", [*LINUX, *MAC])
def test_a_wheel_holds_the_package_and_nothing_else(dist: Path, checkout: Path, platform: str) -> None:
    package = checkout / "airflow_savemasks"
    expected = {str(path.relative_to(checkout)) for path in package.rglob("*") if path.is_file()}
    about = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    expected |= {KERNELS} | {f"airflow_savemasks-0.1.0.dist-info/{name}" for name in about}
    with wheel_of(dist, platform) as wheel:
        assert set(wheel.namelist()) == expected
        assert {"airflow_savemasks/py.typed", "airflow_savemasks/ui/static/page.html"} < expected
        said = wheel.read("airflow_savemasks-0.1.0.dist-info/WHEEL").decode()
    assert f"Tag: py3-none-{platform}\n" in said
    assert "Root-Is-Purelib: false\n" in said


@pytest.mark.parametrize("platform", LINUX)
def test_a_library_for_linux_asks_for_old_symbols_of_libc_alone(dist: Path, platform: str) -> None:
    with wheel_of(dist, platform) as wheel:
        elf = ELFFile(BytesIO(wheel.read(KERNELS)))
    assert elf["e_machine"] == LINUX[platform]
    dynamic = next(section for section in elf.iter_sections() if isinstance(section, DynamicSection))
    needed = [tag.needed for tag in dynamic.iter_tags() if tag.entry.d_tag == "DT_NEEDED"]
    assert needed == (["libc.so.6"] if platform.startswith("manylinux") else ["libc.so"])
    assert not [tag for tag in dynamic.iter_tags() if tag.entry.d_tag in {"DT_RPATH", "DT_RUNPATH", "DT_TEXTREL"}]
    symbols = elf.get_section_by_name(".dynsym")
    wanted = {symbol.name for symbol in symbols.iter_symbols() if symbol.name and symbol["st_shndx"] == "SHN_UNDEF"}
    assert wanted <= {"memcpy", "memmove", "memset", "memcmp"}
    asked = [
        auxiliary.name
        for section in elf.iter_sections()
        if isinstance(section, GNUVerNeedSection)
        for _, auxiliaries in section.iter_versions()
        for auxiliary in auxiliaries
    ]
    assert bool(asked) is platform.startswith("manylinux")
    for name in asked:
        assert tuple(map(int, name.removeprefix("GLIBC_").split("."))) <= NEWEST_GLIBC, name


@pytest.mark.parametrize("platform", MAC)
def test_a_library_for_macos_is_for_that_processor_and_the_version_in_its_name(dist: Path, platform: str) -> None:
    with wheel_of(dist, platform) as wheel:
        content = wheel.read(KERNELS)
    magic, cpu, _, kind, commands = (int.from_bytes(content[at : at + 4], "little") for at in range(0, 20, 4))
    assert (magic, cpu, kind) == (0xFEEDFACF, MAC[platform], 6)  # 64 bits, a dylib
    at, found = 32, {}
    for _ in range(commands):
        command, size = (int.from_bytes(content[at + more : at + more + 4], "little") for more in (0, 4))
        found.setdefault(command, []).append(content[at : at + size])
        at += size
    (version,) = found[0x32]  # LC_BUILD_VERSION: platform 1 is macOS, then the oldest version as 16.8.8 bits
    assert int.from_bytes(version[8:12], "little") == 1
    assert int.from_bytes(version[12:16], "little") == 11 << 16
    libraries = [entry[24:].split(b"\0")[0] for entry in found[0xC]]
    assert libraries == [b"/usr/lib/libSystem.B.dylib"]
    (name,) = found[0xD]
    assert name[24:].split(b"\0")[0] == b"@rpath/kernels.so"
    assert (0x1D in found) is platform.endswith("arm64")  # that processor runs nothing without a signature


@pytest.mark.parametrize("platform", [*LINUX, *MAC])
def test_all_libraries_are_of_the_same_sources(dist: Path, platform: str) -> None:
    running = sha256()
    for path in sorted((ROOT / "airflow_savemasks/engine/native").glob("*.[ch]")):
        running.update(path.read_bytes())
    with wheel_of(dist, platform) as wheel:
        content = wheel.read(KERNELS)
    assert running.hexdigest()[:16].encode() in content


@pytest.mark.parametrize("platform", [*LINUX, *MAC])
def test_no_folder_of_this_machine_is_in_a_library(dist: Path, checkout: Path, platform: str) -> None:
    with wheel_of(dist, platform) as wheel:
        texts = re.findall(rb"[\x20-\x7e]{5,}", wheel.read(KERNELS))
    known = {b"@rpath/kernels.so", b"/usr/lib/libSystem.B.dylib", b"/usr/lib/dyld"}
    assert [text for text in texts if text not in known and re.search(rb"/[a-z]+/|zig|kernels\.so\.", text)] == []
    assert str(checkout).encode() not in b"".join(texts)


def test_two_builds_in_two_folders_give_the_same_bytes(dist: Path, checkout: Path, tmp_path: Path) -> None:
    """Another folder, another order of creation, other times and modes, an empty cache, another user's mask."""
    other = copy_of_checkout(tmp_path / "another folder")
    for path in other.rglob("*"):
        path.chmod(0o700 if path.is_dir() or path.stat().st_mode & 0o100 else 0o600)
    again = make_wheels(other, tmp_path / "dist", cache=tmp_path / "zig", TZ="Asia/Tokyo", LC_ALL="C")
    sums = [(folder / "SHA256SUMS").read_text().splitlines() for folder in (dist, again)]
    assert sums[0] == sums[1]
    assert len(sums[0]) == 8


def test_where_the_kernels_do_not_compile_there_is_no_wheel(checkout: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(checkout, tmp_path / "broken")
    with (broken / "airflow_savemasks/engine/native/lines.c").open("a") as file:
        file.write("no C\n")
    with pytest.raises(subprocess.CalledProcessError):
        make_wheels(broken, tmp_path / "dist", "manylinux2014_x86_64")
    assert not list((tmp_path / "dist").glob("*.whl"))


def test_the_index_would_take_them(dist: Path) -> None:
    files = [str(path) for path in dist.iterdir() if path.suffix in {".whl", ".gz"}]
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
