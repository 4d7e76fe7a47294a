"""What is searched of an archive."""

from __future__ import annotations

from airflow_savemasks.ui.table import Question, Table


def test_shares_are_found_alone_and_with_what_else_is_asked() -> None:
    lines = [
        {
            "source": {"dataset": f"ds{number % 2}"},
            "item": f"ds{number % 2}/{number}.png",
            "height": 3,
            "width": 4,
            "labels": 1,
            "pixels": {},
            **({"split": "val" if number > 3 else "train"} if number else {}),
        }
        for number in range(6)
    ]
    table = Table(lines)
    assert list(table.find(Question(share="val"))) == [4, 5]
    assert list(table.find(Question(share="train"))) == [1, 2, 3]
    assert list(table.find(Question(share="train", dataset="ds1"))) == [1, 3]
    assert list(table.find(Question(share="none such"))) == []
    assert not Question(share="val").is_all


def test_items_are_found_by_what_they_show_have_and_are_called() -> None:
    given = [("a/Kiwi.png", {"kiwi": 3, "lemon": 0}, 2), ("a/lemon kiwi.png", {}, 0), ("b/x.png", {"lemon": 1}, 1)]
    table = Table(
        {"source": {"dataset": name[0]}, "item": name, "height": 1, "width": 1, "labels": labels, "pixels": pixels}
        for name, pixels, labels in given
    )
    assert list(table.find(Question(shows="lemon"))) == [2], "a class of which nothing is to be seen is not shown"
    assert list(table.find(Question(unlabelled=True))) == [1]
    assert list(table.find(Question(text="KIWI"))) == [0, 1]
    assert list(table.find(Question(dataset="nowhere"))) == []
    assert list(table.find(Question(dataset="a", shows="kiwi"))) == [0]
