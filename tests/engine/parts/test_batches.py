"""The batches of mapped tasks: neighbouring parts, alike in items, and never none."""

from __future__ import annotations

import pytest

from airflow_savemasks.engine.parts.batches import make_batches
from airflow_savemasks.engine.parts.plan import Part, Plan


def plan_of(*items: int) -> Plan:
    parts = tuple(Part(f"{number:040d}", count, 0, 0) for number, count in enumerate(items))
    return Plan("export", "the plan", "settings", 1, sum(items), parts, ())


def dealt(plan: Plan, most: int, *finished: int) -> list[list[list[int]]]:
    return [batch["parts"] for batch in make_batches(plan, {plan.parts[number].digest for number in finished}, most)]


def test_parts_are_dealt_in_order_to_batches_alike_in_items() -> None:
    assert dealt(plan_of(*[5] * 9), 3) == [[[0, 2]], [[3, 5]], [[6, 8]]]
    assert dealt(plan_of(*[5] * 10), 3) == [[[0, 3]], [[4, 6]], [[7, 9]]]
    assert dealt(plan_of(9, 1, 1, 1), 2) == [[[0, 0]], [[1, 3]]]
    assert dealt(plan_of(1, 1, 1, 9), 2) == [[[0, 3]]]
    assert dealt(plan_of(5, 5), 1) == [[[0, 1]]]
    assert dealt(plan_of(5, 5), 7) == [[[0, 0]], [[1, 1]]]


def test_finished_parts_are_left_out_and_do_not_count() -> None:
    plan = plan_of(100, 5, 5, 100, 5, 5)
    assert dealt(plan, 2, 0, 3) == [[[1, 2]], [[4, 5]]]
    assert dealt(plan, 1, 0, 3) == [[[1, 2], [4, 5]]]
    assert dealt(plan, 1, 2, 4) == [[[0, 1], [3, 3], [5, 5]]]


def test_where_all_is_finished_one_batch_has_nothing_to_render() -> None:
    plan = plan_of(5, 5)
    nothing = {"plan": "the plan", "parts": [], "label": "nothing to render"}
    assert make_batches(plan, {part.digest for part in plan.parts}, 4) == [nothing]
    assert make_batches(plan_of(), (), 4) == [nothing]


def test_a_batch_says_what_is_in_it() -> None:
    labels = [batch["label"] for batch in make_batches(plan_of(10, 2, 3), (), 2)]
    assert labels == ["part 0, 10 items", "parts 1 to 2, 5 items"]
    assert {batch["plan"] for batch in make_batches(plan_of(10, 2, 3), (), 2)} == {"the plan"}


@pytest.mark.parametrize("most", range(1, 12))
@pytest.mark.parametrize("items", [[3] * 7, [1, 20, 1, 20, 1], [20, *[1] * 30], [*[1] * 30, 20], list(range(1, 25))])
def test_there_are_at_most_as_many_batches_as_asked_for_and_each_part_is_in_one(items: list[int], most: int) -> None:
    plan = plan_of(*items)
    batches = dealt(plan, most)
    assert len(batches) <= most
    assert [number for runs in batches for first, last in runs for number in range(first, last + 1)] == [
        *range(len(items))
    ]
    largest = max(sum(items[first : last + 1]) for ((first, last),) in batches)
    assert largest < sum(items) / most + max(items)
