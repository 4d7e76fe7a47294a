"""`map` on threads, in order, with a bound on what is begun."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from airflow_savemasks.engine.errors import Stopped

A = TypeVar("A")
B = TypeVar("B")


def in_order(
    work: Callable[[A], B],
    items: Iterable[A],
    threads: int,
    ahead: int,
    stop: threading.Event,
    give_up: Callable[[], None] = lambda: None,
) -> Generator[B, None, None]:
    """`map` on threads with at most `ahead` of them begun and not yet given out.

    give_up: called first when it ends early, so that no thread waits for something that will not come.
    """
    todo = iter(items)
    begun: deque[Future[B]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="savemasks")
    try:
        while True:
            begun.extend(pool.submit(work, item) for item in islice(todo, ahead - len(begun)))
            if not begun:
                return
            if stop.is_set():
                raise Stopped
            yield begun.popleft().result()
    finally:
        give_up()
        pool.shutdown(wait=True, cancel_futures=True)
