"""Display: how an acquisition that a script starts is shown, without knowing any window.

Packages contribute a display through the entry points ``limelight.displays``: a function of the
acquisition and a viewer that returns the viewer.  Limelight's own is among its widgets.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from limelight.core.errors import LimelightError, ParameterError

if TYPE_CHECKING:
    from limelight.acquire.acquisition import Acquisition

__all__ = ["show_in"]


def show_in(acquisition: Acquisition, viewer: Any, show: bool | str) -> Any:
    """Show an acquisition in a viewer.

    Parameters
    ----------
    acquisition : Acquisition
        What to show.
    viewer : napari.Viewer, optional
        Where.
    show : bool or str
        Without a viewer, True: in a napari that is open; ``"napari"``: in a new one.

    Returns
    -------
    napari.Viewer or None
        The viewer; None where there is nothing to show in.
    """
    if show not in (True, False, "napari"):
        raise ParameterError(f"show_display must be True, False or 'napari', not {show!r}.")
    if viewer is None:
        napari = sys.modules.get("napari")
        if show == "napari":
            try:
                import napari  # type: ignore[no-redef]
            except ImportError as error:
                raise LimelightError(
                    "napari is not installed: install napari-limelight[all]."
                ) from error
            viewer = napari.current_viewer() or napari.Viewer()  # type: ignore[union-attr]
        elif napari is not None and hasattr(napari, "current_viewer"):
            viewer = napari.current_viewer()
    if viewer is None:
        return None
    for entry in entry_points(group="limelight.displays"):
        return entry.load()(acquisition, viewer)
    return viewer
