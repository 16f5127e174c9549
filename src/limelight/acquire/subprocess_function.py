"""A function in a process of its own, so that its computing does not hold up the acquisition."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import traceback
from functools import partial
from multiprocessing.connection import Client, Connection, Listener
from typing import TYPE_CHECKING, Any

from limelight.core.errors import LimelightError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SubprocessFunction", "SubprocessHook"]


class SubprocessFunction:
    """Calls a function in another process.

    The process is a fresh interpreter that is sent the function itself, so that functions of a
    script or notebook work on every system, without a guard around the main program.

    Parameters
    ----------
    function : callable
        What is called there.
    what : str
        Its name in messages, such as ``image_process_fn``.
    queue : object, optional
        With ``put``: the function takes a queue as its last argument, and what it puts into that
        one arrives here.

    Raises
    ------
    ParameterError
        If the function cannot be sent.
    """

    def __init__(self, function: Callable[..., Any], what: str, queue: Any = None) -> None:
        import cloudpickle  # type: ignore[import-untyped]

        self._queue = queue
        try:
            body = cloudpickle.dumps(function)
        except Exception as error:
            raise ParameterError(
                f"{what} cannot be sent to another process: {error}. "
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
        self._connection.send(queue is not None)

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function returns."""
        try:
            self._connection.send(arguments)
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


class SubprocessHook:
    """A hook in another process; events that it changes are changed here.

    Parameters
    ----------
    function : callable
        Takes an event or a list of events, and perhaps the queue.
    what : str
        Its name in messages.
    queue : object, optional
        As in `SubprocessFunction`.
    """

    def __init__(self, function: Callable[..., Any], what: str, queue: Any = None) -> None:
        self.__name__ = str(getattr(function, "__name__", what))
        self._function = SubprocessFunction(partial(_told_apart, function), what, queue)
        self.close = self._function.close

    def __call__(self, given: Any) -> Any:
        """Return what the hook returns, with the events that it was given as they are here."""
        result, which = self._function(given)
        if not isinstance(result, dict | list | tuple):
            return result
        sources = given if isinstance(given, list) else [given]
        items = [result] if isinstance(result, dict) else list(result)
        for k, i in enumerate(which):
            if i is not None:
                sources[i].clear()
                sources[i].update(items[k])
                items[k] = sources[i]
        return items


def _told_apart(function: Callable[..., Any], given: Any, *rest: Any) -> tuple[Any, list[Any]]:
    """Call a hook; tell also which of the events that it was given it returned."""
    result = function(given, *rest)
    sources = given if isinstance(given, list) else [given]
    items = result if isinstance(result, list | tuple) else [result]
    return result, [next((i for i, s in enumerate(sources) if s is one), None) for one in items]


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
        with_queue = connection.recv()
        while (arguments := _next(connection)) is not None:
            queue = _Gathered()
            try:
                rest = (queue,) if with_queue else ()
                connection.send(("result", function(*arguments, *rest), queue.events))
            except Exception as error:
                traceback.print_exc()
                connection.send(("error", f"{type(error).__name__}: {error}", queue.events))


def _next(connection: Connection) -> Any:
    try:
        return connection.recv()
    except (EOFError, OSError):
        return None
