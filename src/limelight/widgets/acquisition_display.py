"""Show an acquisition that a script starts in napari."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from limelight.widgets.acquisition_view import AcquisitionView

if TYPE_CHECKING:
    from limelight.acquire import Acquisition

__all__ = ["show"]

_LOOK_MS = 50


def show(acquisition: Acquisition, viewer: Any) -> Any:
    """Show the newest image, the growing data set and what processors find.

    Parameters
    ----------
    acquisition : Acquisition
        What to show.
    viewer : napari.Viewer
        Where.

    Returns
    -------
    napari.Viewer or None
        The viewer; None where there is no window to show it in, or this is not its thread.
    """
    app = QApplication.instance()
    if app is None or threading.current_thread() is not threading.main_thread():
        return None
    view = AcquisitionView(viewer)
    acquisition.listeners.append(view.take)
    # A script that waits for the end would otherwise hold the window.
    acquisition.while_waiting = QApplication.processEvents
    view.begin(acquisition)
    timer = QTimer(view)

    def look() -> None:
        if not acquisition.is_running:
            timer.stop()
            view.end()
            view.deleteLater()

    timer.timeout.connect(look)
    timer.start(_LOOK_MS)
    return viewer
