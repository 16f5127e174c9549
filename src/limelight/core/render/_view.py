"""Choose how to draw a window: from what is counted already, by counting, or one by one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from limelight.core.render import _draw

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from limelight.core.render._index import Molecules
    from limelight.core.render._pyramid import Pyramid
    from limelight.core.render.picture import Window

__all__ = ["CROWD", "Style", "View"]

CROWD = 2**18
"""So many Gaussians are drawn one by one in no time."""

_AROUND = 64  # more than the Gaussians reach, in pixels of the histogram


@dataclass(frozen=True)
class Style:
    """How molecules are drawn.

    Parameters
    ----------
    mode : str
        One of `limelight.core.render.MODES`.
    blur : tuple of float (y, x), optional
        Standard deviations of the modes "blur" and "smooth", drawn pixels.
    least : float
        Smallest standard deviation of a Gaussian, drawn pixels.
    exact : bool
        Draw every Gaussian exactly where it is.
    """

    mode: str
    blur: tuple[float, float] | None
    least: float
    exact: bool


@dataclass(frozen=True, eq=False)
class View:
    """Molecules, and what is known of them.

    Parameters
    ----------
    molecules : Molecules
        Their places and widths.
    threads : int
        Threads.
    fails : 1D array of uint8
        Zero for those to draw, or empty.
    middle, widest : float
        Median precision, and that which nearly none exceeds, camera pixels.
    pyramid : callable, optional
        Returns their histograms.
    tilt : 1D array of float32
        Correlation of each molecule's errors along y and x, or empty.
    """

    molecules: Molecules
    threads: int
    fails: NDArray[np.uint8]
    middle: float = 0.0
    widest: float = 0.0
    pyramid: Callable[[], Pyramid] | None = None
    tilt: NDArray[np.float32] = field(default_factory=lambda: _draw.NONE)

    def draw(
        self, window: Window, style: Style, weight: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the image of a window; ``weight`` may be empty."""
        if style.mode == "gaussian":
            return self._gaussians(window, style, weight)
        known = (self.molecules, window, self.threads)
        if style.blur is None:
            if self._is_counted(window, weight, 0) and self.pyramid:
                return self.pyramid().cut(window)
            return _draw.histogram(*known, weight, self.fails)
        around = _draw.margin(style.blur) + 32

        def counts(part: Window) -> _draw.Counts:
            return self._counts(part, weight, around)

        return _draw.blurred(counts, window, self.threads, style.blur)

    def draw_two(
        self,
        window: Window,
        style: Style,
        weight: NDArray[np.float32],
        second: NDArray[np.float32],
    ) -> list[NDArray[np.float32]]:
        """Return the images of a window by two weights; the first may be empty."""
        if style.mode == "gaussian" and not self.tilt.size:
            known = (self.molecules, window, self.threads, weight, self.fails, style.least)
            if self._is_crowd(window, style):
                return _draw.crowds(*known, second)
            if not self._is_equal(window, style):
                return self._single(window, style, weight, second)
        return [self.draw(window, style, weight), self.draw(window, style, second)]

    def _is_crowd(self, window: Window, style: Style) -> bool:
        """Tell whether there are many Gaussians, of which most have nearly the least width."""
        narrow = _draw.NARROW * style.least / window.zoom
        few = style.exact or self.molecules.count(window.viewport()) <= CROWD
        return not few and self.middle <= narrow and not self._is_equal(window, style)

    def _is_equal(self, window: Window, style: Style) -> bool:
        """Tell whether there are many Gaussians, which all have nearly the least width."""
        narrow = _draw.NARROW * style.least / window.zoom
        few = style.exact or self.molecules.count(window.viewport()) <= CROWD
        return not few and self.widest <= narrow and self.molecules.all_precise

    def _single(
        self,
        window: Window,
        style: Style,
        weight: NDArray[np.float32],
        second: NDArray[np.float32] | None = None,
    ) -> list[NDArray[np.float32]]:
        """Draw every Gaussian, for one weight or two in one go."""
        known = (self.molecules, window, self.threads, weight, self.fails, style.least)
        widest = self.widest * window.zoom
        if not style.exact and widest > _draw.WIDE:
            return _draw.gaussians_by_scale(*known, widest, second)
        return _draw.two_gaussians(*known, second, exact=style.exact)

    def _gaussians(
        self, window: Window, style: Style, weight: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        least = style.least
        known = (self.molecules, window, self.threads, weight, self.fails)
        if self.tilt.size:
            return _draw.tilted_gaussians(*known, self.tilt, least)
        if self._is_equal(window, style):
            for finer in (2 * _draw.FINER, _draw.FINER):
                if self._is_counted(window.finer(finer), weight, _AROUND):
                    break
            counts = self._counts(window.finer(finer), weight, _AROUND)
            return _draw.equal_gaussians(counts, window, self.threads, least, finer)
        if self._is_crowd(window, style):
            return _draw.crowd(*known, least)
        return self._single(window, style, weight)[0]

    def _counts(self, window: Window, weight: NDArray[np.float32], margin: int) -> _draw.Counts:
        """Return the function that counts: from the histograms, or molecule by molecule."""
        if self._is_counted(window, weight, margin) and self.pyramid:
            return self.pyramid().cut
        return _draw.counted(self.molecules, weight, self.fails)

    def _is_counted(self, window: Window, weight: NDArray[np.float32], margin: int) -> bool:
        """Tell whether the histograms hold the window and so many pixels around it."""
        if self.pyramid is None or weight.size or self.fails.size or not len(self.molecules):
            return False
        pyramid = self.pyramid()
        return pyramid.has(window.zoom) and pyramid.covers(window, margin)
