"""Detection by signal to noise, as PYME defines it: it needs no threshold hunting.

With D the counts less the baseline, n the same in photoelectrons, bg the background, G1 and G3
Gaussian filters (cut at four times their width, mirrored at the rim):

- signal above background, P = max(D - bg, 0), in photoelectrons
- filtered signal, F = max(G1 P - G3 P, 0): spots stay, noise and haze go
- noise of a pixel, S = sqrt(read noise^2 + excess (max(n, one count) + 1))
- a pixel belongs to a spot where F > threshold S; the score of a candidate is F / S

PYME takes bg from a sliding window of frames ("mean", "median", "percentile"). The default here is
"local", a smooth lower estimate from the frame itself: what G3 takes off anyway, so little is lost
in uneven light, while molecules that stay on for many frames do not vanish into their own
background, as they do with a window. "none" takes off the baseline alone.

A threshold near 1 suits most movies, as F and S are in the same unit and S comes from the camera.

Two ways to make candidates of such pixels are offered. "maxima" takes the local maxima of F, which
tells touching molecules apart. "labels" takes each 4-connected region, at the centroid of F over
its bounding box, as PYME does. Either way, `debounce` keeps only the brightest within a distance.

Source of the definition: the Python Microscopy Environment (PYME), its documented behaviour.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from limelight.core.camera import Camera
from limelight.core.detect._level import local_level
from limelight.core.detect._snr_kernel import (
    LABELS,
    MAXIMA,
    filter_frame,
    mark_frame,
    pick,
    prepare,
    reflected,
    squared_differences,
)
from limelight.core.detect.background import (
    Method,
    SlidingBackground,
    check_context,
    check_method,
)
from limelight.core.detect.inputs import (
    as_block,
    check_box,
    check_roi,
    no_candidates,
    read_only,
)
from limelight.core.detect.verdicts import explain_maxima
from limelight.core.errors import ParameterError
from limelight.core.spots import Candidates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from limelight.core.parts import ROI, Verdicts

__all__ = ["Background", "Noise", "Peaks", "detect_snr", "explain_snr"]

Background: TypeAlias = Literal["local", "none"] | Method
Peaks: TypeAlias = Literal["maxima", "labels"]
Noise: TypeAlias = Literal["auto", "camera", "measured"]

_UNCLIPPED = 1.2
"""Factor on the noise where no background is taken off.

Then nothing is clipped at zero, the filtered noise is greater, and this factor makes a threshold
mean about as many false spots as with a background (measured on simulated movies).
"""


@lru_cache(maxsize=32)
def half_gaussian(sigma: float) -> NDArray[np.float32]:
    """Return the weights of a Gaussian filter, cut at 4 sigma, from the centre outwards."""
    radius = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(radius + 1) / sigma) ** 2)
    weights /= weights[0] + 2 * weights[1:].sum()
    return weights.astype(np.float32)


def _camera_maps(
    camera: Camera, shape: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return electrons per count, baseline and read-out variance as (1, X) or (Y, X) arrays."""
    camera.check_shape(shape)
    rows = shape[0] if camera.has_maps else 1
    values = (
        np.asarray(camera.sensitivity) / camera.gain,
        camera.baseline,
        np.square(camera.read_noise),
    )
    scale, baseline, variance = (
        np.array(np.broadcast_to(np.asarray(v, np.float32), (rows, shape[1])), order="C")
        for v in values
    )
    return scale, baseline, variance


def _check(
    threshold: float, low_pass: float, high_pass: float, peaks: str, radius: int, debounce: float
) -> None:
    if not threshold >= 0:
        raise ParameterError(f"The SNR threshold must be 0 or more, not {threshold}.")
    if not 0 < low_pass < high_pass <= 100:
        raise ParameterError(
            f"The filters' widths must be 0 < low pass < high pass <= 100 px, not {low_pass} and "
            f"{high_pass}."
        )
    if peaks not in ("maxima", "labels"):
        raise ParameterError(f"Peaks must be 'maxima' or 'labels', not {peaks!r}.")
    if radius < 1:
        raise ParameterError(f"A maximum must be the largest within 1 px or more, not {radius}.")
    if not debounce >= 0:
        raise ParameterError(f"The debounce distance must be 0 px or more, not {debounce}.")


def _uncalibrated(camera: Camera) -> bool:
    """Tell whether nobody has said how this camera turns photons into counts."""
    values = camera.baseline, camera.sensitivity, camera.gain, camera.read_noise
    return not camera.has_maps and values == (0.0, 1.0, 1.0, 0.0)


def _noise_factor(squares: NDArray[np.float64]) -> float:
    """Return by how much the noise of a frame exceeds what the camera's numbers say.

    The median of squared differences of neighbouring pixels hardly sees molecules.
    """
    # 0.4549 is the median of a squared standard normal variable
    factor = float(np.sqrt(np.median(squares) / 0.4549364)) if len(squares) else 0.0
    return factor if factor > 0 else 1.0


def _inner(roi: ROI, shape: tuple[int, int], half: int) -> ROI:
    y0, x0, y1, x1 = roi
    return max(y0, half), max(x0, half), min(y1, shape[0] - half), min(x1, shape[1] - half)


def detect_snr(
    frames: ArrayLike,
    start: int | None = None,
    stop: int | None = None,
    *,
    first: int = 0,
    length: int | None = None,
    camera: Camera | None = None,
    box: int = 7,
    roi: ROI | None = None,
    threshold: float = 1.0,
    background: Background | NDArray[Any] = "local",
    window: tuple[int, int] = (-30, 0),
    percentile: float = 25.0,
    every: int = 10,
    low_pass: float = 0.9,
    high_pass: float = 3.0,
    peaks: Peaks = "maxima",
    radius: int = 1,
    debounce: float = 0.0,
    noise: Noise = "auto",
) -> Candidates:
    """Find spots that stand out of the noise.

    Parameters
    ----------
    frames : array_like (N, Y, X) or (Y, X)
        Raw counts of the frames `first` to ``first + N - 1`` of a movie, of any integer or float
        type: those asked for, and those of `background_context` around them.
    start, stop : int, optional
        Frames of the movie that are searched, stop excluded; all that are given by default.
    first : int, optional
        Index in the movie of ``frames[0]``.
    length : int, optional
        Number of frames of the movie; by default it ends with the last of `frames`.
    camera : Camera, optional
        Converts counts to photoelectrons and tells their noise.
    box : int, optional
        Side length in pixels of the box that will be fitted; it lies wholly within the image.
    roi : tuple of int, optional
        ``y0, x0, y1, x1`` (stop excluded): only peaks in this region.
    threshold : float, optional
        Least ratio of filtered signal to noise, 0 or more.
    background : {"local", "none", "mean", "median", "percentile"} or array, optional
        "local": a smooth lower estimate from each frame alone. The last three: temporal background,
        see `temporal_background`; it becomes "local" where the whole movie is shorter than the
        window: in a few frames, a molecule that stays cannot be told from the background. An array
        (stop - start, Y, X) or (Y, X) is a known background in counts, with the baseline.
    window, percentile, every
        As in `temporal_background`.
    low_pass, high_pass : float, optional
        Widths (sigma) of the Gaussian filters, pixels.
    peaks : {"maxima", "labels"}, optional
        How pixels become candidates, see the module.
    radius : int, optional
        A maximum is the largest within this many pixels, 1 or more.
    debounce : float, optional
        Of candidates at this distance or less, pixels, the brightest stays.
    noise : {"auto", "camera", "measured"}, optional
        Where the noise comes from: the camera's numbers, or those scaled for each frame to the
        differences of neighbouring pixels. "auto" measures where the camera is not calibrated,
        that is, has the baseline, sensitivity, gain and read noise of a `Camera` made of nothing.

    Returns
    -------
    Candidates
        Frame (index from `start`), row, column and ratio of signal to noise. A box with a NaN or an
        infinite pixel has no candidate.

    Raises
    ------
    ParameterError
        If a parameter is out of range, or frames are missing.
    """
    half = check_box(box) // 2
    candidates, _ = _candidates(
        frames,
        start,
        stop,
        half,
        first=first,
        length=length,
        camera=camera,
        roi=roi,
        threshold=threshold,
        background=background,
        window=window,
        percentile=percentile,
        every=every,
        low_pass=low_pass,
        high_pass=high_pass,
        peaks=peaks,
        radius=radius,
        debounce=debounce,
        noise=noise,
    )
    return candidates


def _squared(value: float) -> np.float32:
    """Return the square; one that is beyond single precision is infinity: nothing exceeds it."""
    return np.float32(value * value if value < 1e19 else np.inf)


def _found(t: int, where: NDArray[np.int32], score: NDArray[np.float32]) -> Candidates:
    return Candidates(np.full(len(score), t, np.int32), where[0], where[1], score)


def _candidates(
    frames: ArrayLike,
    start: int | None,
    stop: int | None,
    half: int,
    *,
    first: int = 0,
    length: int | None = None,
    camera: Camera | None = None,
    roi: ROI | None = None,
    threshold: float = 1.0,
    background: Background | NDArray[Any] = "local",
    window: tuple[int, int] = (-30, 0),
    percentile: float = 25.0,
    every: int = 10,
    low_pass: float = 0.9,
    high_pass: float = 3.0,
    peaks: Peaks = "maxima",
    radius: int = 1,
    debounce: float = 0.0,
    noise: Noise = "auto",
    looks: Sequence[tuple[float, int]] = (),
) -> tuple[Candidates, list[Candidates]]:
    """Do the work of `detect_snr`, for a box that reaches `half` pixels from its centre.

    Besides the candidates it returns, for each of `looks` (threshold, radius) and each frame, all
    maxima of the image by that threshold, the largest within so many pixels.
    """
    _check(threshold, low_pass, high_pass, peaks, radius, debounce)
    if noise not in ("auto", "camera", "measured"):
        raise ParameterError(f"Noise must be 'auto', 'camera' or 'measured', not {noise!r}.")
    if isinstance(background, str):
        check_method(background, allowed=("local", "none", "mean", "median", "percentile"))
    block = as_block(frames)
    length = first + len(block) if length is None else length
    start = first if start is None else start
    stop = first + len(block) if stop is None else stop
    if not first <= start <= stop <= first + len(block) <= length:
        raise ParameterError(
            f"Frames {start} to {stop} (stop excluded) are not among those given, {first} to "
            f"{first + len(block)} of a movie of {length}."
        )
    shape = (block.shape[1], block.shape[2])
    if 0 in shape or start == stop:
        return no_candidates(), [no_candidates() for _ in looks]
    area = _inner(check_roi(roi, shape), shape, half)
    camera = camera or Camera()
    scale, baseline, variance = _camera_maps(camera, shape)

    if isinstance(background, np.ndarray):
        known = np.broadcast_to(background, (stop - start, *shape))
    elif background == "none":
        known = np.broadcast_to(baseline, (stop - start, *shape))
    elif background == "local" or length < window[1] - window[0]:
        known = None
        level = np.empty(shape, np.float32)
    else:
        known = None
        level = None
        method = background
        check_context(block, start, stop, first, length, window=window, method=method, every=every)
        sliding = SlidingBackground(
            block,
            first=first,
            length=length,
            window=window,
            method=method,
            percentile=percentile,
            every=every,
        )

    def behind(t: int) -> NDArray[np.float32]:
        if known is not None:
            return read_only(np.ascontiguousarray(known[t - start], np.float32))
        if level is not None:
            local_level(block[t - first], level)
            return read_only(level.view())
        return read_only(sliding.of(t))

    measured = noise == "measured" or (noise == "auto" and _uncalibrated(camera))
    excess = np.float32(camera.excess_noise)
    low, high = half_gaussian(low_pass), half_gaussian(high_pass)
    pad = max(len(low), len(high)) - 1
    rows, columns = reflected(shape[0], pad), reflected(shape[1], pad)
    # rows begin at multiples of 64 bytes, as vector registers like them
    photons = np.empty((shape[0] + 2 * pad, -(-(shape[1] + 2 * pad) // 16) * 16), np.float32)
    spread, filtered = np.empty(shape, np.float32), np.empty(shape, np.float32)
    words = np.zeros((shape[0], (shape[1] + 7) // 8), np.uint64)
    wanted = LABELS if peaks == "labels" else MAXIMA

    found: list[tuple[int, NDArray[np.int32], NDArray[np.float32]]] = []
    seen: list[Candidates] = []
    for t in range(start, stop):
        frame, back = block[t - first], behind(t)
        prepare(frame, back, scale, baseline, variance, excess, rows, columns, photons, spread)
        factor = _UNCLIPPED if isinstance(background, str) and background == "none" else 1.0
        if measured:
            factor *= _noise_factor(squared_differences(frame, back, scale, spread))
        squared = _squared(float(threshold) * factor)
        everywhere = wanted == LABELS or bool(looks)  # centroids need it everywhere
        filter_frame(photons, spread, squared, low, high, everywhere, int(radius), filtered, words)
        for least, around in looks:
            mark_frame(spread, _squared(least * factor), filtered, words)
            # over the whole image, with a box that leaves no image
            maxima = pick(spread, factor, MAXIMA, around, 0.0, 0, (0, 0, *shape), filtered, words)
            seen.append(_found(t - start, *maxima))
        if looks:
            mark_frame(spread, squared, filtered, words)
        where, score = pick(
            spread, factor, wanted, int(radius), float(debounce), half, area, filtered, words
        )
        if peaks == "labels":  # found in the order of their first pixels
            order = np.lexsort((where[1], where[0]))
            where, score = where[:, order], score[order]
        found.append((t - start, where, score))
    counts = [len(score) for _, _, score in found]
    y, x = np.concatenate([where for _, where, _ in found], axis=1)
    candidates = Candidates(
        np.repeat(np.array([t for t, _, _ in found], np.int32), counts),
        y,
        x,
        np.concatenate([score for _, _, score in found]),
    )
    return candidates, seen


def explain_snr(
    frames: ArrayLike,
    start: int | None = None,
    *,
    camera: Camera | None = None,
    box: int = 7,
    roi: ROI | None = None,
    threshold: float = 1.0,
    peaks: Peaks = "maxima",
    radius: int = 1,
    debounce: float = 0.0,
    **settings: Any,
) -> Verdicts:
    """Tell for each local maximum of one frame whether the detector takes it, and if not, why.

    Parameters
    ----------
    frames : array_like (N, Y, X) or (Y, X)
        As in `detect_snr`.
    start : int, optional
        The frame of the movie; the first one given by default.
    camera, box, roi, threshold, peaks, radius, debounce, **settings
        As in `detect_snr`.

    Returns
    -------
    Verdicts
        The candidates; all other maxima above the threshold; and of the fainter ones those that are
        the largest in their box.
    """
    block = as_block(frames)
    shape = (block.shape[1], block.shape[2])
    first = settings.get("first", 0)
    start = first if start is None else start
    half = check_box(box) // 2
    settings["camera"] = camera

    taken, seen = _candidates(
        block,
        start,
        start + 1,
        half,
        roi=roi,
        threshold=threshold,
        peaks=peaks,
        radius=radius,
        debounce=debounce,
        looks=[(float(threshold), 1), (0.0, half)],
        **settings,
    )

    broken = ~np.isfinite(block[start - first])
    if broken.any():
        from scipy import ndimage

        broken = ndimage.maximum_filter(broken, 2 * half + 1, mode="constant")
    if peaks == "labels":
        otherwise = "joined with its surroundings into one spot"
    else:
        otherwise = f"brighter peak within {max(debounce, radius):g} px"
    return explain_maxima(
        taken,
        seen,
        roi=check_roi(roi, shape),
        fits=_inner((0, 0, *shape), shape, half),
        broken=broken,
        threshold=float(threshold),
        otherwise=otherwise,
    )
