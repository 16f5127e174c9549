"""Objects: which lie in which, and which touch the border."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from limelight.segment.pipes import SegmentedObjects

__all__ = ["at_border", "parents_of", "relate_all"]


def at_border(labels: NDArray[np.int32], ids: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tell which objects touch the border of the image.

    Parameters
    ----------
    labels : array (Y, X) or (Z, Y, X)
        Objects; in a stack the first and last plane are no border.
    ids : 1D array
        Numbers of the objects.

    Returns
    -------
    1D array of bool
        For each of them.
    """
    rim = [labels[..., 0, :], labels[..., -1, :], labels[..., :, 0], labels[..., :, -1]]
    return np.isin(ids, np.concatenate([r.ravel() for r in rim]))


def parents_of(
    children: NDArray[np.int32], parents: NDArray[np.int32], ids: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return the parent of each child: the object that shares most of its pixels.

    Parameters
    ----------
    children, parents : array of int32
        Labels, of one shape.
    ids : 1D array of int32
        Numbers of the children, rising.

    Returns
    -------
    1D array of int32
        Number of each child's parent, 0 where there is none; the lower number where two share
        equally many pixels.

    Raises
    ------
    ParameterError
        If the shapes differ.
    """
    if children.shape != parents.shape:
        raise ParameterError(
            f"Objects of the shapes {children.shape} and {parents.shape} cannot be related; they "
            "have to come from one field."
        )
    both = (children > 0) & (parents > 0)
    child, parent = children[both].astype(np.int64), parents[both].astype(np.int64)
    width = int(parent.max(initial=0)) + 1
    pairs, shared = np.unique(child * width + parent, return_counts=True)
    order = np.lexsort((-pairs, shared))  # the last one written for a child wins
    found = np.zeros(int(ids.max(initial=0)) + 1, np.int32)
    found[pairs[order] // width] = pairs[order] % width
    return found[ids]


def relate_all(objects: Mapping[str, SegmentedObjects]) -> dict[str, SegmentedObjects]:
    """Add to each object whether it touches the border, its parents and its number of children.

    The columns are ``is_border``, ``parent_<Name>`` (0: none) and ``count_<Name>``.  Of two kinds
    of objects that overlap, the one with the larger mean size is the parent.

    Parameters
    ----------
    objects : mapping
        Objects of one field, by name.

    Returns
    -------
    dict
        The same, with the columns added to their features.
    """
    related: dict[str, pd.DataFrame] = {}
    sizes: dict[str, float] = {}
    for name, one in objects.items():
        ids = one.ids
        index = pd.Index(ids, name="label")
        related[name] = pd.DataFrame({"is_border": at_border(one.labels, ids)}, index=index)
        sizes[name] = np.count_nonzero(one.labels) / max(len(ids), 1)
    for name, child in objects.items():
        for other, parent in objects.items():
            if sizes[other] <= sizes[name] or child.labels.shape != parent.labels.shape:
                continue
            found = parents_of(child.labels, parent.labels, child.ids)
            if not found.any():
                continue
            related[name][f"parent_{other}"] = found
            counts = np.bincount(found, minlength=int(parent.ids.max(initial=0)) + 1)
            related[other][f"count_{name}"] = counts[parent.ids]
    return {name: replace(one.with_features(related[name])) for name, one in objects.items()}
