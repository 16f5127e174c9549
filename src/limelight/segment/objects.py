"""Objects: which lie in which, where they are, and which touch the border."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core import image as core

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from limelight.segment.pipes import SegmentedObjects

__all__ = ["relate_all"]

_ABOUT = ("centroid_z", "centroid_y", "centroid_x", "is_border")


def relate_all(objects: Mapping[str, SegmentedObjects]) -> dict[str, SegmentedObjects]:
    """Add to each object its place, whether it touches the border, its parents and children.

    The columns are ``centroid_y`` and ``centroid_x`` (px; ``centroid_z`` in a stack),
    ``is_border``, ``parent_<Name>`` (0: none) and ``count_<Name>``.  Of two kinds of objects that
    overlap, the one with the larger mean size is the parent.

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
        table = core.object_table(one.labels)
        related[name] = table[[c for c in _ABOUT if c in table]].copy()
        if len(objects) > 1:
            sizes[name] = np.count_nonzero(one.labels) / max(len(table), 1)
    for name, child in objects.items():
        for other, parent in objects.items():
            if other == name or sizes[other] <= sizes[name]:
                continue
            if child.labels.shape != parent.labels.shape:
                continue
            found = core.parents(child.labels, parent.labels)
            if not (found > 0).any():
                continue
            related[name][f"parent_{other}"] = found
            counts = found[found > 0].value_counts()
            rows = related[other].index
            related[other][f"count_{name}"] = counts.reindex(rows, fill_value=0).astype(np.int64)
    return {name: one.with_features(related[name]) for name, one in objects.items()}
