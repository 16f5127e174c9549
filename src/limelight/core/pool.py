"""Threads over bands of a picture; the kernels release the interpreter's lock."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["bands", "each", "thread_count"]

T = TypeVar("T")
R = TypeVar("R")


def thread_count(threads: int | None) -> int:
    """Return how many threads to use: by default all cores that this process may run on."""
    if threads is None:
        try:
            return len(os.sched_getaffinity(0))
        except AttributeError:  # not on every system
            return os.cpu_count() or 1
    if threads < 1:
        raise ParameterError(f"render: threads must be at least 1, not {threads}.")
    return threads


def each(function: Callable[[T], R], items: Sequence[T], threads: int) -> list[R]:
    """Return the function's results for all items, in their order."""
    count = min(threads, len(items))
    if count <= 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(count, thread_name_prefix="limelight-render") as pool:
        return list(pool.map(function, items))


def bands(length: int, count: int, least: int = 1) -> list[tuple[int, int]]:
    """Cut a range into at most ``count`` runs of nearly equal length, none below ``least``."""
    count = max(min(count, length // max(least, 1)), 1)
    edges = [length * i // count for i in range(count + 1)]
    return list(itertools.pairwise(edges))
