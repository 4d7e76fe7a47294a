"""The headers of JPEG, PNG, BMP and WebP, segment by segment, as other programs than OpenCV write them too."""

from __future__ import annotations

import struct

import pytest

from airflow_savemasks.engine.image import exif
from airflow_savemasks.engine.image.header import FRAMES, Header, look
from airflow_savemasks.engine.image.png_container import SIGNATURE, chunk
from tests.engine.image.test_header import tag

ENDS = "does not decode: the file ends too early"
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def frame(height: int = 30, width: int = 46, components: int = 3, marker: int = 0xC0) -> bytes:
    return segment(marker, struct.pack(">BHHB", 8, height, width, components) + bytes(3 * components))


def scan(components: int = 3) -> bytes:
    return segment(0xDA, bytes([components]) + bytes(2 * components + 3)) + b"coded\xff\0data"


def jpeg(*segments: bytes, end: bytes = b"\xff\xd9") -> bytes:
    return b"\xff\xd8" + b"".join(segments) + end


@pytest.mark.parametrize("marker", range(0xC0, 0xD0))
def test_each_kind_of_frame_tells_a_jpegs_size_and_tables_do_not(marker: int) -> None:
    if marker in {0xC4, 0xC8, 0xCC}:
        assert marker not in FRAMES
        assert look(jpeg(frame(), frame(9, 9, marker=marker), scan())) == Header("JPEG", 30, 46)
    else:
        assert look(jpeg(frame(marker=marker), scan())) == Header("JPEG", 30, 46)


@pytest.mark.parametrize(
    "between",
    [b"\xff", b"\xff" * 9, b"\xff\x01", b"\xff\xd8", *(bytes([0xFF, 0xD0 + n]) for n in range(8))],
)
def test_filling_bytes_and_markers_without_data_are_stepped_over(between: bytes) -> None:
    assert look(jpeg(segment(0xE0, b"JFIF"), between, frame(), between, scan())) == Header("JPEG", 30, 46)


@pytest.mark.parametrize("size", [0, 1, 253, 254, 1000, 65_533])
def test_segments_of_any_length_are_stepped_over(size: int) -> None:
    assert look(jpeg(segment(0xEE, b"x" * size), frame(300, 700), scan())) == Header("JPEG", 300, 700)
    assert look(jpeg(frame(65_500, 1), segment(0xDB, b"x" * size), scan())) == Header("JPEG", 65_500, 1)


def test_a_jpeg_that_is_turned_twice_is_turned_as_its_first_exif_data_say() -> None:
    def turned(*segments: bytes) -> bool:
        header = look(jpeg(*segments, frame(), scan()))
        assert sorted((header.height, header.width)) == [30, 46]
        return header.height == 46

    six, one = (segment(0xE1, exif.MARK + tag(number)) for number in (6, 1))
    assert turned(six)
    assert turned(six, segment(0xE1, exif.MARK + tag(3)))
    assert turned(one, six)
    assert not turned(one)
    assert turned(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0"), six)
    assert not turned(segment(0xE1, b"ExiF\0\0" + tag(6)))
    assert not turned(segment(0xE2, exif.MARK + tag(6)))
    assert not turned(segment(0xE1, exif.MARK + tag(6)[:30]))


@pytest.mark.parametrize(("height", "width"), [(0, 46), (30, 0), (0, 0)])
def test_a_jpeg_without_pixels_is_refused(height: int, width: int) -> None:
    with pytest.raises(ValueError, match=f"its header says {width}x{height} pixels"):
        look(jpeg(frame(height, width), scan()))
    assert look(jpeg(frame(1, 1), scan())) == Header("JPEG", 1, 1)


def test_an_empty_file_is_told_as_such() -> None:
    with pytest.raises(ValueError, match="^the file is empty$"):
        look(b"")
    with pytest.raises(ValueError, match="the file is damaged or none of JPEG, PNG, BMP, WebP, TIFF$"):
        look(b"x")


def test_a_jpeg_without_a_frame_has_no_size() -> None:
    with pytest.raises(ValueError, match="its header says 0x0 pixels"):
        look(jpeg(scan()))


def test_scans_are_counted_where_a_picture_is_drawn_in_several() -> None:
    for marker in PROGRESSIVE:
        assert look(jpeg(frame(marker=marker), scan(), scan(1), scan(1))).scans == 3
        assert look(jpeg(frame(marker=marker), scan())).scans == 1
    assert look(jpeg(frame(marker=0xC1), scan(1), scan(1), scan(1))).scans == 3
    assert look(jpeg(frame(), scan(2), scan(1))).scans == 2
    for marker in FRAMES - set(PROGRESSIVE):  # drawn in one: what looks like more is something behind it
        assert look(jpeg(frame(marker=marker), scan(), scan())).scans == 1
        assert look(jpeg(frame(components=1, marker=marker), scan(1), scan(1))).scans == 1


def test_a_jpeg_needs_the_end_of_its_own_scan() -> None:
    thumbnail = segment(0xE1, b"a picture in it" + jpeg(frame(), scan()))
    assert look(jpeg(thumbnail, frame(), scan())).width == 46
    with pytest.raises(ValueError, match=ENDS):
        look(jpeg(thumbnail, frame(), scan(), end=b""))
    with pytest.raises(ValueError, match=ENDS):
        look(jpeg(frame(), scan(), end=b"\xff"))
    with pytest.raises(ValueError, match="a JPEG without a scan"):
        look(jpeg(frame()))
    with pytest.raises(ValueError, match="no JPEG segment at byte 6"):
        look(jpeg(segment(0xE0, b""), b"xx" + frame(), scan()))


def test_the_turn_is_that_of_the_field_of_its_number_kind_and_directory() -> None:
    def exif_of(*fields: tuple[int, int, int], at: int = 8, count: int | None = None) -> bytes:
        head = b"II*\0" + struct.pack("<I", at).ljust(at - 4, b"x")
        body = b"".join(struct.pack("<HHIHH", number, kind, 1, value, 0) for number, kind, value in fields)
        return head + struct.pack("<H", len(fields) if count is None else count) + body

    turn = (274, 3, 6)
    assert exif.orientation(exif_of(turn)) == 6
    assert exif.orientation(exif_of((1, 3, 5), (2, 3, 7), turn, (3, 3, 8))) == 6
    assert exif.orientation(exif_of((1, 3, 5), turn, at=30)) == 6
    assert exif.orientation(exif_of(turn, (274, 3, 8))) == 6
    assert exif.orientation(exif_of((1, 3, 5), turn, count=1)) == 1
    assert exif.orientation(exif_of((1, 3, 5), turn, count=0)) == 1
    assert exif.orientation(exif_of(turn, count=9)) == 6
    assert exif.orientation(exif_of((1, 3, 6), count=9)) == 1
    assert [exif.orientation(exif_of((274, 3, value))) for value in range(10)] == [1, 1, 2, 3, 4, 5, 6, 7, 8, 1]
    assert [exif.orientation(exif_of((274, kind, 6))) for kind in (1, 2, 3, 4)] == [1, 1, 6, 1]


def png(*chunks: bytes, size: tuple[int, int] = (46, 30)) -> bytes:
    return SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)) + b"".join(chunks)


def test_a_png_is_whole_with_its_last_chunk_and_turned_by_its_exif_chunk() -> None:
    end = chunk(b"IEND", b"")
    assert look(png(chunk(b"IDAT", b"x" * 700), end)) == Header("PNG", 30, 46)
    assert look(png(chunk(b"IDAT", b""), chunk(b"eXIf", tag(6)), end)) == Header("PNG", 46, 30)
    assert look(png(chunk(b"eXIf", tag(6)), chunk(b"eXIf", tag(1)), end)) == Header("PNG", 30, 46)
    inside = tag(6)[:30]  # the rest of the field stands behind the chunk, which it does not belong to
    cut = struct.pack(">I", len(inside)) + b"eXIf" + inside + tag(6)[30:34]
    assert look(png(cut, end)) == Header("PNG", 30, 46)
    for short in (png(), png(chunk(b"IDAT", b"IEND")), png(end[:-1]), png(chunk(b"IEND", b"xy")[:-1])):
        with pytest.raises(ValueError, match=ENDS):
            look(short)
    with pytest.raises(ValueError, match="46x0 pixels"):
        look(png(end, size=(46, 0)))


@pytest.mark.parametrize("bits", [1, 4, 8, 16, 24, 32])
@pytest.mark.parametrize("width", [1, 31, 32, 33, 46])
@pytest.mark.parametrize("start", [54, 60])
@pytest.mark.parametrize("packing", [0, 3])
def test_a_bmp_has_all_its_rows_or_is_cut(bits: int, width: int, start: int, packing: int) -> None:
    row = -(-width * bits // 32) * 4
    for height in (30, -30):
        head = (
            b"BM" + struct.pack("<IHHI", 0, 0, 0, start) + struct.pack("<IiiHHI", 40, width, height, 1, bits, packing)
        )
        content = head.ljust(start, b"\0") + bytes(row * 30)
        assert look(content) == Header("BMP", 30, width)
        with pytest.raises(ValueError, match=ENDS):
            look(content[:-1])


def test_a_bmp_that_is_coded_by_run_lengths_may_be_short() -> None:
    for packing in (1, 2):
        head = b"BM" + struct.pack("<IHHI", 0, 0, 0, 54) + struct.pack("<IiiHHI", 40, 46, 30, 1, 8, packing)
        assert look(head) == Header("BMP", 30, 46)
    with pytest.raises(ValueError, match="-46x30 pixels"):
        look(b"BM" + struct.pack("<IHHI", 0, 0, 0, 54) + struct.pack("<IiiHHI", 40, -46, 30, 1, 8, 1))


@pytest.mark.parametrize("bits", [1, 8, 24])
def test_a_bmp_of_os2_has_all_its_rows_or_is_cut(bits: int) -> None:
    head = b"BM" + struct.pack("<IHHI", 0, 0, 0, 26) + struct.pack("<IHHHH", 12, 40_000, 2, 1, bits)
    content = head + bytes(2 * (40_000 * bits // 8))
    assert look(content) == Header("BMP", 2, 40_000)
    with pytest.raises(ValueError, match=ENDS):
        look(content[:-1])


def part(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def webp(*parts: bytes, more: int = 0) -> bytes:
    inside = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(inside) + more) + inside


def lossy(width: int = 46, height: int = 30, scale: int = 0) -> bytes:
    return part(b"VP8 ", b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width | scale << 14, height | scale << 14))


def lossless(width: int = 46, height: int = 30) -> bytes:
    return part(b"VP8L", b"\x2f" + struct.pack("<I", 1 << 28 | height - 1 << 14 | width - 1))


def extended(width: int = 46, height: int = 30) -> bytes:
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return part(b"VP8X", b"\x08\0\0\0" + sizes)


def test_each_kind_of_webp_tells_its_size() -> None:
    for wide, high in ((46, 30), (1, 1), (300, 16_383), (16_383, 300)):
        for picture in (lossy(wide, high), lossy(wide, high, scale=2), lossless(wide, high), extended(wide, high)):
            assert look(webp(picture)) == Header("WebP", high, wide)
    assert look(webp(extended(70_001, 131_074))) == Header("WebP", 131_074, 70_001)
    assert look(webp(lossless(16_384, 16_384))) == Header("WebP", 16_384, 16_384)


def test_a_webps_size_is_that_of_its_canvas_and_of_the_first_picture() -> None:
    assert look(webp(extended(), lossy(9, 9), lossless(8, 8))) == Header("WebP", 30, 46)
    assert look(webp(lossy(), lossless(8, 8), lossy(9, 9))) == Header("WebP", 30, 46)
    assert look(webp(part(b"ICCP", b"odd"), lossless(), lossy(9, 9))) == Header("WebP", 30, 46)


def test_a_webp_is_turned_by_exif_data_inside_of_it() -> None:
    for data in (tag(6), exif.MARK + tag(6)):
        assert look(webp(lossy(), part(b"EXIF", data))) == Header("WebP", 46, 30)
        assert look(webp(part(b"EXIF", data + b"odd"), lossy())) == Header("WebP", 46, 30)
    assert look(webp(lossy()) + part(b"EXIF", tag(6))) == Header("WebP", 30, 46)  # behind it
    assert look(webp(lossy(), part(b"EXIF", tag(6)[:30]) + tag(6)[30:])) == Header("WebP", 30, 46)
    assert look(webp(lossy(), b"odd")) == Header("WebP", 30, 46)
    assert look(webp(lossy(), part(b"XMP ", tag(6)))) == Header("WebP", 30, 46)


def test_a_webp_that_is_shorter_than_it_says_or_has_no_picture_is_cut() -> None:
    assert look(webp(lossy())).width == 46
    for content in (webp(lossy(), more=1), webp(lossy())[:-1], webp(), webp(part(b"EXIF", tag(6)))):
        with pytest.raises(ValueError, match=ENDS):
            look(content)
