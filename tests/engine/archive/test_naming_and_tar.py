"""Names in the archive are unique, and its tar is what every reader expects."""

from __future__ import annotations

import io
import tarfile

from hypothesis import given
from hypothesis import strategies as st

from airflow_savemasks.engine.archive import tar
from airflow_savemasks.engine.archive.naming import Names, annotation_member, mask_member, picture_member
from airflow_savemasks.engine.project.dataset import dataset_folder

names = st.lists(st.sampled_from(["x.jpg", "x.png", "x_1.png", "x_1.jpg", "x_2.png", "x_1_1.bmp", "y.a.tif", "x.JPG"]))


def test_a_later_item_of_one_stem_gets_the_first_free_number() -> None:
    given_out = Names()
    wanted = ["x.jpg", "x_1.png", "x_2.webp", "x_1_1.png", "y.bmp"]
    assert [given_out.give(name) for name in ("x.jpg", "x.png", "x.webp", "x_1.png", "y.bmp")] == wanted


@given(names)
def test_no_two_items_of_a_folder_share_any_file(asked: list[str]) -> None:
    out = Names()
    files = [
        file
        for name in map(out.give, asked)
        for file in (
            annotation_member("ds", name),
            picture_member("ds", name),
            mask_member("ds", "masks_human", name, ".png"),
            mask_member("ds", "masks_machine", name, ".png"),
        )
    ]
    assert len(set(files)) == len(files) == 4 * len(asked)


def test_nested_datasets_lie_below_datasets() -> None:
    assert mask_member(dataset_folder("a/b"), "masks_human", "p.q.jpg", ".png") == "a/datasets/b/masks_human/p.q.png"


@given(
    st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=300), st.binary()
)
def test_a_member_is_read_back_by_the_standard_library(name: str, data: bytes) -> None:
    archive = io.BytesIO(tar.whole_member("a/" + name, data) + tar.whole_member("b", b"") + tar.END)
    with tarfile.open(fileobj=archive) as opened:
        first, second = opened.getmembers()
        assert (first.name, second.name) == ("a/" + name.rstrip("/"), "b")
        assert opened.extractfile(first).read() == data  # type: ignore[union-attr]
        assert (first.mtime, first.uid, first.mode) == (0, 0, 0o644)


@given(
    st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=100), st.integers(0, 8**11 - 1)
)
def test_the_fast_header_is_the_one_of_the_standard_library(name: str, size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    assert tar.header(name, size) == info.tobuf(tarfile.PAX_FORMAT)
