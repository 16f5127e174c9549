"""The job: a movie through a pool of threads, block by block.

Blocks are read, localized and handed on in order; no more than the pool has threads (plus one) are
under way, so memory does not grow with the movie's length.  A block's result depends on its frames
alone, hence the table is the same, to the bit, for any number of threads and any size of block.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from limelight.core.job import Job, Progress
from limelight.core.localizations import Localizations
from limelight.core.pool import thread_count
from limelight.localize.block import localize_block, read_block
from limelight.localize.calibrated import calibration_of
from limelight.localize.record import provenance
from limelight.localize.settings import LocalizeSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from limelight.core.camera import Camera
    from limelight.core.movie import Movie
    from limelight.core.spots import Columns

__all__ = ["localize_job"]

_BYTES_IN_FLIGHT = 96 * 2**20  # raw counts of all blocks under way together
_MAX_BLOCK_BYTES = 32 * 2**20
_MAX_BLOCK_FRAMES = 512  # so that progress is shown and cancelling is quick


class _Pool(Protocol):
    """What threads and clusters have in common."""

    size: int

    def submit(self, start: int, stop: int) -> Any: ...

    def result(self, task: Any) -> Columns: ...

    def close(self) -> None: ...


class _Threads:
    """Blocks on the threads of this process."""

    def __init__(self, movie: Movie, settings: LocalizeSettings, camera: Camera, size: int) -> None:
        self.size = size
        self._work: Callable[[int, int], Columns] = lambda start, stop: localize_block(
            read_block(movie, start, stop, settings, camera), settings
        )
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="limelight-localize")

    def submit(self, start: int, stop: int) -> Future[Columns]:
        return self._executor.submit(self._work, start, stop)

    def result(self, task: Future[Columns]) -> Columns:
        return task.result()

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)


def frames_per_block(movie: Movie, workers: int) -> int:
    """Choose how many frames a block has.

    Large enough that the frames around it, which are read twice, matter little; small enough that
    all blocks under way fit into 96 MiB of counts, and that every worker gets some.
    """
    frames, height, width = movie.shape
    budget = min(_MAX_BLOCK_BYTES, _BYTES_IN_FLIGHT // (workers + 1))
    fitting = budget // (height * width * movie.dtype.itemsize)
    fair = -(-frames // (4 * workers))
    return int(max(1, min(fitting, _MAX_BLOCK_FRAMES, max(fair, 16))))


def localize_job(
    movie: Movie,
    settings: LocalizeSettings | None = None,
    *,
    camera: Camera | None = None,
    threads: int | None = None,
    block_frames: int | None = None,
    client: Any = None,
) -> Job[Localizations]:
    """Localize a movie.

    Parameters
    ----------
    movie : Movie
        What to localize.
    settings : LocalizeSettings, optional
        How.
    camera : Camera, optional
        Used instead of what the movie knows of its camera.
    threads : int, optional
        Number of threads; all cores if not given.
    block_frames : int, optional
        Frames per block; chosen by size if not given.  The result does not depend on it.
    client : dask.distributed.Client or str, optional
        A cluster, or its address, that takes the blocks instead of this process' threads.

    Yields
    ------
    Progress
        Frames done, and as ``partial`` the `Localizations` of the newest block.

    Returns
    -------
    Localizations
        All molecules, sorted by frame, and how they came to be.

    Raises
    ------
    ParameterError
        If the settings do not fit the movie.
    """
    settings = settings or LocalizeSettings()
    camera = camera or movie.camera
    camera.check_shape((movie.shape[1], movie.shape[2]))
    start, stop = settings.frame_range(len(movie))
    calibration_of(settings)  # what is wrong with it is said before any work
    record = provenance(movie, settings, camera)
    pool: _Pool
    if client is not None:
        from limelight.localize.cluster import Cluster

        pool = Cluster(client, movie, settings, camera)
    else:
        workers = thread_count(threads)
        pool = _Threads(movie, settings, camera, workers)
    step = block_frames or frames_per_block(movie, pool.size)
    found: list[Columns] = []
    begun = time.perf_counter()
    molecules = 0
    try:
        for done, columns in _in_order(pool, start, stop, step):
            found.append(columns)
            molecules += len(columns["x"])
            rate = (done - start) / (time.perf_counter() - begun)
            yield Progress(
                done - start,
                stop - start,
                f"{molecules:,} molecules, {rate:,.0f} frames/s",
                Localizations.from_columns(columns, record),
            )
    finally:
        pool.close()
    return Localizations.from_columns(
        {name: np.concatenate([part[name] for part in found]) for name in found[0]}, record
    )


def _in_order(pool: _Pool, start: int, stop: int, step: int) -> Iterator[tuple[int, Columns]]:
    """Yield the end of each block and its columns, with at most ``size + 1`` under way."""
    waiting: deque[tuple[int, Any]] = deque()
    for begin in range(start, stop, step):
        end = min(begin + step, stop)
        waiting.append((end, pool.submit(begin, end)))
        if len(waiting) > pool.size:
            end, task = waiting.popleft()
            yield end, pool.result(task)
    while waiting:
        end, task = waiting.popleft()
        yield end, pool.result(task)
