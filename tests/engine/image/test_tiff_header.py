"""The header of a TIFF, field by field, as cameras, scanners and microscopes write it."""

from __future__ import annotations

import struct

import pytest

from airflow_savemasks.engine.image.header import look

ENDS = "does not decode: the file ends too early"
SHORT, LONG, LONG8 = 3, 4, 16
SIZES = {1: ("B", 1), SHORT: ("H", 2), LONG: ("I", 4), 5: ("II", 8), LONG8: ("Q", 8)}
Field = tuple[int, int, list[int]]  # tag, kind, values
SIZE: list[Field] = [(256, SHORT, [46]), (257, LONG, [30])]


def tiff(fields: list[Field], *, order: str = "<", large: bool = False, size: int = 0) -> bytes:
    """A TIFF of fields; values that do not fit into the directory stand behind it. size: filled up to that."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}H", 43 if large else 42)
    head += struct.pack(f"{order}HHQ", 8, 0, 16) if large else struct.pack(f"{order}I", 8)
    room, number = (8, "Q") if large else (4, "I")
    directory = struct.pack(f"{order}{'Q' if large else 'H'}", len(fields))
    behind = b""
    start = len(head) + len(directory) + len(fields) * (20 if large else 12)
    for tag, kind, values in fields:
        code = SIZES[kind][0]
        data = b"".join(struct.pack(f"{order}{code}", *[value] * len(code)) for value in values)
        if len(data) > room:
            place, behind = start + len(behind), behind + data
            data = struct.pack(f"{order}{number}", place)
        directory += struct.pack(f"{order}HH{number}", tag, kind, len(values)) + data.ljust(room, b"\0")
    return (head + directory + behind).ljust(size, b"\0")


def size_of(content: bytes) -> tuple[int, int]:
    header = look(content)
    assert header.format == "TIFF"
    assert header.scans == 1
    return header.height, header.width


FORMS = pytest.mark.parametrize(("order", "large"), [("<", False), (">", False), ("<", True), (">", True)])


@FORMS
def test_a_directory_that_ends_with_the_file_is_read_and_one_a_byte_longer_is_not(order: str, large: bool) -> None:
    content = tiff(SIZE, order=order, large=large)
    assert size_of(content) == (30, 46)
    with pytest.raises(ValueError, match=ENDS):
        look(content[:-1])


@pytest.mark.parametrize("large", [False, True])
def test_a_directory_of_more_fields_than_the_file_can_have_is_refused(large: bool) -> None:
    content = bytearray(tiff(SIZE, large=large, size=400))
    if large:
        content[16:24] = struct.pack("<Q", 1 << 62)
    else:
        content[8:10] = struct.pack("<H", 65_535)
    with pytest.raises(ValueError, match=ENDS):
        look(bytes(content))


@FORMS
@pytest.mark.parametrize("tags", [(273, 279), (324, 325)])
@pytest.mark.parametrize(("kind", "count"), [(SHORT, n) for n in (1, 2, 3, 4, 5)] + [(LONG, n) for n in (1, 2, 3)])
def test_the_last_growing_archive_or_tile_has_to_be_in_the_file(
    order: str, large: bool, tags: tuple[int, int], kind: int, count: int
) -> None:
    begins, lengths = [300 + 10 * n for n in range(count)], [10] * (count - 1) + [77]
    fields = [*SIZE, (tags[0], kind, begins), (tags[1], kind, lengths)]
    whole = tiff(fields, order=order, large=large, size=begins[-1] + 77)
    assert size_of(whole) == (30, 46)
    with pytest.raises(ValueError, match=ENDS):
        look(whole[:-1])


@pytest.mark.parametrize("count", [1, 2])
def test_places_of_64_bits_are_read_in_the_directory_and_behind_it(count: int) -> None:
    fields = [*SIZE, (273, LONG8, [400] * count), (279, LONG8, [60] * (count - 1) + [77])]
    whole = tiff(fields, large=True, size=477)
    assert size_of(whole) == (30, 46)
    with pytest.raises(ValueError, match=ENDS):
        look(whole[:-1])


def test_growing_archives_without_a_length_say_nothing() -> None:
    assert size_of(tiff([*SIZE, (273, LONG, [9_999])])) == (30, 46)
    assert size_of(tiff([*SIZE, (273, LONG, [100, 9_999]), (279, LONG, [10])], size=110)) == (30, 46)


def test_growing_archives_and_tiles_are_looked_at_both() -> None:
    fields = [*SIZE, (273, LONG, [100]), (279, LONG, [10]), (324, LONG, [9_999]), (325, LONG, [10])]
    with pytest.raises(ValueError, match=ENDS):
        look(tiff(fields, size=500))


@FORMS
@pytest.mark.parametrize("orientation", range(10))
def test_a_turn_changes_the_places_of_height_and_width(order: str, large: bool, orientation: int) -> None:
    turned = size_of(tiff([*SIZE, (274, SHORT, [orientation])], order=order, large=large))
    assert turned == ((46, 30) if 5 <= orientation <= 8 else (30, 46))


def test_of_two_fields_of_one_tag_the_first_counts() -> None:
    assert size_of(tiff([*SIZE, (256, SHORT, [99]), (257, SHORT, [98])])) == (30, 46)


@pytest.mark.parametrize("kind", [1, 5])
def test_a_size_in_a_kind_that_no_size_has_is_not_read(kind: int) -> None:
    assert size_of(tiff([(256, kind, [9]), *SIZE])) == (30, 46)
    with pytest.raises(ValueError, match="its header says 0x30 pixels"):
        look(tiff([(256, kind, [9]), SIZE[1]]))


def test_a_field_that_nobody_needs_may_point_anywhere() -> None:
    content = bytearray(tiff([*SIZE, (700, LONG, [1, 2, 3])]))
    content[10 + 2 * 12 + 4 :] = struct.pack("<II", 1 << 31, 1 << 31)
    assert size_of(bytes(content)) == (30, 46)


def test_a_needed_field_that_points_out_of_the_file_or_holds_nothing_is_refused() -> None:
    whole = tiff([*SIZE, (273, LONG, [1, 2])])
    assert size_of(whole) == (30, 46)
    with pytest.raises(ValueError, match=ENDS):
        look(whole[:-1])
    for field in ((256, LONG, []), (273, LONG, [])):
        with pytest.raises(ValueError, match=ENDS):
            look(tiff([field, *SIZE]))
    huge = bytearray(tiff([(273, LONG, [1, 2]), *SIZE]))
    huge[14:18] = struct.pack("<I", (1 << 32) - 1)
    with pytest.raises(ValueError, match=ENDS):
        look(bytes(huge))


@pytest.mark.parametrize(("height", "width"), [(0, 46), (30, 0)])
def test_a_picture_without_pixels_is_refused(height: int, width: int) -> None:
    with pytest.raises(ValueError, match=f"its header says {width}x{height} pixels"):
        look(tiff([(256, SHORT, [width]), (257, SHORT, [height])]))
    assert size_of(tiff([(256, SHORT, [1]), (257, SHORT, [1])])) == (1, 1)
