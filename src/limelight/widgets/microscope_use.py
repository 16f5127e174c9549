"""Who uses the microscope: docks give way to an acquisition, and go on afterwards."""

from __future__ import annotations

from psygnal import Signal

__all__ = ["USE"]


class _Use:
    """Tells the docks of all windows, which share one microscope."""

    taken = Signal(object)
    """An acquisition takes the core."""
    given_back = Signal(object)
    """It has ended."""


USE = _Use()
