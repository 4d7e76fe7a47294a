"""PNG files as they are read without a general decoder: whole and plain ones alone, and those to the last pixel."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from hashlib import sha256

import cv2
import numpy as np
import pytest

from airflow_savemasks.engine import native
from airflow_savemasks.engine.archive.members import JOINED, pack
from airflow_savemasks.engine.archive.tar import LARGEST_PLAIN, header, padding
from airflow_savemasks.engine.image import mask_png
from airflow_savemasks.engine.image import png_read as picture_png
from airflow_savemasks.engine.image import png_write as png
from airflow_savemasks.engine.image.png_container import SIGNATURE, chunk, chunks_of, inflate

RNG = np.random.default_rng(9)
END = chunk(b"IEND", b"")


def header_of(width: int, height: int, depth: int = 8, color: int = 6, more: tuple[int, int, int] = (0, 0, 0)) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, *more))


def file_of(*chunks: bytes) -> bytes:
    return SIGNATURE + b"".join(chunks) + END


def test_chunks_are_found_by_name_and_pixels_are_joined() -> None:
    content = file_of(chunk(b"IHDR", b"h"), chunk(b"IDAT", b"one"), chunk(b"IDAT", b""), chunk(b"IDAT", b"two"))
    found = chunks_of(content)
    assert found is not None
    assert {name: bytes(data) for name, data in found.items()} == {b"IHDR": b"h", b"IDAT": b"onetwo", b"IEND": b""}
    alone = chunks_of(file_of(chunk(b"IDAT", b"one"), chunk(b"tEXt", b"x")) + b"behind it")
    assert alone is not None
    assert bytes(alone[b"IDAT"]) == b"one"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        SIGNATURE,
        SIGNATURE[1:] + END,
        SIGNATURE + chunk(b"IDAT", b"x"),
        file_of(chunk(b"IHDR", b"h"), chunk(b"IHDR", b"h")),
        file_of(chunk(b"IDAT", b"one"), chunk(b"tEXt", b""), chunk(b"IDAT", b"two")),
        file_of(chunk(b"IDAT", b"x"))[:-1],
        file_of(chunk(b"IDAT", b"x"))[:-12],
        file_of(chunk(b"IDAT", b"x")).replace(b"IDATx", b"IDATy"),
        file_of(struct.pack(">I", 1 << 30) + b"IDAT"),
    ],
)
def test_a_file_that_is_not_whole_and_plain_is_left_to_a_general_decoder(content: bytes) -> None:
    assert chunks_of(content) is None
    assert mask_png.read(content) is None
    assert picture_png.read(content) is None


def test_a_stream_is_inflated_to_just_its_size() -> None:
    stream = zlib.compress(b"x" * 100)
    assert inflate(stream, 100) == b"x" * 100
    assert inflate(stream, 101) == b"x" * 100
    for size, given in ((98, stream), (100, stream[:-1])):
        with pytest.raises(ValueError, match="longer than the picture, or ends too early"):
            inflate(given, size)


def rgba_file(rows: bytes, width: int, height: int, **more: int) -> bytes:
    return file_of(header_of(width, height, **more), chunk(b"IDAT", zlib.compress(rows)))


def test_opacity_is_read_whether_rows_are_filtered_or_not() -> None:
    opacity = np.array([[0, 255, 0, 0], [7, 7, 0, 1], [0, 0, 0, 0]], np.uint8)
    pixels = np.zeros((3, 4, 4), np.uint8)
    pixels[:, :, 3] = opacity
    pixels[:, :, 0] = 99
    flat = pixels.reshape(3, 16)
    differences = flat.copy()
    differences[:, 4:] -= flat[:, :-4]
    for filters in ((0, 0, 0), (1, 1, 1), (0, 1, 0), (1, 0, 1)):
        rows = b"".join(
            bytes([kind]) + (differences if kind else flat)[number].tobytes() for number, kind in enumerate(filters)
        )
        found = mask_png.read(rgba_file(rows, 4, 3))
        assert found is not None
        assert found.tolist() == (opacity > 0).tolist()
    other = b"".join(bytes([2]) + row.tobytes() for row in flat)
    assert mask_png.read(rgba_file(other, 4, 3)) is None


@pytest.mark.parametrize("width", [1, 7, 8, 9, 16])
@pytest.mark.parametrize("transparent", [b"\0", b"\xff\0", b"\0\0", b"\xff", b"\0\1", b"\7"])
def test_of_two_colors_those_show_that_are_not_transparent(width: int, transparent: bytes) -> None:
    bits = RNG.integers(0, 2, (3, width)).astype(bool)
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in bits)
    parts = [header_of(width, 3, 1, 3), chunk(b"PLTE", png.BLACK_WHITE)]
    pixels = chunk(b"IDAT", zlib.compress(rows))
    found = mask_png.read(file_of(*parts, chunk(b"tRNS", transparent), pixels))
    assert found is not None
    alpha = [*transparent, 255, 255][:2]
    assert found.tolist() == [[alpha[int(bit)] > 0 for bit in row] for row in bits]
    assert mask_png.read(file_of(*parts, pixels)) is None
    filtered = rows.replace(b"\0", b"\1", 1)
    assert mask_png.read(file_of(*parts, chunk(b"tRNS", b"\0"), chunk(b"IDAT", zlib.compress(filtered)))) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda: rgba_file(bytes(17 * 3), 4, 3, depth=16),
        lambda: rgba_file(bytes(17 * 3), 4, 3, color=2),
        lambda: rgba_file(bytes(17 * 3 + 1), 4, 3),
        lambda: rgba_file(bytes(17 * 3 - 1), 4, 3),
        lambda: rgba_file(b"", 0, 3),
        lambda: rgba_file(b"", 4, 0),
        lambda: file_of(header_of(4, 3)),
        lambda: file_of(header_of(4, 3), chunk(b"IDAT", b"no stream")),
        lambda: file_of(header_of(4, 3, more=(1, 0, 0)), chunk(b"IDAT", zlib.compress(bytes(51)))),
        lambda: file_of(header_of(4, 3, more=(0, 1, 0)), chunk(b"IDAT", zlib.compress(bytes(51)))),
        lambda: file_of(header_of(4, 3, more=(0, 0, 1)), chunk(b"IDAT", zlib.compress(bytes(51)))),
        lambda: file_of(chunk(b"IHDR", b"short"), chunk(b"IDAT", zlib.compress(bytes(51)))),
        lambda: file_of(chunk(b"IDAT", zlib.compress(bytes(51)))),
    ],
)
def test_a_mask_of_another_kind_or_size_is_left_to_a_general_decoder(change: Callable[[], bytes]) -> None:
    assert mask_png.read(rgba_file(bytes(17 * 3), 4, 3)) is not None
    assert mask_png.read(change()) is None


@pytest.mark.skipif(native.library is None, reason="the kernels are not compiled here")
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_plain_picture_is_read_like_opencv_reads_it(channels: int) -> None:
    pixels = RNG.integers(0, 256, (7, 9, channels), np.uint8)
    content = cv2.imencode(".png", pixels)[1].tobytes()
    read = picture_png.read(content)
    assert read is not None
    assert np.array_equal(read, cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB))


def rgb_file(
    rows: bytes = bytes(13 * 3), *before: bytes, color: int = 2, depth: int = 8, more: tuple = (0, 0, 0)
) -> bytes:
    return file_of(header_of(4, 3, depth, color, more), *before, chunk(b"IDAT", zlib.compress(rows)))


@pytest.mark.skipif(native.library is None, reason="the kernels are not compiled here")
@pytest.mark.parametrize(
    "content",
    [
        rgb_file(bytes(13 * 3), chunk(b"tRNS", bytes(6))),
        rgb_file(bytes(13 * 3), chunk(b"odd ", b"")),
        rgb_file(bytes(13 * 3 - 1)),
        rgb_file(bytes(13 * 3 + 1)),
        rgb_file(bytes(13 * 3), depth=16),
        rgb_file(bytes(13 * 3), color=3),
        rgb_file(bytes(13 * 3), color=4),
        rgb_file(bytes(13 * 3), more=(1, 0, 0)),
        rgb_file(bytes(13 * 3), more=(0, 1, 0)),
        rgb_file(bytes(13 * 3), more=(0, 0, 1)),
        rgb_file(b"\5" + bytes(13 * 3 - 1)),
        file_of(header_of(0, 3, 8, 2), chunk(b"IDAT", zlib.compress(bytes(3)))),
        file_of(header_of(4, 3, 8, 2), chunk(b"IDAT", b"no stream")),
        file_of(header_of(4, 3, 8, 2)),
        file_of(chunk(b"IHDR", b"short"), chunk(b"IDAT", zlib.compress(bytes(39)))),
    ],
)
def test_a_picture_of_another_kind_or_size_is_left_to_opencv(content: bytes) -> None:
    for harmless in (b"pHYs", b"tEXt", b"iCCP", b"gAMA"):
        read = picture_png.read(rgb_file(b"\0" + bytes(range(12)) + bytes(26), chunk(harmless, b"x")))
        assert read is not None
        assert read[0].ravel().tolist() == list(range(12))
    assert picture_png.read(content) is None


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 8), (2, 9), (5, 300)])
def test_what_is_written_is_read_by_opencv_with_and_without_kernels(
    monkeypatch: pytest.MonkeyPatch, height: int, width: int
) -> None:
    gray, mask = RNG.integers(0, 256, (height, width), np.uint8), RNG.random((height, width)) < 0.5
    colors = RNG.integers(0, 256, (height, width, 3), np.uint8)
    for library in (native.library, None):
        monkeypatch.setattr(native, "library", library)
        assert np.array_equal(_read(png.encode(png.gray_lines(gray))), gray)
        assert np.array_equal(_read(png.encode(png.rgb_lines(colors)))[:, :, ::-1], colors)
        two = _read([png.encode_two_level(mask)])
        assert np.array_equal(two[:, :, 3] > 0, mask)
        assert chunks_of(png.encode_two_level(mask)) is not None


def _read(pieces: list[bytes]) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(b"".join(pieces), np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513])
def test_members_lie_where_it_is_said_and_fill_whole_blocks(size: int) -> None:
    content = RNG.bytes(size)
    files = [("img", "a.png", [content]), ("ann", "ж.json", [b"xy", content, b""]), ("x", "b" * 101, [b"z"])]
    pieces, members = pack(files)
    whole = b"".join(pieces)
    assert len(whole) % 512 == 0
    for member, (kind, name, parts) in zip(members, files, strict=True):
        wanted = b"".join(parts)
        assert (member.kind, member.name, member.size, member.sha256) == (
            kind,
            name,
            len(wanted),
            sha256(wanted).hexdigest(),
        )
        assert whole[member.offset : member.offset + member.size] == wanted
    assert len(pieces) == 1
    assert len(padding(size)) == -size % 512


def test_small_items_are_one_piece_and_large_ones_are_not_joined() -> None:
    assert len(pack([("img", "a", [bytes(JOINED - 512)])])[0]) == 1
    assert len(pack([("img", "a", [bytes(JOINED - 511)])])[0]) == 3


@pytest.mark.parametrize(("name", "size", "blocks"), [
    ("a" * 100, 5, 1), ("a" * 101, 5, 3), ("é", 5, 3), ("a", LARGEST_PLAIN - 1, 1), ("a", LARGEST_PLAIN, 3),
])  # fmt: skip
def test_only_names_and_sizes_that_need_it_get_headers_of_pax(name: str, size: int, blocks: int) -> None:
    assert len(header(name, size)) == 512 * blocks
