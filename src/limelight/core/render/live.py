"""The picture of molecules that are still being found."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from limelight.core.render.canvas import Canvas

if TYPE_CHECKING:
    from limelight.core.localizations import Localizations
    from limelight.core.render.picture import Picture

__all__ = ["LivePicture"]


class LivePicture:
    """A picture to which one thread adds molecules while another shows it.

    Only what is new is drawn; the picture is that of `limelight.core.render.render`.

    Parameters
    ----------
    shape : tuple of int (Y, X)
        The camera's field in pixels.
    camera_pixel_nm : float
        Size of a camera pixel, nm.
    pixel_size_nm : float
        Size of a drawn pixel, nm.
    mode : str
        As in `Canvas`; a histogram is the quickest.

    Raises
    ------
    ParameterError
        If the picture would be too large, or a size is not positive.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        camera_pixel_nm: float,
        pixel_size_nm: float = 20.0,
        mode: str = "histogram",
    ) -> None:
        self._lock = threading.Lock()
        # one thread: a handful of molecules is not worth more, and the camera needs the others
        self._canvas = Canvas(shape, camera_pixel_nm, pixel_size_nm, mode, threads=1)
        self.molecules = 0
        """How many molecules were added; changes with the picture."""

    def add(self, locs: Localizations) -> None:
        """Draw more molecules."""
        if not len(locs):
            return
        with self._lock:
            self._canvas.add(locs)
            self.molecules += len(locs)

    def picture(self) -> Picture:
        """Return the picture as it is now; it does not change afterwards."""
        with self._lock:
            picture = self._canvas.picture
            return type(picture)(
                picture.image.copy(), picture.scale_um, picture.translate_um, picture.value
            )
