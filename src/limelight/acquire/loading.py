"""Loading a configuration without telling of every step.

Whoever shows the microscope would follow each device that comes and goes and each preset that is
half defined; pymmcore-widgets' tables even delete presets that lack a property at that moment.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["told_once"]


@contextmanager
def told_once(core: Any) -> Iterator[None]:
    """Keep the core's signals back inside; at the end tell that a configuration was loaded.

    Parameters
    ----------
    core : CMMCorePlus
        The microscope.
    """
    events = core.events
    if hasattr(events, "blockSignals"):  # Qt's
        before = events.blockSignals(True)
        try:
            yield
        finally:
            events.blockSignals(before)
            events.systemConfigurationLoaded.emit()
    else:  # psygnal's
        try:
            with events.blocked():
                yield
        finally:
            events.systemConfigurationLoaded.emit()
