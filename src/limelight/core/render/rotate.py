"""Molecules seen from another side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from limelight.core.errors import ParameterError
from limelight.core.pool import each, runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Angles", "project", "rotation_matrix"]

Angles = Sequence[float]
"""Three angles about x, y and z, degrees."""


def rotation_matrix(angles: Angles | NDArray[Any]) -> NDArray[np.float64]:
    """Return the matrix that turns (x, y, z).

    Parameters
    ----------
    angles : three floats, or array (3, 3)
        Angles about the x, y and z axis, degrees, which are applied in this order about axes that
        stay where they are; or a rotation matrix, which is checked.

    Raises
    ------
    ParameterError
        If it is neither.

    Notes
    -----
    x points along the columns, y along the rows (down on the screen) and z away from the viewer,
    so that (x, y, z) is right-handed.
    """
    given = np.asarray(angles, np.float64)
    if given.shape == (3,) and np.isfinite(given).all():
        (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(given)), np.sin(np.radians(given))
        about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
        about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
        return np.asarray(about_z @ about_y @ about_x)
    if given.shape == (3, 3) and np.allclose(given @ given.T, np.eye(3), atol=1e-6):
        return given
    raise ParameterError("render: a rotation is three angles in degrees, or a rotation matrix.")


@njit(nogil=True, cache=True)
def _project(y, x, z, sy, sx, sz, matrix, centre, least, a, b, out_y, out_x, out_sy, out_sx, tilt):  # type: ignore[no-untyped-def] # fmt: skip
    for n in range(a, b):
        u, v, w = x[n] - centre[2], y[n] - centre[1], z[n] - centre[0]
        out_x[n] = matrix[0, 0] * u + matrix[0, 1] * v + matrix[0, 2] * w + centre[2]
        out_y[n] = matrix[1, 0] * u + matrix[1, 1] * v + matrix[1, 2] * w + centre[1]
        if len(sy) == 0:
            continue
        vx, vy, vz = sx[n] ** 2, sy[n] ** 2, sz[n] ** 2
        xx = matrix[0, 0] ** 2 * vx + matrix[0, 1] ** 2 * vy + matrix[0, 2] ** 2 * vz
        yy = matrix[1, 0] ** 2 * vx + matrix[1, 1] ** 2 * vy + matrix[1, 2] ** 2 * vz
        xy = (
            matrix[0, 0] * matrix[1, 0] * vx
            + matrix[0, 1] * matrix[1, 1] * vy
            + matrix[0, 2] * matrix[1, 2] * vz
        )
        # neither axis of the ellipse below the least width
        half, difference = (xx + yy) / 2, (xx - yy) / 2
        root = np.sqrt(difference * difference + xy * xy)
        long, short = max(half + root, least * least), max(half - root, least * least)
        cosine, sine = (difference / root, xy / root) if root > 0 else (1.0, 0.0)
        half, root = (long + short) / 2, (long - short) / 2
        xx, yy, xy = half + root * cosine, half - root * cosine, root * sine
        out_sx[n], out_sy[n] = np.sqrt(xx), np.sqrt(yy)
        tilt[n] = xy / np.sqrt(xx * yy)


def project(
    y: NDArray[np.float32],
    x: NDArray[np.float32],
    z: NDArray[np.float32],
    sigma: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]] | None,
    matrix: NDArray[np.float64],
    centre: tuple[float, float, float],
    least: float,
    threads: int = 1,
) -> tuple[NDArray[np.float32], ...]:
    """Turn molecules about a centre and see them along the new z axis.

    Parameters
    ----------
    y, x, z : 1D arrays of float32
        Positions, all in the same unit.
    sigma : tuple of three 1D arrays of float32, optional
        Precisions along y, x and z.
    matrix : array (3, 3)
        What `rotation_matrix` returns.
    centre : tuple of float (z, y, x)
        What stays in its place.
    least : float
        No axis of a molecule's ellipse is seen narrower.
    threads : int
        Threads.

    Returns
    -------
    y, x, sy, sx, tilt : 1D arrays of float32
        Positions and standard deviations as seen, and the correlation of the two; the last three
        are empty if there are no precisions.
    """
    n = len(y)
    none = np.empty(0, np.float32)
    sy, sx, sz = sigma or (none, none, none)
    out = [np.empty(n, np.float32) for _ in range(2)]
    out += [np.empty(n if sigma else 0, np.float32) for _ in range(3)]

    def run(piece: tuple[int, int]) -> None:
        _project(y, x, z, sy, sx, sz, matrix, centre, least, *piece, *out)

    each(run, runs(n, 4 * threads, 2**14), threads)
    return tuple(out)
