"""Why a local maximum is a candidate or is not: the words, shared by the detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.parts import Verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from limelight.core.parts import ROI
    from limelight.core.spots import Candidates

__all__ = ["explain_maxima"]


def explain_maxima(
    taken: Candidates,
    maxima: Sequence[Candidates],
    *,
    roi: ROI,
    fits: ROI,
    broken: NDArray[np.bool_],
    threshold: float,
    otherwise: str,
) -> Verdicts:
    """Give each maximum of one frame the first reason that applies.

    Parameters
    ----------
    taken : Candidates
        What the detector returns.
    maxima : sequence of Candidates
        All maxima that are to be listed; one that is listed twice counts once.
    roi : tuple of int
        ``y0, x0, y1, x1`` of the region of interest.
    fits : tuple of int
        The same for the pixels around which a box fits into the image.
    broken : 2D array of bool (Y, X)
        Pixels that are NaN or infinite, or whose box holds one.
    threshold : float
        A maximum is rejected if its score is not greater.
    otherwise : str
        Reason of those that pass all that.
    """
    every = [taken, *maxima]
    y, x = (np.concatenate([getattr(c, name) for c in every]) for name in ("y", "x"))
    score = np.concatenate([c.score for c in every])
    # of equal pixels the first counts: the one of `taken`, if it is among them
    _, first = np.unique(y.astype(np.int64) * broken.shape[1] + x, return_index=True)
    accepted = first < len(taken)
    y, x, score = y[first], x[first], score[first]

    def outside(area: ROI) -> NDArray[np.bool_]:
        y0, x0, y1, x1 = area
        result: NDArray[np.bool_] = (y < y0) | (y >= y1) | (x < x0) | (x >= x1)
        return result

    below = [f"below threshold: {value:.5g} <= {threshold:.5g}" for value in score.tolist()]
    reasons = np.select(
        [accepted, outside(roi), outside(fits), broken[y, x], ~(score > threshold)],
        [
            "",
            "outside the region of interest",
            "box leaves the image",
            "box holds a pixel that is not a number",
            np.array(below, dtype=object),
        ],
        default=np.array(otherwise, dtype=object),
    )
    return Verdicts(y, x, score, [str(reason) for reason in reasons], float(threshold))
