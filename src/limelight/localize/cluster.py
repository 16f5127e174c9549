"""The same blocks on a dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from limelight.io.cluster import connect
from limelight.localize.block import localize_block, read_block

if TYPE_CHECKING:
    from limelight.core.camera import Camera
    from limelight.core.movie import Movie
    from limelight.core.spots import Columns
    from limelight.localize.settings import LocalizeSettings

__all__ = ["Cluster"]


def _work(
    movie: Movie, settings: LocalizeSettings, camera: Camera, start: int, stop: int
) -> Columns:
    return localize_block(read_block(movie, start, stop, settings, camera), settings)


class Cluster:
    """Blocks on the workers of a ``dask.distributed`` cluster.

    A movie on disk is opened anew by each worker, which must see the file under the same path; a
    movie in memory is sent once.

    Parameters
    ----------
    client : dask.distributed.Client or str
        A client, or the scheduler's address such as ``"tcp://10.0.0.5:8786"``.
    movie, settings, camera
        What every block needs.

    Raises
    ------
    ParameterError
        If there is no scheduler at the address, or it has no workers.
    """

    def __init__(
        self, client: Any, movie: Movie, settings: LocalizeSettings, camera: Camera
    ) -> None:
        self._client, self._own, threads = connect(client)
        self.size = 2 * threads  # one block at work and one waiting for every thread
        self._shared = self._client.scatter([movie, settings, camera], broadcast=True)
        self._tasks: set[Any] = set()

    def submit(self, start: int, stop: int) -> Any:
        """Send one block."""
        task = self._client.submit(_work, *self._shared, start, stop, pure=False)
        self._tasks.add(task)
        return task

    def result(self, task: Any) -> Columns:
        """Wait for a block's columns."""
        columns: Columns = task.result()
        self._tasks.discard(task)
        return columns

    def close(self) -> None:
        """Forget what is still under way; close the connection if it is ours."""
        self._client.cancel(list(getattr(self, "_tasks", ())))
        if self._own:
            self._client.close()
