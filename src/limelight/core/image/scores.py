"""How well found objects agree with true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.image.inputs import as_labels, check_number, check_same_shape

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["f1_score", "overlaps"]


def overlaps(found: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    """Return the intersection over union of all pairs of objects that overlap.

    Parameters
    ----------
    found, truth : arrays of integers
        Labels of one field.

    Returns
    -------
    2D array of float64 (pairs, 3)
        Number in ``found``, number in ``truth``, intersection over union.
    """
    one, other = as_labels(found, "overlaps", "found"), as_labels(truth, "overlaps", "truth")
    check_same_shape("overlaps", found=one, truth=other)
    pairs, counts = np.unique(
        one.ravel().astype(np.int64) << 32 | other.ravel(), return_counts=True
    )
    a, b = pairs >> 32, pairs & 0xFFFFFFFF
    sizes = []
    for labels in (a, b):
        numbers, place = np.unique(labels, return_inverse=True)
        sizes.append(np.bincount(place, counts, len(numbers))[place])
    both = (a > 0) & (b > 0)
    union = sizes[0] + sizes[1] - counts
    shares: NDArray[np.float64] = np.column_stack([a, b, counts / union])[both]
    return shares


def f1_score(found: ArrayLike, truth: ArrayLike, iou: float = 0.5) -> float:
    """Return the F1 score of found objects: 2 hits / (found + true).

    A found object is a hit if its intersection over union with a true one is above ``iou``; from
    0.5 on no object can be hit twice.

    Parameters
    ----------
    found, truth : arrays of integers
        Labels of one field.
    iou : float
        0.5 to 1.

    Returns
    -------
    float
        0 to 1; 1 where there is nothing to find and nothing was found.
    """
    check_number(iou, "f1_score", "iou", low=0.5, high=1)
    hits = int(np.count_nonzero(overlaps(found, truth)[:, 2] > iou))
    total = sum(len(np.unique(labels[labels > 0])) for labels in map(np.asarray, (found, truth)))
    return 2 * hits / total if total else 1.0
