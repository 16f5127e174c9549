"""Fields of cells in two channels, with known outlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CellField", "simulate_cells"]


@dataclass
class CellField:
    """A field of cells.

    Parameters
    ----------
    nuclei, cells : 2D array of uint16 (Y, X)
        Images of the two channels, counts.
    nuclei_labels, cell_labels : 2D array of int32 (Y, X)
        What is to be found; a cell has the number of its nucleus.
    """

    nuclei: NDArray[np.uint16]
    cells: NDArray[np.uint16]
    nuclei_labels: NDArray[np.int32]
    cell_labels: NDArray[np.int32]


def simulate_cells(
    size: int = 2048, count: int = 500, *, radius: float = 15, seed: int = 0
) -> CellField:
    """Simulate a field of cells that lie in groups and touch.

    Nuclei are bent ellipses with texture; cells reach as far as the next cell or about two and a
    half radii, and fade towards their edge.  The background is 200 counts, uneven by a fifth; noise
    is that of photons and of reading.

    Parameters
    ----------
    size : int
        Side of the field, px, at least 32.
    count : int
        Cells, if there is room for so many.
    radius : float
        Mean radius of the nuclei, px, at least 2.
    seed : int
        The same seed makes the same field.

    Returns
    -------
    CellField
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter, zoom

    if size < 32 or count < 1 or radius < 2:
        raise ParameterError(
            f"simulate_cells: size must be at least 32 px, count 1 and radius 2 px, not {size}, "
            f"{count} and {radius:g}."
        )
    random = np.random.default_rng(seed)
    groups = random.uniform(0, size, (max(count // 12, 1), 2))
    centres: list[NDArray[np.float64]] = []
    for _ in range(200 * count):
        if len(centres) == count:
            break
        place = groups[random.integers(len(groups))] + random.normal(0, 6 * radius, 2)
        if not (0 <= place[0] < size and 0 <= place[1] < size):
            continue
        if (
            centres
            and np.min(np.sum((np.array(centres) - place) ** 2, axis=1)) < (1.6 * radius) ** 2
        ):
            continue
        centres.append(place)
    middle = np.array(centres)
    shape = (size, size)
    y, x = np.mgrid[:size, :size].astype(np.float32)

    pixel = middle.astype(np.int64)
    free = np.ones(shape, np.bool_)
    free[pixel[:, 0], pixel[:, 1]] = False
    place_of = np.zeros(shape, np.int64)
    place_of[pixel[:, 0], pixel[:, 1]] = np.arange(len(middle))
    nearest = place_of[
        tuple(distance_transform_edt(free, return_distances=False, return_indices=True))
    ]
    distance = np.hypot(y - middle[nearest, 0], x - middle[nearest, 1]).astype(np.float32)

    # the outline of each by its angle: an ellipse with two bends
    n = len(middle)
    angle = np.arctan2(y - middle[nearest, 0], x - middle[nearest, 1]).astype(np.float32)
    tilt, stretch = random.uniform(0, np.pi, n), random.uniform(0.05, 0.25, n)
    bend, phase = random.uniform(0, 0.06, n), random.uniform(0, 2 * np.pi, n)
    scale = radius * random.normal(1, 0.12, n).clip(0.7, 1.4)
    outline = scale[nearest] * (
        1
        + stretch[nearest] * np.cos(2 * (angle - tilt[nearest]))
        + bend[nearest] * np.cos(3 * angle + phase[nearest])
    )
    inside = distance < outline
    nuclei_labels = np.where(inside, nearest + 1, 0).astype(np.int32)
    reach = radius * random.normal(2.5, 0.2, n).clip(1.9, 3.2)
    wavy = reach[nearest] * (1 + 0.04 * np.cos(5 * angle + phase[nearest]))
    cell_labels = np.where(inside | (distance < wavy), nearest + 1, 0).astype(np.int32)

    def texture(scale: float) -> NDArray[np.float64]:
        values = gaussian_filter(random.normal(size=(size // 2 + 1, size // 2 + 1)), scale / 2)
        wide = zoom(values / values.std(), 2, order=1)[:size, :size]
        return np.asarray(wide, np.float64)

    bright = random.lognormal(0, 0.25, n)
    light = np.where(inside, 1500 * bright[nearest] * (1 + 0.15 * texture(3)), 0)
    nuclei = gaussian_filter(light, 1.5)
    bright = random.lognormal(0, 0.2, n)
    fade = np.clip(1.2 - 0.7 * distance / wavy, 0.3, 1.2)
    light = np.where(cell_labels > 0, 700 * bright[nearest] * fade * (1 + 0.2 * texture(4)), 0)
    cells = gaussian_filter(light, 1.5)
    background = 200 * (1 + 0.1 * (y + x) / size)

    def camera(signal: NDArray[np.float64]) -> NDArray[np.uint16]:
        counts = random.poisson(np.maximum(signal + background, 0)) + random.normal(0, 5, shape)
        recorded: NDArray[np.uint16] = np.clip(np.rint(counts), 0, 65535).astype(np.uint16)
        return recorded

    return CellField(camera(nuclei), camera(cells), nuclei_labels, cell_labels)
