"""Thin bright lines: filaments, fibres, neurites, membranes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from limelight.core.image import _label_kernels as label_kernels
from limelight.core.image import _line_kernels as kernels
from limelight.core.image.filters import gaussian
from limelight.core.image.inputs import as_image, as_mask, check_number
from limelight.core.image.labels import label

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Lines", "detect_lines", "ridges", "thin"]


class Lines(NamedTuple):
    """What `detect_lines` finds.

    Attributes
    ----------
    mask : 2D array of bool (Y, X)
        The lines in their full width.
    lines : 2D array of int32 (Y, X)
        Their middle, one pixel wide, each connected piece with a number of its own.
    """

    mask: NDArray[np.bool_]
    lines: NDArray[np.int32]


def ridges(
    image: ArrayLike, width: float = 3, *, threads: int | None = None
) -> NDArray[np.float64]:
    """Bring out bright lines of a width.

    The value is the negative of the lower eigenvalue of the matrix of second derivatives, where it
    is positive, times the variance of the Gaussian, so that widths can be compared (Lindeberg, Int.
    J. Comput. Vis. 30, 117, 1998).

    Parameters
    ----------
    image : 2D (Y, X) array
        The counts.
    width : float
        Width of the lines, px, 1 to 100; the Gaussian's standard deviation is half of it.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    2D array of float64
        0 where there is no line.
    """
    where = "ridges"
    array = as_image(image, where, dimensions=(2,))
    check_number(width, where, "width", low=1, high=100)
    if min(array.shape) < 1:
        return np.zeros(array.shape)
    smooth = gaussian(array.astype(np.float64), width / 2, threads=threads)
    padded = np.pad(smooth, 1, mode="edge")
    yy = padded[2:, 1:-1] - 2 * smooth + padded[:-2, 1:-1]
    xx = padded[1:-1, 2:] - 2 * smooth + padded[1:-1, :-2]
    xy = (padded[2:, 2:] + padded[:-2, :-2] - padded[2:, :-2] - padded[:-2, 2:]) / 4
    lower = (yy + xx) / 2 - np.hypot((yy - xx) / 2, xy)
    found: NDArray[np.float64] = np.maximum(-lower, 0) * (width / 2) ** 2
    return found


def thin(mask: ArrayLike) -> NDArray[np.bool_]:
    """Thin a mask to lines one pixel wide that hang together as the mask does.

    Zhang and Suen, Commun. ACM 27, 236 (1984).

    Parameters
    ----------
    mask : 2D (Y, X) array of bool or integers
        The mask.

    Returns
    -------
    2D array of bool
    """
    inside = as_mask(mask, "thin", dimensions=(2,))
    found: NDArray[np.bool_] = kernels.thin(np.pad(inside, 1))[1:-1, 1:-1]
    return found


def detect_lines(
    image: ArrayLike,
    width: float = 3,
    threshold: float = 3,
    min_length: float = 10,
    *,
    threads: int | None = None,
) -> Lines:
    """Find bright lines.

    Parameters
    ----------
    image : 2D (Y, X) array
        The counts.
    width : float
        Width of the lines, px, 1 to 100.
    threshold : float
        How far a line stands out, in standard deviations of the ridges that noise makes (from the
        median of those that are not 0); above 0.
    min_length : float
        Shorter lines are left out, px along the middle.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    Lines
        ``mask`` and ``lines``.
    """
    where = "detect_lines"
    check_number(threshold, where, "threshold", low=1e-6)
    check_number(min_length, where, "min_length", low=0)
    strength = ridges(image, width, threads=threads)
    positive = strength[strength > 1e-12 * strength.max(initial=0.0)]
    if not positive.size:
        return Lines(np.zeros(strength.shape, np.bool_), np.zeros(strength.shape, np.int32))
    # the median of the absolute values of a normal distribution is 0.6745 of its deviation
    noise = float(np.median(positive)) / 0.6745
    pieces = label(strength > threshold * noise)
    middle = label(thin(pieces > 0))
    numbers = label_kernels.ids(middle)
    lengths = label_kernels.boxes(middle[None], numbers)[0]
    kept = lengths >= min_length
    lines = label_kernels.renumber(middle, numbers, np.where(kept, np.cumsum(kept), 0))
    owners = np.unique(pieces[lines > 0])
    return Lines(np.isin(pieces, owners) & (pieces > 0), lines)
