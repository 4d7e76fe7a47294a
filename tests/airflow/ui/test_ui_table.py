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
