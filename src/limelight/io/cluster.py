"""A dask cluster: the connection that every capability spreads its jobs over."""

from __future__ import annotations

from typing import Any

from limelight.core.errors import LimelightError, ParameterError

__all__ = ["connect"]


def connect(client: Any) -> tuple[Any, bool, int]:
    """Connect to a cluster.

    Parameters
    ----------
    client : dask.distributed.Client or str
        A client, or the scheduler's address such as ``"tcp://10.0.0.5:8786"``.

    Returns
    -------
    client : dask.distributed.Client
        The connection.
    own : bool
        Whether it was made here, and has to be closed by whoever asked for it.
    threads : int
        Threads of all workers.

    Raises
    ------
    ParameterError
        If there is no scheduler at the address, or it has no workers.
    LimelightError
        If dask.distributed is not installed.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise LimelightError(
            "Spreading a job over a cluster needs dask.distributed. "
            "Install it with: pip install 'napari-limelight[cluster]'"
        ) from error
    own = isinstance(client, str)
    if own:
        try:
            client = Client(client, timeout="10s")  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise ParameterError(
                f"No dask scheduler answers at {client!r}. Start one with `dask scheduler`, "
                f"workers with `dask worker ADDRESS`, and give its address. ({error})"
            ) from error
    threads = sum(client.nthreads().values())
    if not threads:
        if own:
            client.close()
        raise ParameterError(
            "The dask cluster has no workers. Start some with `dask worker ADDRESS`."
        )
    return client, own, threads
