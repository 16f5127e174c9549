"""A table cut into runs of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["segments"]


def segments(
    frame: NDArray[np.int64], frames: int, segment_frames: int, least: int, tool: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Assign molecules to segments of the movie.

    Parameters
    ----------
    frame : 1D array of int64 (N,)
        Frame of each molecule.
    frames : int
        Length of the movie.
    segment_frames : int
        Frames per segment, about: the movie is cut into equal parts.
    least : int
        Molecules that a segment needs; those with fewer are not measured.
    tool : str
        Who asks.

    Returns
    -------
    segment : 1D array of int64 (N,)
        Index of each molecule's segment, -1 where that has too few molecules.
    time : 1D array of float64
        Mean frame of each segment's molecules.

    Raises
    ------
    ParameterError
        If fewer than two segments are left.
    """
    if segment_frames < 1:
        raise ParameterError(f"{tool}: segment_frames must be at least 1, not {segment_frames}.")
    count = max(round(frames / segment_frames), 1)
    if count < 2:
        raise ParameterError(
            f"{tool}: {frames} frames are too few for segments of {segment_frames}; two segments "
            f"are needed. Choose segment_frames of {max(frames // 2, 1)} or less."
        )
    raw = frame * count // frames
    filled = np.bincount(raw, minlength=count)
    good = filled >= least
    if good.sum() < 2:
        raise ParameterError(
            f"{tool}: the segments of {segment_frames} frames have {int(filled.max())} molecules "
            f"or fewer; {least} each are needed. Choose more segment_frames, or localize with a "
            "lower threshold."
        )
    index = np.where(good, np.cumsum(good) - 1, -1)
    time = np.bincount(raw, weights=frame, minlength=count)[good] / filled[good]
    return index[raw], time
