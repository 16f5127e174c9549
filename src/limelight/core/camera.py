"""Camera: what turns counts into photons."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from limelight.core.errors import ParameterError

__all__ = ["Camera"]

Value = float | NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera, by the numbers that turn its counts into photoelectrons.

    ``photons = (counts - baseline) * sensitivity / gain``

    Scalars describe an ordinary camera.  For sCMOS cameras `baseline`, `sensitivity` and
    `read_noise` may be maps of shape (Y, X), one value per pixel (Huang et al. 2013).

    Parameters
    ----------
    name : str
        As the camera calls itself in the metadata.
    baseline : float or 2D array
        Mean count in the dark.
    sensitivity : float or 2D array
        Photoelectrons per count, > 0.
    gain : float
        EM gain, >= 1; 1 for conventional read-out.
    pixel_size_nm : float
        Size of a pixel in the sample, nm, > 0.
    read_noise : float or 2D array
        Standard deviation of the read noise, photoelectrons (before EM gain: divide the
        amplifier's noise by the gain), >= 0.
    quantum_efficiency : float
        Kept for the files of others, not used: all photons here are detected photons.

    Raises
    ------
    ParameterError
        If a value is out of range, not finite, or maps differ in shape.
    """

    name: str = ""
    baseline: Value = 0.0
    sensitivity: Value = 1.0
    gain: float = 1.0
    pixel_size_nm: float = 130.0
    read_noise: Value = 0.0
    quantum_efficiency: float = 1.0

    def __post_init__(self) -> None:
        for name in ("baseline", "sensitivity", "read_noise"):
            value = getattr(self, name)
            if np.ndim(value) == 0:
                object.__setattr__(self, name, float(value))
                continue
            map_ = np.ascontiguousarray(value, dtype=np.float32)
            if map_.ndim != 2:
                raise ParameterError(f"Camera: the {name} map must be 2D (Y, X), not {map_.ndim}D.")
            object.__setattr__(self, name, map_)
        for name in ("gain", "pixel_size_nm", "quantum_efficiency"):
            object.__setattr__(self, name, float(getattr(self, name)))
        self._require("baseline", np.isfinite(self.baseline), "finite")
        self._require("sensitivity", np.greater(self.sensitivity, 0), "greater than 0")
        self._require("read_noise", np.greater_equal(self.read_noise, 0), "0 or more")
        self._require("gain", self.gain >= 1, "1 or more (1: no EM gain)")
        self._require("pixel_size_nm", self.pixel_size_nm > 0, "greater than 0 nm")
        if len(shapes := {m.shape for m in self._maps()}) > 1:
            raise ParameterError(f"Camera: the maps differ in shape: {sorted(shapes)}.")

    def _require(self, name: str, ok: Any, what: str) -> None:
        value = getattr(self, name)
        if not (np.all(ok) and np.all(np.isfinite(value))):
            shown = value if np.ndim(value) == 0 else f"a map from {value.min()} to {value.max()}"
            raise ParameterError(f"Camera: {name} must be {what} and finite, not {shown}.")

    def _maps(self) -> list[NDArray[np.float32]]:
        values = (self.baseline, self.sensitivity, self.read_noise)
        return [v for v in values if isinstance(v, np.ndarray)]

    @property
    def has_maps(self) -> bool:
        """Whether any value is given per pixel."""
        return bool(self._maps())

    @property
    def shape(self) -> tuple[int, int] | None:
        """Shape (Y, X) of the maps, None without maps."""
        maps = self._maps()
        return (maps[0].shape[0], maps[0].shape[1]) if maps else None

    @property
    def excess_noise(self) -> float:
        """Factor on the variance that EM multiplication adds: 2 with EM gain, else 1."""
        return 2.0 if self.gain > 1 else 1.0

    def check_shape(self, shape: tuple[int, int]) -> None:
        """Raise if maps do not fit frames of that shape (Y, X).

        Raises
        ------
        ParameterError
            If they do not.
        """
        if self.shape not in (None, shape):
            raise ParameterError(
                f"Camera {self.name!r}: maps of {self.shape} pixels do not fit frames of {shape} "
                "(Y, X). Crop the maps to the region that the camera read out."
            )

    def to_photons(self, counts: NDArray[Any]) -> NDArray[np.float32]:
        """Convert counts to photoelectrons.

        Parameters
        ----------
        counts : array (..., Y, X)
            Camera counts, any number type.

        Returns
        -------
        array of float32, same shape
        """
        photons = counts.astype(np.float32)
        photons -= np.asarray(self.baseline, np.float32)
        photons *= np.asarray(np.asarray(self.sensitivity) / self.gain, np.float32)
        return photons

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some values changed."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the values; a map is given by its mean, for the record in a file."""
        return {
            f.name: float(np.mean(v)) if isinstance(v := getattr(self, f.name), np.ndarray) else v
            for f in fields(self)
        }
