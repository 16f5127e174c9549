"""Frame: one camera image and where and when it was taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Frame"]


@dataclass(frozen=True, eq=False)
class Frame:
    """One camera image.

    Parameters
    ----------
    pixels : 2D array (Y, X)
        Camera counts.
    index : int
        Position in the movie, from 0.
    axes : mapping
        Where in the experiment it belongs, such as ``{"time": 3, "z": 0, "channel": "DAPI"}``.
    metadata : mapping
        What the microscope said about it.
    """

    pixels: NDArray[Any]
    index: int = 0
    axes: Mapping[str, int | str] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.pixels.shape[:2]
        return height, width
