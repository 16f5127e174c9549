"""Pipes: what flows from one module of a pipeline to the next.

The names are those of TissueMAPS.  A function says with them what its arguments are:

>>> def invert(image: Image) -> Inverted: ...

To a type checker all of them are numpy arrays; to a pipeline they tell which output fits which
input.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.core.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BinaryImage",
    "Image",
    "IntensityImage",
    "LabelImage",
    "MaskImage",
    "Measurement",
    "Pipe",
    "SegmentedObjects",
    "fits",
]


@dataclass(frozen=True)
class Pipe:
    """A kind of thing that flows; the mark in the annotations below."""

    name: str


Image = Annotated[NDArray[Any], Pipe("Image")]
"""Any image (Y, X) or (Z, Y, X)."""
IntensityImage = Annotated[NDArray[Any], Pipe("IntensityImage")]
"""Grey values."""
MaskImage = Annotated[NDArray[Any], Pipe("MaskImage")]
"""Zero is background; True, or the labels of objects, is foreground."""
BinaryImage = Annotated[NDArray[np.bool_], Pipe("BinaryImage")]
"""True is foreground."""
LabelImage = Annotated[NDArray[np.int32], Pipe("LabelImage")]
"""Zero is background; each object has its own number."""

_WIDER = {
    "BinaryImage": ("BinaryImage", "MaskImage", "Image"),
    "LabelImage": ("LabelImage", "MaskImage", "Image"),
    "SegmentedObjects": ("SegmentedObjects", "LabelImage", "MaskImage", "Image"),
    "IntensityImage": ("IntensityImage", "Image"),
    "MaskImage": ("MaskImage", "Image"),
    "Image": ("Image", "IntensityImage", "MaskImage"),
}


def fits(output: str, wanted: str) -> bool:
    """Tell whether an output of one kind can be the input of another.

    An ``Image``, of which no more is known, fits wherever pixels are wanted.
    """
    return wanted in _WIDER.get(output, (output,))


@dataclass(frozen=True, eq=False)
class SegmentedObjects:
    """Objects with names, numbers and what was measured on them.

    Parameters
    ----------
    labels : array of int32 (Y, X) or (Z, Y, X)
        Zero is background; an object's number stays its own through all that follows.
    name : str
        What they are, such as ``"Nuclei"``.
    features : DataFrame
        One row per object, indexed by its number (``label``), one column per feature.
    """

    labels: NDArray[np.int32]
    name: str = ""
    features: pd.DataFrame = field(default_factory=pd.DataFrame)

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels)
        if labels.dtype.kind not in "iub":
            raise ParameterError(
                f"Objects are made of whole numbers, one per object, not of {labels.dtype}; "
                "label a mask first."
            )
        if labels.ndim not in (2, 3):
            raise ParameterError(
                f"Objects are an image (Y, X) or a stack (Z, Y, X), not of shape {labels.shape}."
            )
        object.__setattr__(self, "labels", labels.astype(np.int32, copy=False))

    def __len__(self) -> int:
        return len(self.ids)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.labels, dtype=dtype, copy=copy)

    @property
    def ids(self) -> NDArray[np.int32]:
        """Numbers of the objects, rising."""
        known: NDArray[np.int32] | None = self.__dict__.get("_ids")
        if known is None:
            from limelight.core.image import object_ids

            known = object_ids(self.labels).astype(np.int32)
            known.setflags(write=False)
            self.__dict__["_ids"] = known
        return known

    def _with(self, **changes: Any) -> SegmentedObjects:
        """Return the same objects with something else changed; their numbers are kept."""
        made = replace(self, **changes)
        if "_ids" in self.__dict__:
            made.__dict__["_ids"] = self.__dict__["_ids"]
        return made

    def named(self, name: str) -> SegmentedObjects:
        """Return the same objects under another name."""
        return self._with(name=name)

    def with_features(self, table: pd.DataFrame) -> SegmentedObjects:
        """Return the same objects with more features; a feature measured again is replaced."""
        old = self.features.drop(columns=[c for c in table.columns if c in self.features])
        joined = table if old.empty and not len(old.columns) else old.join(table, how="outer")
        rows = pd.Index(self.ids, name="label")
        return self._with(features=joined if joined.index.equals(rows) else joined.reindex(rows))


@dataclass(frozen=True, eq=False)
class Measurement:
    """What a module measured on objects.

    Parameters
    ----------
    table : DataFrame
        One row per object, indexed by label; columns ``<Class>_<statistic>``.
    objects : str
        The argument that holds the objects that the values belong to.
    objects_ref, channel_ref : str
        The arguments that hold the objects and the image that were measured, if any.
    """

    table: pd.DataFrame
    objects: str = "assign_objects"
    objects_ref: str = "extract_objects"
    channel_ref: str = ""

    def named(self, objects: str = "", channel: str = "") -> pd.DataFrame:
        """Return the table with the names that a collection of features needs.

        Parameters
        ----------
        objects : str
            Put before the name: the objects that were measured, where they are not those that
            the values belong to.
        channel : str
            Put behind it: the image that was measured.
        """
        before = f"{objects}_" if objects else ""
        behind = f"_{channel}" if channel else ""
        return self.table.rename(columns=lambda name: f"{before}{name}{behind}")

    def named_for(self, inputs: Mapping[str, str]) -> pd.DataFrame:
        """Return the table named after the keys that a step's inputs are connected to."""
        owner, measured = inputs.get(self.objects, ""), inputs.get(self.objects_ref, "")
        return self.named(
            objects=measured if measured != owner else "",
            channel=inputs.get(self.channel_ref, ""),
        )
