"""From features of children to features of their parents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AGGREGATES", "aggregate"]

AGGREGATES = ("Mean", "Std", "Sum", "Count")


def aggregate(
    features: pd.DataFrame, parent: pd.Series, parents: object = None, name: str = ""
) -> pd.DataFrame:
    """Bring the features of objects together for the objects that they lie in.

    Parameters
    ----------
    features : DataFrame
        One row per child, index ``label``; columns that are not numbers are left out.
    parent : Series
        The number of each child's parent by the child's number, 0 for none, as
        `limelight.core.image.parents` returns it.
    parents : sequence of int, optional
        The numbers of all parents, so that those without children are listed too; by default those
        that have one.
    name : str
        Name of the children, for the names of the columns.

    Returns
    -------
    DataFrame
        One row per parent, index ``label``; for each feature the columns
        ``[<name>_]<feature>_Mean``, ``_Std`` (of the population) and ``_Sum``, and
        ``[<name>_]Count``.  NaN as mean and standard deviation, 0 as sum, for parents without
        children.

    Raises
    ------
    ParameterError
        If a child has no entry in ``parent``.
    """
    import pandas as pd

    missing = features.index.difference(parent.index)
    if len(missing):
        raise ParameterError(
            f"aggregate: {len(missing)} objects have no entry in parent, the first is "
            f"{missing[0]}. Find the parents of the same labels."
        )
    owner = parent.loc[features.index].to_numpy()
    own = owner[owner > 0]
    every = np.unique(own) if parents is None else np.unique(np.asarray(parents, np.int64))
    every = every[every > 0]
    inside = (owner > 0) & np.isin(owner, every)
    place = np.searchsorted(every, owner[inside])
    count = np.bincount(place, minlength=len(every))
    columns: dict[str, object] = {}
    prefix = f"{name}_" if name else ""
    for column in features.columns:
        if not pd.api.types.is_numeric_dtype(features[column]):
            continue
        values = features[column].to_numpy(np.float64)[inside]
        total = np.bincount(place, values, len(every))
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = total / count
            square = np.bincount(place, (values - mean[place]) ** 2, len(every))
            spread = np.sqrt(square / count)
        columns[f"{prefix}{column}_Mean"] = mean
        columns[f"{prefix}{column}_Std"] = spread
        columns[f"{prefix}{column}_Sum"] = total
    columns[f"{prefix}Count"] = count.astype(np.int64)
    return pd.DataFrame(columns, index=pd.Index(every.astype(np.int64), name="label"))
