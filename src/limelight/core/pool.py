"""Threads over pieces of work inside one call; kernels release the interpreter's lock."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from limelight.core.errors import ParameterError
from limelight.core.watch import newest_watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["each", "runs", "thread_count"]

T = TypeVar("T")
R = TypeVar("R")


def thread_count(threads: int | None) -> int:
    """Return how many threads to use: by default one per core that this process may run on.

    Raises
    ------
    ParameterError
        If fewer than one is asked for.
    """
    if threads is None:
        try:
            return len(os.sched_getaffinity(0))
        except AttributeError:  # not on every system
            return os.cpu_count() or 1
    if threads < 1:
        raise ParameterError(f"threads must be at least 1, not {threads}.")
    return threads


def each(function: Callable[[T], R], items: Iterable[T], threads: int | None = None) -> list[R]:
    """Return the function's results for all items, in their order.

    Inside `limelight.core.watch.watched` the items are counted, and left when the job is closed.
    """
    items = list(items)
    watch = newest_watch()
    if watch is not None:
        function = watch.over(function, len(items))
    count = min(thread_count(threads), len(items))
    if count <= 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(count, thread_name_prefix="limelight-pool") as pool:
        return list(pool.map(function, items))


def runs(length: int, count: int, least: int = 1) -> list[tuple[int, int]]:
    """Cut a range into at most ``count`` runs of nearly equal length, none below ``least``."""
    count = max(min(count, length // max(least, 1)), 1)
    edges = [length * i // count for i in range(count + 1)]
    return list(itertools.pairwise(edges))
