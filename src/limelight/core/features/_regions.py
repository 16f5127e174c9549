"""What all measurements begin with: which objects there are, and their numbers made dense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.image import _label_kernels as label_kernels
from limelight.core.image.inputs import as_image, as_labels, check_same_shape

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Regions", "find_regions", "matching_image", "matching_plane", "named", "table"]


@dataclass
class Regions:
    """Objects of a label image.

    Parameters
    ----------
    index : 3D array of int32 (Z, Y, X)
        Each pixel's object by its place in ``ids``, from 1 on; a plane has one z.
    ids : 1D array of int64 (N,)
        The objects' numbers, ascending.
    """

    index: NDArray[np.int32]
    ids: NDArray[np.int64]
    flat: bool

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def plane(self) -> NDArray[np.int32]:
        """The only plane."""
        only: NDArray[np.int32] = self.index[0]
        return only


def find_regions(labels: ArrayLike, where: str, *, dimensions: tuple[int, ...] = (2, 3)) -> Regions:
    """Check labels and make their numbers dense."""
    array = as_labels(labels, where, dimensions=dimensions)
    ids = label_kernels.ids(array)
    dense = not len(ids) or int(ids[-1]) == len(ids)
    index = array if dense else label_kernels.index_of(array, ids)
    return Regions(index if index.ndim == 3 else index[None], ids, array.ndim == 2)


def matching_image(regions: Regions, image: ArrayLike, where: str) -> NDArray[Any]:
    """Check an image of the same field; return it as (Z, Y, X)."""
    array = as_image(image, where)
    shape = regions.index.shape[1:] if regions.flat else regions.index.shape
    check_same_shape(where, labels=np.broadcast_to(np.int8(0), shape), image=array)
    return array if array.ndim == 3 else array[None]


def matching_plane(regions: Regions, image: ArrayLike, where: str) -> NDArray[Any]:
    """Check an image of the same plane (Y, X)."""
    array = as_image(image, where, dimensions=(2,))
    check_same_shape(where, labels=regions.plane, image=array)
    return array


def named(group: str, statistic: str, channel: str | None = None) -> str:
    """Return the name of a column, such as ``Intensity_mean_DAPI``."""
    return f"{group}_{statistic}" + (f"_{channel}" if channel else "")


def table(regions: Regions, columns: dict[str, NDArray[Any]]) -> pd.DataFrame:
    """Make a table of features with the objects' numbers as index ``label``."""
    import pandas as pd

    return pd.DataFrame(columns, index=pd.Index(regions.ids, name="label"))
