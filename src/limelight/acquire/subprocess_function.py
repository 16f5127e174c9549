"""A function in a process of its own, so that its computing does not hold up the acquisition."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import traceback
from multiprocessing.connection import Client, Connection, Listener
from typing import TYPE_CHECKING, Any

from limelight.acquire.hooks import takes
from limelight.core.errors import LimelightError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SubprocessFunction"]


class SubprocessFunction:
    """Calls a function in another process.

    The process is a fresh interpreter that is sent the function itself, so that functions of a
    script or notebook work on every system, without a guard around the main program.

    Parameters
    ----------
    function : callable
        Takes pixels, metadata and perhaps the event queue.
    queue : object
        With ``put``; what the function puts into its queue arrives here.

    Raises
    ------
    ParameterError
        If the function cannot be sent.
    """

    def __init__(self, function: Callable[..., Any], queue: Any) -> None:
        import cloudpickle  # type: ignore[import-untyped]

        self._queue = queue
        self._arguments = takes(function, 2, 3, "image_process_fn")
        try:
            body = cloudpickle.dumps(function)
        except Exception as error:
            raise ParameterError(
                f"image_process_fn cannot be sent to another process: {error}. "
                "Leave process=True out, or keep what belongs to this process out of the function."
            ) from error
        key = os.urandom(16)
        with Listener(authkey=key) as listener:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "from limelight.acquire.subprocess_function import _serve; _serve()",
                ],
                stdin=subprocess.PIPE,
                env={**os.environ, "LIMELIGHT_PATH": os.pathsep.join(sys.path)},
            )
            assert self._process.stdin is not None
            address = listener.address
            with self._process.stdin as stdin:
                stdin.write(f"{key.hex()}\n{address!r}\n".encode())
            self._connection: Connection = listener.accept()
        self._connection.send_bytes(body)
        self._connection.send(self._arguments)

    def __call__(self, pixels: Any, metadata: dict[str, Any]) -> Any:
        """Return what the function returns."""
        try:
            self._connection.send((pixels, metadata))
            kind, result, events = self._connection.recv()
        except (EOFError, OSError) as error:
            raise LimelightError("its process ended") from error
        for event in events:
            self._queue.put(event)
        if kind == "error":
            raise LimelightError(result)
        return result

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError, ValueError):
            self._connection.send(None)
            self._connection.close()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Gathered:
    """The event queue as the function sees it."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def put(self, event: Any) -> None:
        self.events.append(event)


def _serve() -> None:
    import ast
    import pickle

    key = bytes.fromhex(sys.stdin.readline().strip())
    address = ast.literal_eval(sys.stdin.readline())
    for path in os.environ.get("LIMELIGHT_PATH", "").split(os.pathsep):
        if path not in sys.path:
            sys.path.append(path)
    with Client(address, authkey=key) as connection:
        function = pickle.loads(connection.recv_bytes())
        arguments = connection.recv()
        while (item := _next(connection)) is not None:
            pixels, metadata = item
            queue = _Gathered()
            try:
                rest = (queue,) if arguments == 3 else ()
                connection.send(("result", function(pixels, metadata, *rest), queue.events))
            except Exception as error:
                traceback.print_exc()
                connection.send(("error", f"{type(error).__name__}: {error}", queue.events))


def _next(connection: Connection) -> Any:
    try:
        return connection.recv()
    except (EOFError, OSError):
        return None
