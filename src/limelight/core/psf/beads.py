"""Beads in a stack: where they are, and which of them cannot be measured, and why.

Beads stand out in the mean of all slices, whatever the shape of the point spread function, because
a slice loses none of their light.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Beads", "as_stack", "cut_bead", "find_beads", "saturation_of"]

_DIM = 0.05  # a peak below this share of the brighter ones is no bead of the same kind


@dataclass(frozen=True, eq=False)
class Beads:
    """Peaks of a stack, the brightest first, and why some of them cannot be measured.

    Parameters
    ----------
    z, y, x : 1D array of int64
        Voxel: the brightest slice, and the peak's pixel.
    signal : 1D array of float64
        Height of the peak above its surroundings, in units of the noise of the mean slice.
    reason : list of str
        Empty for those that can be measured, else why not, with the numbers.
    """

    z: NDArray[np.int64]
    y: NDArray[np.int64]
    x: NDArray[np.int64]
    signal: NDArray[np.float64]
    reason: list[str]

    def __len__(self) -> int:
        return len(self.reason)

    @property
    def good(self) -> NDArray[np.int64]:
        """Rows that can be measured."""
        return np.array([k for k, r in enumerate(self.reason) if not r], np.int64)

    def complaint(self) -> str:
        """Say why none is left, and what to change."""
        if not len(self):
            return (
                "No bead was found. Lower the threshold, or look whether the stack shows beads "
                "that are brighter than the background."
            )
        counts: dict[str, int] = {}
        for reason in self.reason:
            kind = reason.split(":")[0] if reason else ""
            if kind:
                counts[kind] = counts.get(kind, 0) + 1
        said = ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items(), key=lambda i: -i[1]))
        advice = " ".join(_ADVICE[k] for k in counts if k in _ADVICE)
        return f"None of the {len(self)} beads can be measured ({said}). {advice}"


_ADVICE = {
    "too near the rim": "Choose a smaller box, or move beads towards the centre of the field.",
    "too close to another": "Dilute the beads, or choose a smaller box.",
    "saturated": "Lower the exposure time or the light, and record the stack again.",
    "cut off axially": "Record a stack that begins below and ends above the focus of the beads.",
    "too dim": "Lower the threshold.",
}


def as_stack(stack: Any, *, least: int = 5) -> NDArray[Any]:
    """Return a stack as an array (Z, Y, X) of numbers.

    Raises
    ------
    ParameterError
        If it is no volume, or has fewer slices than `least`.
    """
    array = np.asarray(stack)
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or 0 in array.shape:
        raise ParameterError(
            f"A stack of beads has the axes Z, Y, X; this one has the shape {array.shape}. Choose "
            "one channel, position and time point."
        )
    if array.dtype.kind not in "uif":
        raise ParameterError(f"A stack needs whole or real numbers, not {array.dtype}.")
    if len(array) < least:
        raise ParameterError(
            f"The stack has {len(array)} slice{'s' * (len(array) != 1)}; at least {least} are "
            "needed to see how the image of a bead changes along z. Record a z-stack through the "
            "focus, or open the file along its z axis."
        )
    return array


def saturation_of(stack: NDArray[Any]) -> float | None:
    """Guess the count at which the camera is full; None if no pixel seems to be.

    That is the greatest value of the data type, or one of a camera with 10, 11, 12, 14 or 16 bits,
    where several voxels have exactly it and none has more.
    """
    if stack.dtype.kind not in "ui":
        return None
    top = int(stack.max())
    full = {(1 << bits) - 1 for bits in (8, 10, 11, 12, 14, 16)}
    if top not in full or (top == 255 and stack.dtype.itemsize > 1):
        return None
    return float(top) if np.count_nonzero(stack == top) >= 4 else None


def _local_maxima(image: NDArray[np.float64], radius: int) -> NDArray[np.bool_]:
    from scipy.ndimage import maximum_filter

    reach = np.arange(-radius, radius + 1)
    disc = np.hypot(reach, reach[:, None]) <= radius + 0.5
    peaks: NDArray[np.bool_] = image == maximum_filter(image, footprint=disc, mode="nearest")
    return peaks


def find_beads(
    stack: ArrayLike,
    *,
    box: int = 15,
    sigma: float = 1.5,
    threshold: float = 12.0,
    separation: float | None = None,
    saturation: float | None = None,
    rim_slices: int = 1,
) -> Beads:
    """Find the beads of a stack, and tell which cannot be measured.

    Parameters
    ----------
    stack : array (Z, Y, X)
        Counts or photons.
    box : int
        Side length of the region around a bead that will be looked at, odd, pixels.
    sigma : float
        Width of a bead in the mean slice, pixels; larger for point spread functions with lobes.
    threshold : float
        Least height of a bead above its surroundings, in units of the noise of the mean slice.
    separation : float, optional
        Least distance to another bead, pixels; by default the side of the box.
    saturation : float, optional
        Count from which a voxel is saturated; by default `saturation_of` looks for one.
    rim_slices : int
        A bead that is brightest within so many slices of the first or last one is cut off
        axially; 0 lets all pass.

    Returns
    -------
    Beads
        All peaks above the threshold.

    Raises
    ------
    ParameterError
        If the stack is no volume, or a number is of no use.
    """
    from scipy.ndimage import gaussian_filter

    volume = as_stack(stack, least=1)
    if box < 3 or box % 2 == 0:
        raise ParameterError(f"The box must be an odd number of pixels from 3, not {box}.")
    if not sigma > 0 or not threshold > 0:
        raise ParameterError("sigma and threshold must be greater than 0.")
    away = float(box) if separation is None else float(separation)
    if min(volume.shape[1:]) < box:
        raise ParameterError(
            f"A box of {box} px does not fit into slices of {volume.shape[1:]} (Y, X). Choose a "
            "smaller box."
        )
    mean = volume.mean(axis=0, dtype=np.float64)
    smooth = gaussian_filter(mean, sigma, mode="nearest")
    contrast = smooth - gaussian_filter(mean, 3 * sigma, mode="nearest")
    middle = np.median(contrast)
    noise = 1.4826 * np.median(np.abs(contrast - middle))
    floor = 1e-9 * max(float(np.abs(mean).max()), 1e-300)
    score = (contrast - middle) / max(noise, floor)
    peaks = _local_maxima(contrast, max(round(2 * sigma), 1)) & (score > threshold)
    y, x = (a.astype(np.int64) for a in np.nonzero(peaks))
    signal = score[y, x]
    order = np.lexsort((x, y, -signal))
    y, x, signal = y[order], x[order], signal[order]
    full = saturation_of(volume) if saturation is None else float(saturation)
    usual = float(np.median(signal[: max(len(signal) // 2, 1)])) if len(signal) else 0.0
    z = np.zeros(len(y), np.int64)
    reasons: list[str] = []
    half = box // 2
    height, width = volume.shape[1:]
    for k in range(len(y)):
        near = np.hypot(y - y[k], x - x[k])
        near[k] = np.inf
        bright = near[signal > _DIM * usual]
        rim = int(min(y[k], x[k], height - 1 - y[k], width - 1 - x[k]))
        region = volume[
            :,
            max(y[k] - half, 0) : y[k] + half + 1,
            max(x[k] - half, 0) : x[k] + half + 1,
        ]
        z[k] = _brightest(volume, int(y[k]), int(x[k]))
        count = 0 if full is None else int(np.count_nonzero(region >= full))
        if signal[k] < _DIM * usual:
            reasons.append(f"too dim: {signal[k]:.0f} times the noise, the others have {usual:.0f}")
        elif rim < half:
            reasons.append(f"too near the rim: {rim} px, the box needs {half}")
        elif len(bright) and bright.min() < away:
            reasons.append(f"too close to another: {bright.min():.1f} px, {away:g} are needed")
        elif count:
            reasons.append(f"saturated: {count} voxels reach {full:g}")
        elif rim_slices and not rim_slices <= z[k] < len(volume) - rim_slices:
            end = "first" if z[k] < rim_slices else "last"
            reasons.append(f"cut off axially: brightest in the {end} slice")
        else:
            reasons.append("")
    return Beads(z, y, x, signal, reasons)


def _brightest(volume: NDArray[Any], y: int, x: int) -> int:
    """Return the slice in which the centre of a bead is brightest, smoothed over three slices."""
    core = volume[:, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
    course = core.mean(axis=(1, 2), dtype=np.float64)
    if len(course) > 2:
        inner = (course[:-2] + 2 * course[1:-1] + course[2:]) / 4
        ends = ((3 * course[0] + course[1]) / 4, (3 * course[-1] + course[-2]) / 4)
        course = np.concatenate([ends[:1], inner, ends[1:]])
    return int(np.argmax(course))


def cut_bead(stack: NDArray[Any], y: int, x: int, box: int) -> NDArray[np.float64]:
    """Cut the box around a bead out of all slices, (Z, box, box), float64."""
    half = box // 2
    cut = stack[:, y - half : y + half + 1, x - half : x + half + 1]
    if cut.shape[1:] != (box, box):
        raise ParameterError(f"The box of {box} px around y {y}, x {x} leaves the field.")
    return cut.astype(np.float64)
