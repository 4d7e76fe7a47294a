"""The compiled kernels give the pixels that numpy, OpenCV and zlib give."""

from __future__ import annotations

import shutil
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_savemasks.engine import native
from airflow_savemasks.engine.image import decode as picture
from airflow_savemasks.engine.image import png_container as png_chunks
from airflow_savemasks.engine.image import png_read as picture_png
from airflow_savemasks.engine.image import png_write as png
from airflow_savemasks.engine.job import renderer
from airflow_savemasks.engine.masks.human import human_lines
from airflow_savemasks.engine.masks.spans import Spans
from tests.engine.samples import decoded, make_project, members, run

ROOT = Path(__file__).parents[3]
compiled = pytest.mark.skipif(native.library is None, reason="the kernels are not compiled here")


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "library", None)


def bytes_of(kind: str, size: int, seed: int) -> np.ndarray:
    """Bytes as scan lines have them: flat, noisy, repeated, or all in turns."""
    rng = np.random.default_rng(seed)
    made = {
        "flat": lambda: np.repeat(rng.integers(0, 4, size // 50 + 1), 50),
        "noise": lambda: rng.integers(0, 256, size),
        "gentle": lambda: np.round(rng.normal(0, 2, size)).astype(int) % 256,
        "repeated": lambda: np.tile(rng.integers(0, 256, int(rng.integers(1, 9000))), size // 8 + 1),
        "rare": lambda: np.where(rng.random(size) < 0.001, rng.integers(0, 256, size), 7),
    }
    if kind == "mixed":
        return np.concatenate([bytes_of(one, size // 5, seed) for one in made])
    return made[kind]()[:size].astype(np.uint8)


@compiled
@settings(max_examples=60)
@given(
    st.sampled_from(["flat", "noise", "gentle", "repeated", "rare", "mixed"]),
    st.one_of(st.integers(0, 64), st.integers(65, 600_000)),
    st.integers(0, 2**32),
    st.sampled_from([0, 1, 3, 300, 5763, 32768, 40000]),
)
def test_what_is_compressed_comes_back(kind: str, size: int, seed: int, distance: int) -> None:
    data = bytes_of(kind, size, seed)
    stream = b"".join(native.compress(data.reshape(1, -1), distance))
    assert zlib.decompress(stream) == data.tobytes()
    assert len(stream) < len(data) * 1.02 + 600


@compiled
@pytest.mark.parametrize("seed", range(4))
def test_no_code_is_longer_than_deflate_allows_however_rare_a_byte_is(seed: int) -> None:
    """Bytes as often as Fibonacci's numbers would have codes of one bit more each."""
    often = [1, 1]
    while len(often) < 24:
        often.append(often[-1] + often[-2])
    data = np.random.default_rng(seed).permutation(np.repeat(np.arange(24, dtype=np.uint8) * 9, often))
    assert zlib.decompress(b"".join(native.compress(data.reshape(1, -1), 0))) == data.tobytes()


@compiled
def test_what_a_call_before_has_compressed_is_found_again_by_the_next_one() -> None:
    data = np.tile(bytes_of("noise", 20_000, 3), 2)
    stream = native.Stream(0)
    pieces = [stream.write(data[:20_000], 0), stream.write(data[20_000:], 20_000)]
    packed = b"".join([*pieces, stream.end()])
    assert zlib.decompress(packed) == data.tobytes()
    assert len(packed) < 21_000


@compiled
def test_pieces_of_any_size_make_one_stream() -> None:
    data = bytes_of("mixed", 300_000, 5)
    for step in (1_000, 32_768, 99_999):
        stream = native.Stream(5763)
        pieces = [stream.write(data[at : at + step], min(at, native.WINDOW)) for at in range(0, len(data), step)]
        assert zlib.decompress(b"".join([*pieces, stream.end()])) == data.tobytes()


@compiled
def test_repeats_are_found() -> None:
    """The unpainted half of a human mask costs next to nothing, and flat areas neither."""
    half = bytes_of("gentle", 1_000_000, 1).reshape(1000, 1000)
    once, twice = (
        sum(map(len, native.compress(lines, 1000))) for lines in (half, np.concatenate([half, half], axis=1))
    )
    assert twice < once * 1.02
    assert sum(map(len, native.compress(np.zeros((1000, 1000), np.uint8), 1000))) < 1500


@compiled
@given(
    st.integers(1, 70),
    st.integers(1, 90),
    st.integers(0, 2**32),
    st.sampled_from([np.uint8, np.uint16]),
    st.booleans(),
    st.booleans(),
)
def test_a_human_mask_is_the_same_with_and_without_kernels(
    height: int, width: int, seed: int, dtype: type, alpha: bool, smooth: bool
) -> None:
    rng = np.random.default_rng(seed)
    photo = rng.integers(0, 256, (height, width, 3), np.uint8)
    if smooth:
        photo = cv2.blur(photo, (9, 9))
    most = 256 if dtype is np.uint8 else 400
    numbers = np.zeros((height, width), dtype)
    for number in rng.integers(0, most, 6):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        numbers[y : y + 20, x : x + int(rng.integers(1, 60))] = number
    colors = rng.integers(1, 256, (most, 3), np.uint8)
    colors[0] = 0
    drawing = colors[numbers] * rng.integers(0, 2, (height, width, 1), np.uint8) if alpha else None
    everywhere = Spans([], width, height)
    everywhere.of = lambda top, bottom: [(0, width)]  # type: ignore[method-assign]

    def mask() -> np.ndarray:
        return decoded(png.encode(human_lines(photo, numbers, colors, drawing, everywhere, lambda: None)))

    with_kernels = mask()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "library", None)
        assert np.array_equal(mask(), with_kernels)
    shown = colors[numbers] if drawing is None else drawing
    wanted = np.where(shown.any(axis=2, keepdims=True), (0.5 * shown + 0.5 * photo).astype(np.uint8), photo)
    assert np.array_equal(with_kernels[:, width + 1 :], wanted)


@compiled
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**32), st.sampled_from([np.uint8, np.uint16]))
def test_numbers_are_counted(height: int, width: int, seed: int, dtype: type) -> None:
    numbers = np.random.default_rng(seed).integers(0, 300, (height, width)).astype(dtype)
    assert np.array_equal(native.count(numbers, 300), np.bincount(numbers.ravel(), minlength=300))


TURNED = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # EXIF: orientation 6
FILTERS = {"none": 8, "sub": 16, "up": 32, "average": 64, "paeth": 128, "adaptive": 248}


@compiled
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32), st.sampled_from(list(FILTERS)))
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_png_picture_is_read_as_opencv_reads_it(channels: int, height: int, width: int, seed: int, name: str) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    content = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_FILTER, FILTERS[name]])[1].tobytes()
    read = picture_png.read(content)
    assert read is not None
    assert np.array_equal(read, cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB))


@compiled
def test_other_pngs_are_left_to_opencv() -> None:
    pixels = np.arange(48, dtype=np.uint16).reshape(4, 4, 3) * 1000
    two = png.encode_two_level(np.eye(9, dtype=bool))
    plain = cv2.imencode(".png", pixels.astype(np.uint8))[1].tobytes()
    turned = plain[:33] + png_chunks.chunk(b"eXIf", TURNED) + plain[33:]
    assert picture_png.read(plain) is not None
    assert not [content for content in (two, turned, plain[:60]) if picture_png.read(content) is not None]


def test_without_kernels_every_png_is_left_to_opencv(without: None) -> None:
    assert picture_png.read(cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()) is None


@compiled
@pytest.mark.parametrize("at", [20, 45, 60, -20])
def test_a_damaged_png_is_left_to_opencv(at: int) -> None:
    content = bytearray(cv2.imencode(".png", np.zeros((9, 9, 3), np.uint8))[1].tobytes())
    content[at] ^= 1
    assert picture_png.read(bytes(content)) is None


@compiled
def test_a_png_that_unpacks_to_more_than_its_size_is_not_unpacked() -> None:
    """A small file could fill the memory otherwise."""
    lines = zlib.compress(bytes(200_000_000))
    header = png_chunks.chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0))
    content = png_chunks.SIGNATURE + header + png_chunks.chunk(b"IDAT", lines) + png_chunks.chunk(b"IEND", b"")
    tracemalloc.start()
    assert picture_png.read(content) is None
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@compiled
def test_a_turned_png_is_turned() -> None:
    pixels = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    plain = cv2.imencode(".png", pixels)[1].tobytes()
    assert picture.decode(plain).shape == (3, 4, 3)
    assert picture.decode(plain[:33] + png_chunks.chunk(b"eXIf", TURNED) + plain[33:]).shape == (4, 3, 3)


@compiled
def test_the_files_differ_only_in_how_pngs_are_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path / "project", items=5)
    one = members(run(project, tmp_path / "one")["archive"])
    known = renderer()
    monkeypatch.setattr(native, "library", None)
    other = members(run(project, tmp_path / "other")["archive"])
    assert list(one) == list(other)
    for name, content in one.items():
        if "/masks_" in name:
            assert np.array_equal(decoded(content), decoded(other[name]))
        else:
            assert content == other[name]
    assert renderer() != known, "or parts of one kind would be reused for the other"


@pytest.fixture
def builder() -> Iterator[object]:
    pytest.importorskip("hatchling")
    sys.path.insert(0, str(ROOT))
    import build_kernels

    yield build_kernels
    sys.path.remove(str(ROOT))


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler here")
def test_the_kernels_compile_and_a_library_of_other_sources_is_not_used(
    builder: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for path in native.HERE.glob("*.[ch]"):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(native, "HERE", tmp_path)
    monkeypatch.setattr(native, "FILE", tmp_path / "kernels.so")
    assert native._load() is None
    assert builder.compile_kernels(tmp_path, tmp_path / "kernels.so") == ""  # type: ignore[attr-defined]
    assert native._load() is not None
    (tmp_path / "lines.c").write_text("/* changed */")
    assert native._load() is None
    assert "compiled from other sources" in caplog.text


def test_a_missing_compiler_is_told(builder: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    assert "no-such-compiler" in builder.compile_kernels(native.HERE, tmp_path / "kernels.so")  # type: ignore[attr-defined]
    monkeypatch.setenv("CC", "cc -fno-such-option" if shutil.which("cc") else "no-such-compiler")
    assert "no-such" in builder.compile_kernels(native.HERE, tmp_path / "kernels.so")  # type: ignore[attr-defined]
