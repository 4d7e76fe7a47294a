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
    weigh: Callable[[A], int] = lambda _: 0,
    room: int = 1,
) -> Generator[B, None, None]:
    """`map` on threads with at most `ahead` of them begun and not yet given out.

    give_up: called first when it ends early, so that no thread waits for something that will not come. weigh, room: the
    next one is begun only while those that are weigh less than `room` together; one that weighs more goes alone.
    """
    begun: deque[tuple[Future[B], int]] = deque()
    todo = deque(islice(items := iter(items), 1))
    weight = 0
    pool = ThreadPoolExecutor(threads, thread_name_prefix="savemasks")
    try:
        while True:
            while todo and len(begun) < ahead and (not begun or weight + weigh(todo[0]) <= room):
                item = todo.popleft()
                begun.append((pool.submit(work, item), weigh(item)))
                weight += begun[-1][1]
                todo.extend(islice(items, 1))
            if not begun:
                return
            if stop.is_set():
                raise Stopped
            result, own = begun.popleft()
            yield result.result()
            weight -= own
    finally:
        give_up()
        pool.shutdown(wait=True, cancel_futures=True)
