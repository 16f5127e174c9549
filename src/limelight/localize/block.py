"""One block of frames on its way: background, detect, cut, fit, table."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from limelight.core.detect import (
    background_context,
    cut_map,
    cut_spots,
    net_gradient_at,
    temporal_background,
)
from limelight.core.movie import Block
from limelight.core.parts import CalibratedFitter, Detector, Fitter, FrameFitter
from limelight.core.psf.calibration import ZCalibration
from limelight.core.spots import Candidates, Columns, Spots
from limelight.localize.calibrated import add_z, calibration_of, first_of_each, scale_z

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from limelight.core.camera import Camera
    from limelight.core.movie import Movie
    from limelight.core.parts import ROI
    from limelight.io.calibration import Calibration
    from limelight.localize.settings import LocalizeSettings

__all__ = ["localize_block", "read_block"]

_RUN = 32  # frames that are fitted together


def read_block(
    movie: Movie, start: int, stop: int, settings: LocalizeSettings, camera: Camera
) -> Block:
    """Read frames start to stop - 1 of a movie, and what has to be seen around them."""
    length = len(movie)
    first, last = cast("Detector", settings.detector).context(start, stop, length)
    if settings.background != "none":
        before, after = background_context(
            start, stop, length, window=settings.background_window, method=settings.background
        )
        first, last = min(first, before), max(last, after)
    first, last = max(min(first, start), 0), min(max(last, stop), length)
    block = Block(movie.read(first, last), first, start, stop, length, camera)
    if settings.background == "none":
        return block
    background = temporal_background(
        block.frames,
        start,
        stop,
        first=first,
        length=length,
        window=settings.background_window,
        method=settings.background,
    )
    return replace(block, background=background)


def localize_block(block: Block, settings: LocalizeSettings) -> Columns:
    """Find and fit the molecules of a block's own frames.

    Parameters
    ----------
    block : Block
        As `read_block` returns it.
    settings : LocalizeSettings
        What to do.

    Returns
    -------
    dict of 1D arrays
        Columns of `limelight.core.localizations.COLUMNS`, those that the fitter gives; ``frame``
        counts from the movie's start, positions from the first pixel.  Sorted by frame, y and x
        of the candidates.
    """
    detector = cast("Detector", settings.detector)
    candidates = detector.detect(block, settings.box, settings.roi)
    known = block.background if settings.background_in_fit else None
    calibration = calibration_of(settings)
    if isinstance(settings.fitter, FrameFitter):
        columns = _fit_frames(block, known, candidates, settings.fitter, settings.box)
    else:
        columns = _fit_spots(block, known, candidates, _fit_of(settings, calibration), settings.box)
    if isinstance(calibration, ZCalibration):
        add_z(columns, calibration)
    elif calibration is not None:
        scale_z(columns, calibration, settings)
    spot = columns.pop("spot")
    columns[detector.score_name] = candidates.score[spot]
    if "net_gradient" not in columns:
        columns["net_gradient"] = net_gradient_at(
            block.own, candidates.frame, candidates.y, candidates.x, settings.box
        )[spot]
    larger = np.maximum(columns["sx"], columns["sy"])
    with np.errstate(divide="ignore", invalid="ignore"):
        columns["ellipticity"] = (larger - np.minimum(columns["sx"], columns["sy"])) / larger
    usable = _usable(columns, block, settings.roi)
    if calibration is not None:
        usable &= first_of_each(columns, usable, detector.score_name)
    columns = {name: values[usable] for name, values in columns.items()}
    columns["frame"] = columns["frame"] + np.int64(block.start)
    return columns


def _fit_of(
    settings: LocalizeSettings, calibration: Calibration | None
) -> Callable[[Spots], Columns]:
    """Return the function that fits boxes, with the model if the fitter takes one."""
    if isinstance(settings.fitter, CalibratedFitter) and calibration is not None:
        return partial(settings.fitter.fit_calibrated, model=calibration)
    return cast("Fitter", settings.fitter).fit


def _fit_spots(
    block: Block,
    known: NDArray[np.float32] | None,
    candidates: Candidates,
    fit: Callable[[Spots], Columns],
    box: int,
) -> Columns:
    """Cut boxes, fit them, and place the results in the frame."""
    camera = block.camera
    where = (candidates.frame, candidates.y, candidates.x, box)
    photons = cut_spots(
        block.own,
        *where,
        baseline=camera.baseline,
        sensitivity=camera.sensitivity,
        gain=camera.gain,
    )
    variance = None
    if np.any(camera.read_noise):
        noise = np.square(np.broadcast_to(np.float32(camera.read_noise), block.own.shape[1:]))
        variance = cut_map(noise, *where)
    if known is not None:
        # subtracted light keeps its Poisson noise: it joins the variance (Huang et al. 2013)
        light = np.maximum(cut_map(camera.to_photons(known), *where), 0)
        photons -= light
        variance = light if variance is None else variance + light
    columns = fit(Spots(photons, variance, camera.excess_noise))
    spot = columns.setdefault("spot", np.arange(len(candidates)))
    columns["x"] = columns["x"] + candidates.x[spot].astype(np.float64)
    columns["y"] = columns["y"] + candidates.y[spot].astype(np.float64)
    columns["frame"] = candidates.frame[spot]
    if known is not None:
        columns["bg"] = columns["bg"] + light.mean(axis=(1, 2))[spot]
    return columns


def _fit_frames(
    block: Block,
    known: NDArray[np.float32] | None,
    candidates: Candidates,
    fitter: FrameFitter,
    box: int,
) -> Columns:
    """Fit all molecules of each frame together, a few frames at a time.

    Runs of frames keep the photons in the processor's cache, and memory small; a frame's result
    depends on no other frame.
    """
    bounds = np.searchsorted(candidates.frame, np.arange(0, len(block.own) + _RUN, _RUN))
    pieces = []
    for first, (a, b) in zip(range(0, len(block.own), _RUN), pairwise(bounds), strict=False):
        frames = slice(first, first + _RUN)
        part = Candidates(
            candidates.frame[a:b] - np.int32(first),
            candidates.y[a:b],
            candidates.x[a:b],
            candidates.score[a:b],
        )
        columns = _fit_run(
            block.own[frames],
            None if known is None else known[frames],
            block.camera,
            part,
            fitter,
            box,
        )
        columns["frame"] = columns["frame"] + first
        columns["spot"] = columns["spot"] + a
        pieces.append(columns)
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def _fit_run(
    frames: NDArray[Any],
    known: NDArray[np.float32] | None,
    camera: Camera,
    candidates: Candidates,
    fitter: FrameFitter,
    box: int,
) -> Columns:
    photons = camera.to_photons(frames)
    variance = None
    if np.any(camera.read_noise):
        noise = np.square(np.broadcast_to(np.float32(camera.read_noise), photons.shape[1:]))
        variance = np.ascontiguousarray(noise)
    if known is None:
        return fitter.fit_frames(photons, variance, camera.excess_noise, candidates, box)
    light = np.maximum(camera.to_photons(known), 0)
    photons -= light
    variance = light if variance is None else variance + light
    columns = fitter.fit_frames(photons, variance, camera.excess_noise, candidates, box)
    y, x = (np.rint(columns[c]).astype(np.intp) for c in ("y", "x"))
    height, width = light.shape[1:]
    at = (columns["frame"], y.clip(0, height - 1), x.clip(0, width - 1))
    columns["bg"] = columns["bg"] + light[at]
    return columns


def _usable(columns: Columns, block: Block, roi: ROI | None) -> NDArray[np.bool_]:
    """Rows whose position is a number inside the image and the region of interest.

    Where there is a calibration, molecules outside its range have no z and are left out.
    """
    height, width = block.own.shape[1:]
    y0, x0, y1, x1 = roi or (0, 0, height, width)
    y, x = columns["y"], columns["x"]
    inside: NDArray[np.bool_] = (y > y0 - 0.5) & (x > x0 - 0.5) & (y < y1 - 0.5) & (x < x1 - 0.5)
    if "z" in columns:
        inside &= np.isfinite(columns["z"])
    return inside
