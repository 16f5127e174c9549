"""Use: who has the microscope, told to whoever shares it.

Live views give way when an acquisition begins, wherever it was started: in a dock, by a script or
by a command.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from limelight.acquire.acquisition import Acquisition

__all__ = ["USE"]


class _Use:
    """Which acquisition has which core, and who else uses it.

    Callbacks come in the thread of who takes it first, or gives it back last.
    """

    taken = Signal(object)
    """The core is used from now on."""
    given_back = Signal(object)
    """It is used no more."""

    def __init__(self) -> None:
        self._acquisitions: dict[int, Acquisition] = {}
        self._owners: dict[int, list[object]] = {}
        self._lock = threading.Lock()

    def reserve(self, acquisition: Acquisition) -> None:
        """Let no other acquisition have its core; one that waits idly for events is ended.

        Raises
        ------
        ParameterError
            If another one runs.
        """
        key = id(acquisition.core)
        forgotten = self._acquisitions.get(key)
        if forgotten is not None and forgotten.is_idle:
            forgotten.mark_finished()
            forgotten.await_end()
        with self._lock:
            other = self._acquisitions.get(key)
            if other is not None and other.is_running:
                raise ParameterError(
                    f"The microscope is in use by the acquisition {other.name!r}. Wait for its end "
                    "(await_completion), or abort it."
                )
            self._acquisitions[key] = acquisition

    def withdraw(self, acquisition: Acquisition) -> None:
        """Let others have the core that was reserved."""
        key = id(acquisition.core)
        with self._lock:
            held = self._acquisitions.get(key) is acquisition
            if held:
                del self._acquisitions[key]
            free = held and not self._owners.get(key)
        if free:
            self.given_back.emit(acquisition.core)

    def take(self, core: Any, owner: object) -> None:
        """Tell that a core is used from now on, by one more."""
        with self._lock:
            owners = self._owners.setdefault(id(core), [])
            first = not owners
            owners.append(owner)
        if first:
            self.taken.emit(core)

    def give_back(self, core: Any, owner: object) -> None:
        """Tell that an owner uses it no more; all that did so is forgotten."""
        with self._lock:
            owners = self._owners.get(id(core), [])
            had = bool(owners)
            owners[:] = [one for one in owners if one is not owner]
            last = had and not owners
            if not owners:
                self._owners.pop(id(core), None)
        if last:
            self.given_back.emit(core)

    def is_taken(self, core: Any) -> bool:
        """Tell whether anybody uses the core."""
        return id(core) in self._owners

    def is_reserved(self, core: Any) -> bool:
        """Tell whether somebody uses the core, or is about to."""
        acquisition = self._acquisitions.get(id(core))
        return self.is_taken(core) or (acquisition is not None and acquisition.is_running)


USE = _Use()
