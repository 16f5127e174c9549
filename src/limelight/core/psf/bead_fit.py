"""One bead, fitted in three dimensions: an ellipsoidal bell of any orientation on a plane."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.psf.views import AXES, clip_point, line_profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["BEAD_COLUMNS", "BeadFit", "fit_bead"]

FWHM = 2.0 * math.sqrt(2.0 * math.log(2.0))
_REACH = 0.6  # the fitted region, in estimated full widths on either side
_LEAST = (2, 2, 2)  # and its least reach in voxels
_PARAMETERS = 13
_BEND = 0.3  # limit of the fourth-order terms; that of an Airy disc's core is 0.04

BEAD_COLUMNS: dict[str, tuple[str, str]] = {
    "x": ("px", "Position along the columns"),
    "y": ("px", "Position along the rows"),
    "z": ("px", "Position along the stack, slices from 0"),
    "x_um": ("µm", "Position along the columns"),
    "y_um": ("µm", "Position along the rows"),
    "z_um": ("µm", "Position along the stack"),
    "fwhm_x_um": ("µm", "Full width at half maximum along x, through the centre"),
    "fwhm_y_um": ("µm", "Full width at half maximum along y, through the centre"),
    "fwhm_lateral_um": ("µm", "Geometric mean of the two lateral axes of the ellipsoid's section"),
    "fwhm_z_um": ("µm", "Full width at half maximum along z, through the centre"),
    "asymmetry": ("", "Longer by shorter lateral axis of the section, 1 or more"),
    "asymmetry_angle_deg": ("°", "Direction of the longer lateral axis, from x towards y"),
    "axial_asymmetry": ("", "(light above - light below) / all, along z; 0: symmetric"),
    "tilt_deg": ("°", "Angle between the axis of the spot and z"),
    "tilt_direction_deg": ("°", "Direction in which the axis leans with rising z, from x to y"),
    "signal": ("counts", "Height of the peak above the background"),
    "background": ("counts", "Background at the centre"),
    "signal_to_background": ("", "signal / background"),
    "residual": ("", "Root mean square of what is left, in units of the signal"),
}
"""Columns of the table of beads: unit and meaning."""


@dataclass(frozen=True)
class BeadFit:
    """What a fit of one bead says; the fields are those of `BEAD_COLUMNS`."""

    values: dict[str, float]
    reason: str = ""


def _model(p: Floats, at: Floats, nodes: Floats) -> tuple[Floats, Floats]:
    """Values (V,) and derivatives (13, V) at the places (3, V): x, y, z.

    The bell is exp(-E), E = (r^2 + s^2) / 2 + k0 r^4 + k1 r^2 s^2 + k2 s^4, where s is the distance
    from the focus and r that from the axis at that height, both in units of the widths.  With u =
    L^T (x, y, z) and a lower triangle L, r^2 = u0^2 + u1^2 and s = u2; the diagonal of L is kept as
    logarithm, so that it is positive for any parameters.  Each pixel is the mean over `nodes`, its
    four points of Gaussian quadrature.
    """
    total = np.zeros((_PARAMETERS, at.shape[1]))
    bells = np.zeros(at.shape[1])
    a, b, c = np.exp(p[4:7])
    for node in nodes:
        x, y, z = at + node[:, None] - p[1:4, None]
        u = a * x + p[7] * y + p[8] * z
        v = b * y + p[9] * z
        w = c * z
        r, s = u * u + v * v, w * w
        shape = np.exp(-0.5 * (r + s) - p[10] * r * r - p[11] * r * s - p[12] * s * s)
        bell = p[0] * shape
        across = -bell * (1 + 4 * p[10] * r + 2 * p[11] * s)
        du, dv = across * u, across * v
        dw = -bell * (1 + 2 * p[11] * r + 4 * p[12] * s) * w
        bells += bell
        total[0] += shape
        total[1] -= du * a
        total[2] -= du * p[7] + dv * b
        total[3] -= du * p[8] + dv * p[9] + dw * c
        total[4] += du * x * a
        total[5] += dv * y * b
        total[6] += dw * z * c
        total[7] += du * y
        total[8] += du * z
        total[9] += dv * z
        total[10] -= bell * r * r
        total[11] -= bell * r * s
        total[12] -= bell * s * s
    return bells / len(nodes), total / len(nodes)


def _cost(data: Floats, model: Floats, poisson: bool) -> float:
    if not poisson:
        return float(np.sum((data - model) ** 2))
    if model.min() <= 0:
        return math.inf
    return float(2 * np.sum(model - data * np.log(model)))


def _descend(
    data: Floats,
    plane: Floats,
    at: Floats,
    nodes: Floats,
    start: Floats,
    poisson: bool,
    steps: int = 100,
) -> tuple[Floats, bool]:
    """Levenberg-Marquardt (least squares), or damped Fisher scoring (Poisson likelihood)."""
    p, damping = start.copy(), 1e-2
    model, slopes = _model(p, at, nodes)
    model += plane
    cost = _cost(data, model, poisson)
    floor = max(1e-3 * float(np.abs(data).mean()), 1e-12)
    for _ in range(steps):
        weighted = slopes / np.maximum(model, floor) if poisson else slopes
        # sums by einsum: BLAS would start threads of its own for matrices this small
        matrix = np.einsum("pv,qv->pq", weighted, slopes)
        gradient = np.einsum("pv,v->p", weighted, data - model)
        diagonal = np.maximum(np.diag(matrix), 1e-30)
        for _ in range(12):
            try:
                move = np.linalg.solve(matrix + np.diag(damping * diagonal), gradient)
            except np.linalg.LinAlgError:
                damping *= 10
                continue
            trial = p + move
            if np.all(np.abs(trial[4:7]) < 30) and np.all(np.abs(trial[10:]) < _BEND):
                new_model, new_slopes = _model(trial, at, nodes)
                new_model += plane
                new_cost = _cost(data, new_model, poisson)
                if new_cost <= cost:
                    break
            damping *= 5
        else:
            return p, True  # no step is better: this is the minimum, as far as numbers tell
        ended = bool(np.all(np.abs(move) < 1e-6 * (np.abs(p) + 1e-3)))
        p, model, slopes, cost = trial, new_model, new_slopes, new_cost
        damping = max(damping / 5, 1e-9)
        if ended:
            return p, True
    return p, False


def fit_bead(
    stack: NDArray[Any],
    z: int,
    y: int,
    x: int,
    *,
    box: int = 15,
    scale_um: Sequence[float],
    method: Literal["lq", "mle"] = "lq",
    bead_diameter_um: float = 0.0,
) -> BeadFit:
    """Fit a bead with an ellipsoidal bell on a background that may be inclined.

    The bell is a Gaussian of any orientation whose exponent has three terms of fourth order more:
    they follow the core of a real point spread function, which widens out of focus and falls
    faster than a Gaussian, so that the widths at half height are right for both.  The fitted
    region is as large as the bead is wide, because further out there are rings.  The bell is
    integrated over each pixel; what a bead of known size adds to the variance, d^2 / 20, is
    taken off.

    Parameters
    ----------
    stack : array (Z, Y, X)
        Counts above the camera's baseline, or photons for ``"mle"``.
    z, y, x : int
        The bead's voxel.
    box : int
        Largest side of the lateral region, odd, pixels.
    scale_um : sequence of float
        Distance of two voxels along z, y, x, µm.
    method : {"lq", "mle"}
        Least squares, or the likelihood of Poisson noise.
    bead_diameter_um : float
        Diameter of the bead; 0: a point.

    Returns
    -------
    BeadFit
        Values of `BEAD_COLUMNS`, or the reason why there are none.
    """
    if method not in ("lq", "mle"):
        raise ParameterError(f"method must be 'lq' or 'mle', not {method!r}.")
    scale = np.asarray(scale_um, np.float64)
    half = box // 2
    wide = stack[:, max(y - half, 0) : y + half + 1, max(x - half, 0) : x + half + 1]
    centre = (z, y - max(y - half, 0), x - max(x - half, 0))
    widths = _first_widths(wide, centre, scale)
    reach = [
        min(max(math.ceil(_REACH * w / s), least), most)
        for w, s, least, most in zip(widths, scale, _LEAST, (len(stack), half, half), strict=True)
    ]
    low = [max(c - r, 0) for c, r in zip(centre, reach, strict=True)]
    high = [min(c + r + 1, n) for c, r, n in zip(centre, reach, wide.shape, strict=True)]
    cut = wide[tuple(slice(a, b) for a, b in zip(low, high, strict=True))].astype(np.float64)
    if cut.size < 3 * _PARAMETERS or min(cut.shape) < 3:
        return BeadFit({}, f"too few voxels: {cut.shape} around the bead")
    at = np.stack(
        [
            (g.ravel() + a - c) * s
            for g, a, c, s in zip(np.indices(cut.shape), low, centre, scale, strict=True)
        ]
    )[::-1]
    side = scale[1:] / math.sqrt(12)  # nodes of the quadrature; their variance is that of a pixel
    nodes = np.array([(i * side[1], j * side[0], 0.0) for i in (-1, 1) for j in (-1, 1)])
    reaches = np.maximum(_REACH * np.array(widths), np.array(_LEAST) * scale)[::-1, None]
    inside = np.sum((at / reaches) ** 2, axis=0) <= 1.0
    every, at, data = at, at[:, inside], cut.ravel()[inside]
    if method == "mle":
        data = np.maximum(data, 0.0)
    level = _background(wide, centre, low[0], high[0], scale)
    plane = level[0] + level[1:] @ at
    sigma = np.maximum(np.array(widths) / FWHM, 0.4 * scale)
    start = np.zeros(_PARAMETERS)
    peak = float(cut[tuple(c - a for c, a in zip(centre, low, strict=True))])
    start[0] = max(peak - level[0], 1e-3 * abs(peak), 1e-9)
    start[4:7] = -np.log(sigma[::-1])
    found, ended = _descend(data, plane, at, nodes, start, method == "mle")
    if not ended:
        return BeadFit({}, "did not converge")
    model, _ = _model(found, at, nodes)
    left = math.sqrt(float(np.mean((data - plane - model) ** 2))) / found[0]
    if np.any(np.abs(found[1:4]) > np.abs(at).max(axis=1)) or found[0] <= 0:
        return BeadFit({}, "did not converge: the centre left the region")
    rest = cut - (level[0] + level[1:] @ every + _model(found, every, nodes)[0]).reshape(cut.shape)
    inner = np.array([c - a for c, a in zip(centre, low, strict=True)], np.float64)
    heights = _half_heights(found, rest, inner, scale)
    about = {
        "background": float(level[0] + level[1:] @ found[1:4]),
        "residual": left,
        "axial_asymmetry": _axial_asymmetry(
            wide, centre, found[3] / scale[0], 2 * heights[1] / math.exp(found[6]) / scale[0]
        ),
    }
    return _describe(found, heights, about, np.array([z, y, x]), scale, bead_diameter_um)


def _first_widths(wide: NDArray[Any], centre: tuple[int, int, int], scale: Floats) -> list[float]:
    """Estimate the full widths along z, y, x from profiles; half of the region where none shows."""
    found = []
    for k, axis in enumerate(AXES):
        profile = line_profile(wide, centre, axis, scale_um=scale.tolist(), half_width=1)
        whole = wide.shape[k] * float(scale[k])
        width = profile.fwhm_um
        found.append(width if np.isfinite(width) and width < whole else whole / 3)
    return found


def _background(
    wide: NDArray[Any], centre: tuple[int, int, int], first: int, last: int, scale: Floats
) -> Floats:
    """Level at the bead's voxel and slopes along x, y, z (per µm), from the rim of the region.

    Taken there because the bead's own halo, nearer by, is not background.  What is far from the
    plane, such as other beads, is left out.
    """
    _, height, width = wide.shape
    rim = np.ones((height, width), np.bool_)
    edge = 2 if min(height, width) >= 11 else 1
    rim[edge:-edge, edge:-edge] = False
    y, x = np.nonzero(rim)
    values = wide[first:last][:, y, x].astype(np.float64)
    columns = np.stack(
        [
            np.ones(values.shape),
            np.broadcast_to((x - centre[2]) * scale[2], values.shape),
            np.broadcast_to((y - centre[1]) * scale[1], values.shape),
            np.broadcast_to((np.arange(first, last) - centre[0])[:, None] * scale[0], values.shape),
        ],
        axis=-1,
    ).reshape(-1, 4)
    flat = values.ravel()
    kept = np.ones(len(flat), np.bool_)
    level = np.zeros(4)
    for _ in range(3):
        level = np.linalg.lstsq(columns[kept], flat[kept], rcond=None)[0]
        left = flat - columns @ level
        spread = 1.4826 * np.median(np.abs(left - np.median(left)))
        kept = np.abs(left - np.median(left)) <= 3 * max(float(spread), 1e-12)
    return level


def _half_height(bend: float) -> float:
    """Distance in units of the width at which the bell has half its height."""
    if abs(bend) < 1e-9:
        return FWHM / 2
    inside = 1 + 16 * bend * math.log(2)
    return math.sqrt((math.sqrt(inside) - 1) / (4 * bend)) if inside > 0 else math.nan


def _half_heights(p: Floats, rest: Floats, centre: Floats, scale: Floats) -> tuple[float, float]:
    """Distances, across and along the axis, at which the light has half its height.

    Those of the bell, corrected to first order by what the fit left over there and at the peak.
    """
    from scipy.ndimage import map_coordinates

    inverse = np.linalg.inv(_lower(p)).T
    angles = np.arange(16) * (2 * np.pi / 16)
    found = []
    for bend, ring in (
        (p[10], np.stack([np.cos(angles), np.sin(angles), 0 * angles])),
        (p[12], np.array([[0.0, 0.0], [0.0, 0.0], [-1.0, 1.0]])),
    ):
        t = _half_height(bend)
        places = np.concatenate([np.zeros((3, 1)), inverse @ (t * ring)], axis=1) + p[1:4, None]
        at = centre[:, None] + places[::-1] / scale[:, None]
        left = map_coordinates(rest, at, order=3, mode="nearest")
        slope = 0.5 * p[0] * (t + 4 * bend * t**3)
        shift = (float(left[1:].mean()) - 0.5 * float(left[0])) / slope if slope > 0 else 0.0
        found.append(t + float(np.clip(shift, -0.2 * t, 0.2 * t)))
    return found[0], found[1]


def _lower(p: Floats) -> Floats:
    lower = np.zeros((3, 3))
    lower[np.diag_indices(3)] = np.exp(p[4:7])
    lower[1, 0], lower[2, 0], lower[2, 1] = p[7:10]
    return lower


def _describe(
    p: Floats,
    heights: tuple[float, float],
    about: dict[str, float],
    voxel: NDArray[Any],
    scale: Floats,
    diameter: float,
) -> BeadFit:
    lower = _lower(p)
    across = lower[:2, :2] @ lower[:2, :2].T
    sphere = 8 * math.log(2) * diameter**2 / 20
    # the section through the centre is what one sees in focus
    squared, axes = np.linalg.eigh(np.linalg.inv(across))
    squared = (2 * heights[0]) ** 2 * squared - sphere
    depth = (2 * heights[1] / lower[2, 2]) ** 2 - sphere
    if not (squared[0] > 0 and depth > 0):
        return BeadFit({}, "narrower than the bead's own diameter")
    along = 1 / np.diag(axes @ np.diag(1 / squared) @ axes.T)  # x, y
    # where the centre of the section is at a height z: u0 = u1 = 0
    lean_y = -p[9] / lower[1, 1]
    lean_x = -(p[7] * lean_y + p[8]) / lower[0, 0]
    major = axes[:, 1]
    place = voxel + p[3:0:-1] / scale
    values = {
        "x": place[2],
        "y": place[1],
        "z": place[0],
        "x_um": place[2] * scale[2],
        "y_um": place[1] * scale[1],
        "z_um": place[0] * scale[0],
        "fwhm_x_um": math.sqrt(along[0]),
        "fwhm_y_um": math.sqrt(along[1]),
        "fwhm_lateral_um": float(np.prod(squared)) ** 0.25,
        "fwhm_z_um": math.sqrt(depth),
        "asymmetry": math.sqrt(squared[1] / squared[0]),
        "asymmetry_angle_deg": math.degrees(math.atan2(major[1], major[0])) % 180,
        "axial_asymmetry": about["axial_asymmetry"],
        "tilt_deg": math.degrees(math.atan(math.hypot(lean_x, lean_y))),
        "tilt_direction_deg": math.degrees(math.atan2(lean_y, lean_x)),
        "signal": p[0],
        "background": about["background"],
        "signal_to_background": p[0] / about["background"] if about["background"] > 0 else math.inf,
        "residual": about["residual"],
    }
    return BeadFit({name: float(value) for name, value in values.items()})


def _axial_asymmetry(
    wide: NDArray[Any], centre: tuple[int, int, int], offset: float, fwhm: float
) -> float:
    """Light above less light below the centre, over all of it, in the core of the bead along z."""
    _, y, x = clip_point(centre, wide.shape)
    core = wide[:, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].mean(axis=(1, 2))
    course = core.astype(np.float64) - np.percentile(core, 10)
    middle = centre[0] + offset
    window = min(1.5 * fwhm, middle, len(course) - 1 - middle)
    if window <= 0.5:
        return math.nan
    fine = np.linspace(0, window, 64)
    every = np.arange(float(len(course)))
    above = float(np.interp(middle + fine, every, course).sum())
    below = float(np.interp(middle - fine, every, course).sum())
    total = above + below
    return (above - below) / total if total > 0 else math.nan
