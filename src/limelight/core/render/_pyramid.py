"""The histogram of a whole field at every size of pixel, for views from afar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.render._draw import cut, histogram
from limelight.core.render.picture import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.render._index import Molecules

__all__ = ["Pyramid"]


class Pyramid:
    """Histograms of the field, each with pixels twice as large as the one before.

    Parameters
    ----------
    molecules : Molecules
        What is counted.
    shape : tuple of int (Y, X)
        The field, camera pixels.
    threads : int
        Threads.

    Notes
    -----
    The finest has about as many pixels as there are molecules: below that size of pixel,
    drawing the molecules of a view is no more work than copying the histogram.
    """

    def __init__(self, molecules: Molecules, shape: tuple[int, int], threads: int) -> None:
        wanted = max(len(molecules), 2**12) / max(shape[0] * shape[1], 1)
        step = int(np.floor(np.log2(wanted) / 2))
        self.zoom = 2.0**step
        # as large as the coarsest of the levels asks for
        levels = max(int(np.log2(max(max(shape) * self.zoom, 1))) - 5, 0)
        block = 2**levels
        # and as much around the field, where drift and fits have put some molecules
        self._first = -block
        size = [(int(np.ceil(s * self.zoom / block)) + 2) * block for s in shape]
        window = Window(self.zoom, (-block, -block), (size[0], size[1]))
        base = histogram(molecules, window, threads, dtype=np.uint32)
        self.levels: list[NDArray[np.uint32]] = [base]
        for _ in range(levels):
            fine = self.levels[-1]
            pairs = fine[::2] + fine[1::2]
            self.levels.append(pairs[:, ::2] + pairs[:, 1::2])
        self.complete = int(self.levels[-1].sum(dtype=np.int64)) == len(molecules)

    def has(self, zoom: float) -> bool:
        """Tell whether there is a histogram of that many pixels per camera pixel."""
        step = np.log2(self.zoom / zoom)
        return bool(step == np.floor(step) and 0 <= step < len(self.levels))

    def covers(self, window: Window, margin: int) -> bool:
        """Tell whether the histograms know all that is in a window and so many pixels around."""
        if self.complete:
            return True
        if not self.has(window.zoom):
            return False
        level, first = self._level(window)
        return all(
            f - margin >= 0 and f + n + margin <= have
            for f, n, have in zip(first, window.shape, level.shape, strict=True)
        )

    def cut(self, window: Window) -> NDArray[np.float32]:
        """Return the histogram of a window; zero outside the field."""
        level, first = self._level(window)
        return cut(level, first, window.shape)

    def _level(self, window: Window) -> tuple[NDArray[np.uint32], tuple[int, int]]:
        """Return the histogram of the window's zoom, and its pixel that the window begins with."""
        step = int(np.log2(self.zoom / window.zoom))
        offset = self._first >> step
        return self.levels[step], (window.first[0] - offset, window.first[1] - offset)
