"""The demonstration in napari: what the microscope sees and finds, while it runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import LimelightError
from limelight.core.job import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from limelight.core.job import Job, Progress
    from limelight.demo.microscope import Session

__all__ = ["import_napari", "watch"]

_EVERY_MS = 33
_PICTURE_EVERY = 6  # looks; a picture of molecules changes less than a frame


def import_napari() -> Any:
    """Return napari.

    Raises
    ------
    LimelightError
        If it is not installed.
    """
    try:
        import napari
    except ImportError as error:
        raise LimelightError(
            "napari is not installed. Install it with: pip install napari-limelight[all]"
        ) from error
    return napari


class _Look:
    """Two layers that follow a session."""

    def __init__(self, viewer: Any) -> None:
        self.viewer = viewer
        self.session: Session | None = None
        self._frame: Any = None
        self._molecules: Any = None
        self._index, self._looks, self._drawn = -1, 0, 0

    def __call__(self) -> None:
        """Show what is new."""
        if self.session is None:
            return
        self._looks += 1
        frame = self.session.acquisition.latest
        if frame is not None and frame.index != self._index:
            self._index = frame.index
            self._show_frame(frame.pixels)
        if self._looks % _PICTURE_EVERY == 0 and self.session.picture.molecules != self._drawn:
            self._drawn = self.session.picture.molecules
            self._show_molecules()
        status = self.session.acquisition.status
        self.viewer.status = (
            f"{status.acquired:,} frames, {status.rate:.0f} per second; "
            f"{len(self.session.table):,} molecules"
        )

    def _show_frame(self, pixels: Any) -> None:
        if self._frame is not None:
            self._frame.data = pixels
            return
        assert self.session is not None
        size = self.session.camera.pixel_size_nm / 1000
        low, high = (float(q) for q in np.quantile(pixels, (0.001, 0.9995)))
        self._frame = self.viewer.add_image(
            pixels,
            name="live",
            scale=(size, size),
            units=("um", "um"),
            contrast_limits=(low, max(high, low + 1)),
        )
        self.viewer.reset_view()

    def _show_molecules(self) -> None:
        assert self.session is not None
        picture = self.session.picture.picture()
        lit = picture.image[picture.image > 0.01 * picture.image.max()]
        high = max(float(np.percentile(lit, 97)) if lit.size else 0.0, 0.2)
        if self._molecules is None:
            # beside the camera's image, where both are to be seen
            y, x = picture.translate_um
            aside = picture.image.shape[1] * picture.scale_um[1] * 1.02
            self._molecules = self.viewer.add_image(
                picture.image,
                name="molecules, live",
                colormap="inferno",
                gamma=0.6,
                blending="additive",
                scale=picture.scale_um,
                translate=(y, x + aside),
                units=("um", "um"),
            )
            self.viewer.reset_view()
        else:
            self._molecules.data = picture.image
        self._molecules.contrast_limits = (0.0, high)

    def remove(self) -> None:
        """Take the layers away."""
        for layer in (self._frame, self._molecules):
            if layer is not None and layer in self.viewer.layers:
                self.viewer.layers.remove(layer)


def watch(
    viewer: Any, job: Job[Session], on_progress: Callable[[Progress], object]
) -> Session | None:
    """Run a session's job, and show it in a viewer meanwhile.

    Parameters
    ----------
    viewer : napari.Viewer
        Two layers are added, and removed at the end.
    job : Job
        As `observe_job` makes it.
    on_progress : callable
        Is told of every step, in another thread.

    Returns
    -------
    Session or None
        The session; None if the window was closed before the end, which ends the acquisition.

    Raises
    ------
    Exception
        What the job raised.
    """
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication

    look = _Look(viewer)
    result: list[Session] = []
    errors: list[BaseException] = []
    closed = threading.Event()

    def step(progress: Progress) -> None:
        if closed.is_set():
            raise KeyboardInterrupt
        look.session = progress.partial
        on_progress(progress)

    def work() -> None:
        try:
            result.append(run(job, step))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="limelight-demo")
    app: Any = QApplication.instance()
    timer = QTimer()

    def tick() -> None:
        if closed.is_set():
            app.exit()
            return
        look()
        if not thread.is_alive():
            app.exit()

    timer.timeout.connect(tick)
    app.lastWindowClosed.connect(closed.set)
    thread.start()
    timer.start(_EVERY_MS)
    try:
        app.exec()  # not a loop of our own: napari quits the application when it is closed
    finally:
        if thread.is_alive():
            closed.set()
        timer.stop()
        app.lastWindowClosed.disconnect(closed.set)
        thread.join()
    if closed.is_set():
        return None
    if errors:
        raise errors[0]
    look.remove()
    return result[0]
