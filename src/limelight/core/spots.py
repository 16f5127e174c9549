"""What detection hands to fitting: where to look, and the pixels to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Candidates", "Columns", "Spots"]

Columns = dict[str, NDArray[Any]]
"""A table of molecules by columns, as kernels and fitters return it."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pixels where a molecule may be, sorted by frame, y and x.

    Parameters
    ----------
    frame : 1D array of int32
        Index among the block's own frames.
    y, x : 1D array of int32
        The peak's pixel.
    score : 1D array of float32
        What the detector measured (net gradient, SNR).
    """

    frame: NDArray[np.int32]
    y: NDArray[np.int32]
    x: NDArray[np.int32]
    score: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True, eq=False)
class Spots:
    """Boxes cut out around candidates.

    Parameters
    ----------
    photons : 3D array of float32 (N, box, box)
        Photoelectrons (less a known background, if one was subtracted).
    variance : 3D array of float32 (N, box, box), optional
        Known variance per pixel in photoelectrons squared that does not come from the fitted
        light: read noise of an sCMOS camera, and the subtracted background's Poisson noise.
        Added to data and model (Huang et al. 2013).
    excess_noise : float
        Factor on all variances, 2 with EM gain.
    """

    photons: NDArray[np.float32]
    variance: NDArray[np.float32] | None = None
    excess_noise: float = 1.0

    def __len__(self) -> int:
        return len(self.photons)

    @property
    def box(self) -> int:
        """Side length in pixels."""
        return int(self.photons.shape[1])
