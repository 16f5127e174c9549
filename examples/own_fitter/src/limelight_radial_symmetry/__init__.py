"""A fitter for Limelight: the point that all gradients of a spot point to."""

from __future__ import annotations

import numpy as np

from limelight.core.settings import Settings, setting
from limelight.core.spots import Columns, Spots

__all__ = ["RadialSymmetry"]


class RadialSymmetry(Settings):
    """Point of greatest radial symmetry, without iterations (Parthasarathy 2012)."""

    smooth: bool = setting(True, help="Average each gradient with its neighbours.")

    def fit(self, spots: Spots) -> Columns:
        """Locate the molecule of every box."""
        image = spots.photons.astype(np.float64)
        box = spots.box
        # The gradient in the middle of each four pixels, shape (N, box - 1, box - 1).
        a, b = image[:, :-1, :-1], image[:, :-1, 1:]
        c, d = image[:, 1:, :-1], image[:, 1:, 1:]
        gx, gy = (b + d - a - c) / 2, (c + d - a - b) / 2
        if self.smooth:
            gx, gy = _average(gx), _average(gy)
        strength = gx**2 + gy**2
        grid = np.arange(box - 1) - (box - 2) / 2
        py, px = np.meshgrid(grid, grid, indexing="ij")

        # Lines along steep gradients count most, and those near the spot more than those far off.
        total = np.maximum(strength.sum(axis=(1, 2), keepdims=True), 1e-30)
        cx = (strength * px).sum(axis=(1, 2), keepdims=True) / total
        cy = (strength * py).sum(axis=(1, 2), keepdims=True) / total
        weight = strength / np.maximum(np.hypot(px - cx, py - cy), 0.25)

        # The point with the least weighted distance from all lines: two linear equations.
        length = np.sqrt(np.maximum(strength, 1e-30))
        nx, ny = gy / length, -gx / length
        along = nx * px + ny * py

        def total_of(values: np.ndarray) -> np.ndarray:
            return (weight * values).sum(axis=(1, 2))

        xx, xy, yy = total_of(nx * nx), total_of(nx * ny), total_of(ny * ny)
        rx, ry = total_of(nx * along), total_of(ny * along)
        determinant = xx * yy - xy * xy
        with np.errstate(divide="ignore", invalid="ignore"):
            x = (yy * rx - xy * ry) / determinant
            y = (xx * ry - xy * rx) / determinant

        # Photons above the rim, width from the second moment, precision from both.
        rim = np.ones((box, box), bool)
        rim[1:-1, 1:-1] = False
        background = np.median(image[:, rim], axis=1)
        light = image - background[:, None, None]
        photons = light.sum(axis=(1, 2))
        half = box // 2
        axis = np.arange(box) - half
        distance = (axis[:, None] - y[:, None, None]) ** 2 + (axis - x[:, None, None]) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            square = np.clip((light * distance).sum(axis=(1, 2)) / photons / 2, 0.25, half**2)
            noise = 16 / 9 + 8 * np.pi * square * np.maximum(background, 0) / photons  # Mortensen
            precision = np.sqrt(spots.excess_noise * square / photons * noise)
        sigma = np.sqrt(square)

        # No molecule: NaN in x, and the row is left out of the table.
        x[~((np.abs(x) <= half) & (np.abs(y) <= half) & (photons > 0))] = np.nan
        return {
            "x": x,
            "y": y,
            "photons": photons,
            "bg": background,
            "sx": sigma,
            "sy": sigma,
            "lpx": precision,
            "lpy": precision,
        }


def _average(values: np.ndarray) -> np.ndarray:
    """Average over 3 x 3 neighbours; the rim repeats."""
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1)), mode="edge")
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 9
