"""Planes turned from (X, Y) to (Y, X) at nearly the speed of a copy.

A plain loop over a transposition touches memory in strides, element by element.  For elements of
two bytes, such as counts are, a square of 8 x 8 is loaded as eight registers, turned by three
rounds of shuffles, and stored as eight registers again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["transpose_planes"]


def transpose_planes(source: NDArray[Any], target: NDArray[Any]) -> None:
    """Write planes (N, X, Y) as (N, Y, X).

    Parameters
    ----------
    source : array (N, X, Y), C-contiguous
        The planes.
    target : array (N, Y, X), C-contiguous, of the same type
        Filled.
    """
    if source.dtype.itemsize != 2:
        np.copyto(target, source.transpose(0, 2, 1))
        return
    from limelight.core._transpose_kernel import turn_planes

    turn_planes(
        source.reshape(-1).view(np.uint16), target.reshape(-1).view(np.uint16), *source.shape
    )
