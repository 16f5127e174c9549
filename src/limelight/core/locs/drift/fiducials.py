"""Drift from fiducials: beads that shine in nearly every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.locs._table import Table, as_locs, checked, frame_column, movie_length
from limelight.core.locs.drift.curve import Drift

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fiducial_drift", "find_fiducials"]


def find_fiducials(
    table: Table, min_fraction: float = 0.8, radius: float = 1.0
) -> NDArray[np.float64]:
    """Find places where a molecule was seen in nearly every frame.

    Parameters
    ----------
    table : Localizations or DataFrame
        The molecules, with their drift.
    min_fraction : float
        Part of the frames, 0 to 1, in which it has to be seen within ``radius``.
    radius : float
        Radius, px; more than the drift reaches.

    Returns
    -------
    2D array of float64 (N, 2)
        Median x and y of each fiducial, px, the one seen most often first.

    Raises
    ------
    ParameterError
        If a column is missing or not finite, or a setting is out of range.
    """
    from scipy.spatial import cKDTree

    locs = as_locs(table)
    if not 0 < min_fraction <= 1:
        raise ParameterError(
            f"find_fiducials: min_fraction must be more than 0 and at most 1, not {min_fraction}."
        )
    _check_radius("find_fiducials", radius)
    frame = frame_column(locs, "find_fiducials")
    points = np.column_stack(checked(locs, "find_fiducials", "x", "y")).astype(np.float64)
    needed = min_fraction * movie_length(locs, frame)
    # Bins as wide as the radius: a fiducial fills one, or shares with its neighbours.
    corner = points.min(axis=0)
    bins = np.floor((points - corner) / radius).astype(np.int64)
    width = int(bins[:, 0].max()) + 1
    place, counts = np.unique(bins[:, 1] * width + bins[:, 0], return_counts=True)
    full = place[counts >= needed / 4]
    tree = cKDTree(points)
    found: list[tuple[int, float, float]] = []
    for cell in full:
        centre = corner + (np.array([cell % width, cell // width]) + 0.5) * radius
        for _ in range(5):
            near = tree.query_ball_point(centre, radius)
            if not near:
                break
            centre = np.median(points[near], axis=0)
        if not near:
            continue
        seen = len(np.unique(frame[near]))
        if seen >= needed and all(
            np.hypot(centre[0] - x, centre[1] - y) > radius for _, x, y in found
        ):
            found.append((seen, float(centre[0]), float(centre[1])))
    found.sort(key=lambda f: (-f[0], f[2], f[1]))
    return np.array([f[1:] for f in found], np.float64).reshape(-1, 2)


def fiducial_drift(
    table: Table,
    positions: NDArray[Any] | None = None,
    radius: float = 1.0,
    smoothing_frames: float = 0.0,
) -> Drift:
    """Measure the drift from fiducials.

    Each fiducial's displacement from its own mean is known in the frames in which it was seen;
    in each frame their mean, weighted by the inverse variance of each, is the drift.  Frames in
    which none was seen are filled in by straight lines.

    Parameters
    ----------
    table : Localizations or DataFrame
        The molecules, with their drift.
    positions : 2D array (N, 2), optional
        x and y of the fiducials, px; those of `find_fiducials` by default.
    radius : float
        How far from there it is looked for, px; more than the drift reaches.
    smoothing_frames : float
        Standard deviation of the Gaussian that smooths the curve, frames; 0 for none.

    Returns
    -------
    Drift
        The curve (``dx``, ``dy`` in px, ``dz`` in nm where the table has z).

    Raises
    ------
    ParameterError
        If there is no fiducial, a column is missing or not finite, or a setting is out of range.
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.spatial import cKDTree

    locs = as_locs(table)
    _check_radius("fiducial_drift", radius)
    if not (np.isfinite(smoothing_frames) and smoothing_frames >= 0):
        raise ParameterError(
            f"fiducial_drift: smoothing_frames must be at least 0, not {smoothing_frames}."
        )
    frame = frame_column(locs, "fiducial_drift")
    axes = ["x", "y"] + (["z"] if "z" in locs else [])
    values = np.column_stack(checked(locs, "fiducial_drift", *axes)).astype(np.float64)
    places = find_fiducials(locs, radius=radius) if positions is None else np.asarray(positions)
    if places.ndim != 2 or places.shape[1] != 2 or len(places) == 0:
        raise ParameterError(
            "fiducial_drift: there is no fiducial. Give their positions (x, y), a larger radius, "
            "or use rcc() or aim()."
        )
    tree = cKDTree(values[:, :2])
    frames = movie_length(locs, frame)
    tracks = np.full((len(places), frames, len(axes)), np.nan)
    for k, place in enumerate(places):
        near = np.sort(np.asarray(tree.query_ball_point(place, radius), np.int64))
        # Where two are near in one frame, the nearer to the place is the fiducial.
        distance = np.hypot(*(values[near, :2] - place).T)
        near = near[np.lexsort((distance, frame[near]))]
        first = np.unique(frame[near], return_index=True)[1]
        tracks[k, frame[near[first]]] = values[near[first]]
    seen = np.isfinite(tracks[:, :, 0])
    used = seen.sum(axis=1) >= 2
    if not used.any():
        raise ParameterError(
            f"fiducial_drift: no molecule lies within {radius:g} px of the fiducials' positions. "
            "Check them, or choose a larger radius."
        )
    tracks, seen = tracks[used], seen[used]
    # Other molecules that shone near a fiducial are far from where it then was.
    for _ in range(3):
        curves = [_mean_curve(tracks[:, :, a], seen) for a in (0, 1)]
        left = tracks[:, :, :2] - np.stack(curves, axis=-1)
        left -= np.nanmedian(np.where(seen[:, :, None], left, np.nan), axis=1)[:, None]
        far = np.hypot(left[:, :, 0], left[:, :, 1])
        typical = np.nanmedian(np.where(seen, far, np.nan), axis=1)
        seen = seen & (far <= np.maximum(6 * typical, 1e-3)[:, None])
    tracks = np.where(seen[:, :, None], tracks, np.nan)
    curves = [_mean_curve(tracks[:, :, a], seen) for a in range(len(axes))]
    if smoothing_frames > 0:
        curves = [gaussian_filter1d(c, smoothing_frames, mode="nearest") for c in curves]
    curves = [c - c.mean() for c in curves]
    notes = []
    gaps = frames - int(seen.any(axis=0).sum())
    if gaps:
        notes.append(f"No fiducial was seen in {gaps} of {frames} frames; these were filled in.")
    left = tracks[:, :, :2] - np.stack(curves[:2], axis=-1)
    spread = np.nanstd(left, axis=1).mean(axis=1)
    return Drift(
        curves[0],
        curves[1],
        curves[2] if len(curves) > 2 else None,
        method="fiducials",
        settings={
            "Fiducials": int(used.sum()),
            "Radius (px)": float(radius),
            "Smoothing (frames)": float(smoothing_frames),
        },
        error_px=float(1 / np.sqrt(np.sum(1 / np.maximum(spread, 1e-6) ** 2))),
        notes=tuple(notes),
    )


def _check_radius(tool: str, radius: float) -> None:
    if not (np.isfinite(radius) and radius > 0):
        raise ParameterError(f"{tool}: radius must be more than 0 px, not {radius}.")


def _mean_curve(track: NDArray[np.float64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Average tracks that have gaps and different origins."""
    values = np.where(seen, track, 0.0)
    offset = values.sum(axis=1) / seen.sum(axis=1)
    weight = np.ones(len(track))
    curve = np.zeros(track.shape[1])
    for _ in range(20):
        w = seen * weight[:, None]
        total = w.sum(axis=0)
        known = total > 0
        mean = (w * (values - offset[:, None])).sum(axis=0) / np.where(known, total, 1.0)
        curve = np.interp(np.arange(len(mean)), np.flatnonzero(known), mean[known])
        residual = np.where(seen, values - offset[:, None] - curve, 0.0)
        change = residual.sum(axis=1) / seen.sum(axis=1)
        offset = offset + change
        # A lone track fits itself; the floor keeps it from taking all the weight.
        variance = (residual**2).sum(axis=1) / seen.sum(axis=1)
        weight = 1.0 / (variance + max(float(np.median(variance)), 1e-12) * 0.1)
        if np.abs(change).max() < 1e-9:
            break
    return curve
