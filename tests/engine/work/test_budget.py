"""The budget of pixels: used up to the last one, in the order of the groups, and nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable

from airflow_savemasks.engine.errors import Stopped
from airflow_savemasks.engine.work.budget import Budget


class Waiting:
    """Something done on a thread of its own, of which can be told whether it waits."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            self.error = error

    def is_waiting(self) -> bool:
        self._thread.join(0.03)
        return self._thread.is_alive()

    def ends(self) -> bool:
        self._thread.join(5)
        return not self._thread.is_alive()


def test_a_budget_is_used_up_to_its_last_pixel_and_not_beyond() -> None:
    budget = Budget(100)
    budget.reserve(0, 60)
    budget.reserve(1, 40)
    third = Waiting(lambda: budget.reserve(2, 1))
    assert third.is_waiting()
    budget.shrink(1, 40)  # nothing comes free
    assert third.is_waiting()
    budget.shrink(1, 39)
    assert third.ends()
    fourth = Waiting(lambda: budget.reserve(3, 60))
    assert fourth.is_waiting()
    budget.release(0)
    assert fourth.ends()


def test_what_is_released_comes_free_once() -> None:
    budget = Budget(100)
    budget.reserve(0, 50)
    budget.shrink(0, 20)
    budget.shrink(0, 90)
    budget.release(0)
    budget.release(0)
    budget.release(7)
    budget.reserve(1, 100)
    second = Waiting(lambda: budget.reserve(2, 1))
    assert second.is_waiting()
    budget.release(1)
    assert second.ends()


def test_a_group_larger_than_the_budget_goes_alone() -> None:
    budget = Budget(100)
    budget.reserve(0, 1000)
    second = Waiting(lambda: budget.reserve(1, 1))
    assert second.is_waiting()
    budget.release(0)
    assert second.ends()
    large = Waiting(lambda: budget.reserve(2, 1000))
    assert large.is_waiting()
    budget.release(1)
    assert large.ends()


def test_pixels_are_granted_in_the_order_of_the_groups() -> None:
    budget = Budget(100)
    third, second = Waiting(lambda: budget.reserve(2, 1)), Waiting(lambda: budget.reserve(1, 1))
    assert third.is_waiting()
    assert second.is_waiting()
    budget.reserve(0, 1)
    assert second.ends()
    assert third.ends()


def test_a_group_that_needs_no_pixels_lets_the_next_one_have_its_turn_once() -> None:
    budget = Budget(100)
    passing, third = Waiting(lambda: budget.skip(1)), Waiting(lambda: budget.reserve(2, 1))
    assert passing.is_waiting()
    budget.reserve(0, 1)
    budget.skip(0)  # it had its turn already
    assert passing.ends()
    assert third.ends()
    fifth = Waiting(lambda: budget.reserve(4, 1))
    assert fifth.is_waiting()
    budget.skip(3)
    assert fifth.ends()


def test_who_waits_for_pixels_that_nobody_will_free_is_let_go() -> None:
    budget = Budget(100)
    waiting = [Waiting(lambda: budget.reserve(1, 1)), Waiting(lambda: budget.skip(2))]
    assert all(one.is_waiting() for one in waiting)
    budget.close()
    assert all(one.ends() for one in waiting)
    assert isinstance(waiting[0].error, Stopped)
    assert waiting[1].error is None
    late = Waiting(lambda: budget.reserve(5, 1))
    assert late.ends()
    assert isinstance(late.error, Stopped)
