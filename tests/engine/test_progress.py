"""The line that says how far an export is."""

from __future__ import annotations

import time

import pytest

from airflow_savemasks.engine.progress import Progress, human_size


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1049, "1.0 kB"),
        (999_900, "999.9 kB"),
        (1_000_000, "1.0 MB"),
        (3_100_000_000, "3.1 GB"),
        (999_900_000_000, "999.9 GB"),
        (1_000_000_000_000, "1.0 TB"),
        (5_000_000_000_000_000, "5000.0 TB"),
    ],
)
def test_sizes_are_written_for_people(size: int, words: str) -> None:
    assert human_size(size) == words


def test_a_line_has_share_speed_bytes_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    lines: list[str] = []
    progress = Progress(lines.append, interval=5.0)
    assert progress.line() == "0/0 items, 0.0 images/s, 0 B"
    clock[0] = 200.0
    progress.start(900, 400)
    assert lines == ["900 items, 400 of them finished already"]
    assert progress.line(200.0) == "400/900 items (44 %), 0.0 images/s, 0 B"
    for number in range(90):
        clock[0] = 200.0 + 0.05 * number
        progress.add(1_000_000)
    assert len(lines) == 1
    clock[0] = 205.0
    progress.add(10_000_000)
    assert lines[1:] == ["491/900 items (54 %), 18.2 images/s, 100.0 MB, 22 s left"]
    clock[0] = 209.9
    progress.add(1)
    assert len(lines) == 2
    clock[0] = 210.0
    progress.add(1)
    assert len(lines) == 3
    progress.done = 500
    assert progress.line(210.0) == "900/900 items, 50.0 images/s, 100.0 MB"


def test_the_first_line_names_what_is_going_to_be_made() -> None:
    lines: list[str] = []
    Progress(lines.append).start(1, 0, "/out/x.tar")
    assert lines == ["/out/x.tar: 1 item, 0 of them finished already"]


def test_seconds_of_a_stage_count_however_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    progress = Progress()
    with progress.stage("plan"):
        clock[0] += 2
    with pytest.raises(KeyError), progress.stage("render"):
        clock[0] += 3
        raise KeyError
    with progress.stage("plan"):
        clock[0] += 1
    assert progress.stages == {"plan": 3.0, "render": 3.0}
