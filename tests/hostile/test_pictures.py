"""Every picture is looked at, also when none is decoded; and no picture takes the machine."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from airflow_savemasks.engine.image.png_container import SIGNATURE, chunk
from tests.hostile.harness import BOTH, MACHINE_ONLY, deflated_zeros, make, put, refused, run_export


def photo(height: int, width: int, ending: str, *options: int) -> bytes:
    pixels = np.random.default_rng(height).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return cv2.imencode(ending, cv2.resize(pixels, (width, height)), list(options))[1].tobytes()


def png(width: int, height: int, data: bytes, *, before: bytes = b"", piece: int = 0, color: int = 2) -> bytes:
    """A PNG of this zlib stream, cut into IDAT chunks of `piece` bytes."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0))
    cuts = [data] if not piece else [data[at : at + piece] for at in range(0, len(data), piece)]
    return b"".join([SIGNATURE, header, before, *(chunk(b"IDAT", cut) for cut in cuts), chunk(b"IEND", b"")])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path / "project")


@pytest.mark.parametrize("raw", [MACHINE_ONLY, BOTH], ids=["machine", "both"])
@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"root:x:0:0:root:/root:/bin/bash\n", "none of JPEG, PNG"),
        (photo(40, 40, ".png")[:-30], "ends too early"),
        (photo(40, 40, ".jpg")[:-30], "ends too early"),
        (photo(40, 40, ".bmp")[:-30], "ends too early"),
        (photo(40, 40, ".webp")[:-30], "ends too early"),
        (photo(40, 40, ".tif")[:300], "does not decode"),
        (b"", "the file is empty"),
        (b"\xff\xd8\xff", "ends too early"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "none of JPEG, PNG"),
    ],
    ids=["text", "png", "jpeg", "bmp", "webp", "tiff", "empty", "jpeg_start", "svg"],
)
def test_what_is_no_whole_picture_is_a_bad_item(
    project: Path, tmp_path: Path, raw: dict[str, object], content: bytes, fact: str
) -> None:
    put(project, "a.png", photo(40, 40, ".png"), (40, 40), [])
    put(project, "b.png", content, (40, 40), [])
    refused(run_export(project, tmp_path / "out", raw), "is bad, first", "ds0/b.png", fact)


@pytest.mark.parametrize("ending", [".png", ".jpg", ".bmp", ".webp", ".tif"])
def test_a_picture_of_another_size_is_seen_though_it_is_not_decoded(project: Path, tmp_path: Path, ending: str) -> None:
    put(project, f"a{ending}", photo(48, 40, ending), (40, 48), [])
    refused(run_export(project, tmp_path / "out", MACHINE_ONLY), "40x48 pixels", "for 48x40")


def test_a_huge_picture_of_another_size_is_refused_by_its_header(project: Path, tmp_path: Path) -> None:
    put(project, "a.png", png(10_000, 12_000, b"not even pixels"), (40, 40), [])
    found = run_export(project, tmp_path / "out", BOTH, megabytes=400)
    refused(found, "10000x12000 pixels", "for 40x40")
    put(project, "a.png", png(16384, 16384, b"not even pixels"), (16384, 16384), [])
    refused(run_export(project, tmp_path / "out", BOTH, megabytes=400), "268,435,456 pixels", "picture_pixels")


def test_an_annotation_of_a_billion_by_a_billion_pixels_is_refused(project: Path, tmp_path: Path) -> None:
    put(project, "a.png", photo(40, 40, ".png"), (10**9, 10**9), [])
    refused(run_export(project, tmp_path / "out", MACHINE_ONLY, megabytes=400), "for 1000000000x1000000000")


def test_a_png_of_25_mb_in_small_chunks_takes_no_longer_than_one_in_large_ones(project: Path, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2900, 2900, 3), np.uint8)
    lines = np.zeros((2900, 1 + 3 * 2900), np.uint8)
    lines[:, 1:] = pixels.reshape(2900, -1)
    stream = zlib.compress(lines.tobytes(), 1)
    put(project, "a.png", png(2900, 2900, stream, piece=8192), (2900, 2900), [])
    put(project, "b.png", png(2900, 2900, stream, piece=500), (2900, 2900), [])
    put(project, "c.png", png(2900, 2900, stream), (2900, 2900), [])
    found = run_export(project, tmp_path / "out", BOTH, seconds=30)
    assert found.code == 0, found.errors


def test_a_png_with_a_hundred_thousand_other_chunks_is_read_in_passing(project: Path, tmp_path: Path) -> None:
    lines = zlib.compress(bytes(40 * 121))
    texts = b"".join(chunk(b"tEXt", b"key\0" + bytes([65 + n % 26])) for n in range(100_000))
    put(project, "a.png", png(40, 40, lines, before=texts), (40, 40), [])
    run_export(project, tmp_path / "out", BOTH, seconds=30)
    put(project, "a.png", png(40, 40, lines, piece=1), (40, 40), [])
    assert run_export(project, tmp_path / "out", BOTH, seconds=30).code == 0


def test_a_jpeg_of_ten_thousand_scans_is_refused(project: Path, tmp_path: Path) -> None:
    content = photo(64, 64, ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    at = content.rfind(b"\xff\xda")
    scan = content[at:-2]
    put(project, "a.jpg", content[:-2] + scan * 10_000 + b"\xff\xd9", (64, 64), [])
    refused(run_export(project, tmp_path / "out", BOTH, seconds=20), "scans of a progressive JPEG", "at most 100")


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_a_picture_at_the_limit_stays_below_the_bound(project: Path, tmp_path: Path, ending: str) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (1000, 1000, 3), np.uint8)
    whole = np.tile(noise, (10, 11, 1))
    options = [1, 90, cv2.IMWRITE_JPEG_PROGRESSIVE, 1] if ending == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 0]
    content = cv2.imencode(ending, whole[:8500, :9500] if ending == ".png" else whole, options)[1].tobytes()
    size = (8500, 9500) if ending == ".png" else (10_000, 11_000)
    put(project, f"a{ending}", content, size, [])
    found = run_export(project, tmp_path / "out", BOTH, seconds=120)
    assert found.code == 0, found.errors
    print(ending, f"{found.megabytes:.0f} MB, {found.seconds:.1f} s")


def test_pixels_that_inflate_beyond_their_header_are_not_inflated(project: Path, tmp_path: Path) -> None:
    put(project, "a.png", png(40, 40, deflated_zeros(1 << 30)), (40, 40), [])
    run_export(project, tmp_path / "out", BOTH, megabytes=400)
