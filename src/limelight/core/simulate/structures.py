"""Where the emitters sit: structures to simulate.

Every function returns an array of shape (n, 3), float64, with the columns x, y in pixels (pixel
centres at integers) and z in nanometres. All randomness comes from the generator that is passed in.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from limelight.core.errors import ParameterError

__all__ = ["filaments", "origami", "rings", "uniform"]

Points = NDArray[np.float64]


def uniform(
    shape: tuple[int, int],
    count: int,
    rng: np.random.Generator,
    *,
    z_range: tuple[float, float] = (0.0, 0.0),
) -> Points:
    """Emitters spread evenly over the whole field of view.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the field in pixels (Y, X).
    count : int
        Number of emitters, >= 0.
    rng : numpy.random.Generator
        Source of randomness.
    z_range : tuple of float
        Lowest and highest z in nm.

    Returns
    -------
    ndarray, shape (count, 3)
        x, y (pixels) and z (nm).
    """
    height, width = _checked(shape)
    if count < 0:
        raise ParameterError(f"count must be 0 or more, not {count}")
    points = np.empty((count, 3))
    points[:, 0] = rng.uniform(-0.5, width - 0.5, count)
    points[:, 1] = rng.uniform(-0.5, height - 0.5, count)
    points[:, 2] = rng.uniform(*z_range, count)
    return points


def filaments(
    shape: tuple[int, int],
    count: int,
    rng: np.random.Generator,
    *,
    density: float = 2.0,
    stiffness: float = 60.0,
    radius: float = 0.12,
    z_range: tuple[float, float] = (0.0, 0.0),
) -> Points:
    """Label bendy filaments, such as microtubules, that cross the field.

    Each filament starts at the border and walks in steps of a quarter pixel; its direction diffuses
    so that it is forgotten over `stiffness` pixels (a worm-like chain in two dimensions). It ends
    where it leaves the field.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the field in pixels.
    count : int
        Number of filaments.
    rng : numpy.random.Generator
        Source of randomness.
    density : float
        Emitters per pixel of length, > 0.
    stiffness : float
        Persistence length in pixels, > 0.
    radius : float
        Emitters sit on a tube of this radius, in pixels.
    z_range : tuple of float
        Each filament has its own z within this range, in nm.

    Returns
    -------
    ndarray, shape (n, 3)
        x, y (pixels) and z (nm).
    """
    height, width = _checked(shape)
    if density <= 0 or stiffness <= 0:
        raise ParameterError("density and stiffness of filaments must be positive")
    step = 0.25
    length = int(4 * (height + width) / step)
    pieces = [np.empty((0, 3))]
    for _ in range(count):
        side = rng.integers(4)
        along = rng.uniform(0.1, 0.9)
        start, heading = (
            ((-0.5, along * height), 0.0),
            ((along * width, -0.5), np.pi / 2),
            ((width - 0.5, along * height), np.pi),
            ((along * width, height - 0.5), -np.pi / 2),
        )[side]
        turns = rng.normal(0.0, np.sqrt(2 * step / stiffness), length)
        angle = heading + rng.uniform(-0.8, 0.8) + np.cumsum(turns)
        x = start[0] + np.cumsum(step * np.cos(angle))
        y = start[1] + np.cumsum(step * np.sin(angle))
        outside = (x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5)
        # The walk starts on the border, so its first steps may graze it.
        outside[:4] = False
        end = int(np.argmax(outside)) if outside.any() else length
        chosen = np.sort(rng.uniform(0, max(end - 1, 0), rng.poisson(density * end * step)))
        knots = np.arange(length)
        theta = np.interp(chosen, knots, angle)
        around = rng.uniform(0, 2 * np.pi, chosen.size)
        across = radius * np.cos(around)
        z = np.full(chosen.size, rng.uniform(*z_range))
        pieces.append(
            np.column_stack(
                (
                    np.interp(chosen, knots, x) - across * np.sin(theta),
                    np.interp(chosen, knots, y) + across * np.cos(theta),
                    z,
                )
            )
        )
    return _inside(np.concatenate(pieces), shape)


def rings(
    shape: tuple[int, int],
    count: int,
    rng: np.random.Generator,
    *,
    radius: float = 0.55,
    corners: int = 8,
    labels_per_corner: int = 4,
    efficiency: float = 0.7,
    scatter: float = 0.03,
    z_range: tuple[float, float] = (0.0, 0.0),
) -> Points:
    """Rings of corners, such as the eight-fold nuclear pore complex.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the field in pixels.
    count : int
        Number of rings; they keep a distance of three radii where there is room.
    rng : numpy.random.Generator
        Source of randomness.
    radius : float
        Radius of a ring in pixels (a nuclear pore: 55 nm).
    corners : int
        Corners per ring, >= 1.
    labels_per_corner : int
        Sites to label at each corner, >= 1.
    efficiency : float
        Probability that a site carries an emitter, 0 to 1.
    scatter : float
        Standard deviation of an emitter about its corner, in pixels.
    z_range : tuple of float
        Each ring has its own z within this range, in nm.

    Returns
    -------
    ndarray, shape (n, 3)
        x, y (pixels) and z (nm).
    """
    height, width = _checked(shape)
    if not 0 <= efficiency <= 1:
        raise ParameterError(f"efficiency must lie between 0 and 1, not {efficiency}")
    if corners < 1 or labels_per_corner < 1:
        raise ParameterError("a ring needs at least one corner and one label per corner")
    centres = np.empty((count, 2))
    for i in range(count):
        for _ in range(30):
            centres[i] = rng.uniform(0, width - 1), rng.uniform(0, height - 1)
            gap = np.hypot(*(centres[:i] - centres[i]).T)
            if not (gap < 3 * radius).any():
                break
    phase = rng.uniform(0, 2 * np.pi / corners, count)
    depth = rng.uniform(*z_range, count)
    angle = phase[:, None] + np.arange(corners) * 2 * np.pi / corners
    sites = np.empty((count, corners, labels_per_corner, 3))
    sites[..., 0] = (centres[:, :1] + radius * np.cos(angle))[..., None]
    sites[..., 1] = (centres[:, 1:] + radius * np.sin(angle))[..., None]
    sites[..., 2] = depth[:, None, None]
    sites[..., :2] += rng.normal(0, scatter, (*sites.shape[:-1], 2))
    points = sites.reshape(-1, 3)
    return _inside(points[rng.random(len(points)) < efficiency], shape)


def origami(
    shape: tuple[int, int],
    rng: np.random.Generator,
    *,
    pitch: float = 12.0,
    spacing: float = 0.2,
    grid: tuple[int, int] = (3, 4),
    efficiency: float = 0.9,
    jitter: float = 1.0,
) -> Points:
    """DNA origami-like tiles: small grids of sites, each turned at random, on a square lattice.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the field in pixels.
    rng : numpy.random.Generator
        Source of randomness.
    pitch : float
        Distance between tiles in pixels, > 0.
    spacing : float
        Distance between the sites of a tile in pixels (20 nm at 100 nm pixels: 0.2).
    grid : tuple of int
        Rows and columns of sites on a tile.
    efficiency : float
        Probability that a site carries an emitter, 0 to 1.
    jitter : float
        A tile is moved from its lattice point by up to this many pixels in x and in y.

    Returns
    -------
    ndarray, shape (n, 3)
        x, y (pixels) and z = 0 nm.
    """
    height, width = _checked(shape)
    if pitch <= 0:
        raise ParameterError(f"pitch must be positive, not {pitch}")
    if not 0 <= efficiency <= 1:
        raise ParameterError(f"efficiency must lie between 0 and 1, not {efficiency}")
    centre_x, centre_y = np.meshgrid(
        np.arange(pitch / 2, width, pitch), np.arange(pitch / 2, height, pitch)
    )
    tiles = centre_x.size
    centres = np.stack((centre_x.ravel(), centre_y.ravel()), axis=1)
    centres = centres + rng.uniform(-jitter, jitter, (tiles, 2))
    rows, columns = grid
    u, v = np.meshgrid(np.arange(columns) - (columns - 1) / 2, np.arange(rows) - (rows - 1) / 2)
    u, v = spacing * u.ravel(), spacing * v.ravel()
    turn = rng.uniform(0, 2 * np.pi, tiles)[:, None]
    points = np.zeros((tiles, u.size, 3))
    points[..., 0] = centres[:, :1] + u * np.cos(turn) - v * np.sin(turn)
    points[..., 1] = centres[:, 1:] + u * np.sin(turn) + v * np.cos(turn)
    flat = points.reshape(-1, 3)
    return _inside(flat[rng.random(len(flat)) < efficiency], shape)


def _checked(shape: tuple[int, int]) -> tuple[int, int]:
    height, width = shape
    if height < 1 or width < 1:
        raise ParameterError(f"the field of view must have at least one pixel, not {shape}")
    return int(height), int(width)


def _inside(points: Points, shape: tuple[int, int]) -> Points:
    height, width = shape
    x, y = points[:, 0], points[:, 1]
    keep = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
    return points[keep]
