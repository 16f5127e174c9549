"""A movie whose frames are made when they are asked for, with the truth to every one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from limelight.core.camera import Camera
from limelight.core.errors import ParameterError
from limelight.core.frame import Frame
from limelight.core.movie import resolve_index
from limelight.core.simulate.optics import PSF, GaussianPSF, add_spots

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from limelight.core.simulate.emission import Emission, Lit

    Floats = NDArray[np.float64]

__all__ = ["TRUTH_COLUMNS", "SimulatedMovie", "expose"]

TRUTH_COLUMNS = ("frame", "emitter", "x", "y", "z", "photons", "sx", "sy", "bg")
"""Columns of the ground truth, in their order."""


def expose(
    expected: ArrayLike,
    rng: np.random.Generator,
    camera: Camera,
    *,
    dtype: DTypeLike = np.uint16,
) -> NDArray[Any]:
    """Take a picture: turn expected photoelectrons into camera counts.

    Shot noise is Poisson; with an EM register (gain above 1) each electron is multiplied by an
    exponentially distributed gain [1]_, which doubles the variance; read noise is normal; the
    counts are rounded and clipped to what the data type holds.

    Parameters
    ----------
    expected : ndarray, shape (Y, X)
        Mean photoelectrons per pixel, >= 0.
    rng : numpy.random.Generator
        Source of randomness.
    camera : Camera
        Baseline, sensitivity, EM gain, read noise; scalars or per-pixel maps.
    dtype : dtype
        An integer type.

    Returns
    -------
    ndarray of `dtype`, shape (Y, X)
        Counts.

    Raises
    ------
    ParameterError
        If the type is not an integer or the camera's maps do not fit the image.

    References
    ----------
    .. [1] Basden et al., Mon. Not. R. Astron. Soc. 345, 985 (2003).
    """
    from limelight.core.simulate.kernels import expose_kernel

    image = np.ascontiguousarray(expected, dtype=np.float64)
    kind = np.dtype(dtype)
    if kind.kind not in "ui":
        raise ParameterError(f"A camera delivers whole numbers, not {kind}.")
    if image.ndim != 2:
        raise ParameterError(f"An image to expose must be 2D (Y, X), not {image.ndim}D.")
    camera.check_shape((image.shape[0], image.shape[1]))
    out = np.empty(image.shape, dtype=kind)
    expose_kernel(
        rng,
        image,
        camera.gain > 1,
        np.atleast_2d(np.asarray(camera.read_noise, dtype=np.float64)),
        np.atleast_2d(camera.gain / np.asarray(camera.sensitivity, dtype=np.float64)),
        np.atleast_2d(np.asarray(camera.baseline, dtype=np.float64)),
        float(np.iinfo(kind).max),
        out,
    )
    return out


class SimulatedMovie:
    """Frames made on demand from molecules, optics and a camera.

    Frame i depends on the seed and on i alone, so any part of the movie can be made in any order,
    in any block size, on any thread, at no memory.

    Parameters
    ----------
    size : tuple of int
        Height and width of a frame in pixels.
    frames : int
        Length of the movie, >= 1.
    emission : Emission
        Which molecules are on in a frame, e.g. `Scattered` or `Blinking`.
    psf : PSF, optional
        Their image, e.g. `GaussianPSF` (the default, sigma 1.2 px) or `AstigmaticPSF`.
    background : float or ndarray, shape (Y, X)
        Expected background photons per pixel and frame, >= 0.
    camera : Camera, optional
        Turns photons into counts.
    drift : ndarray, shape (frames, 2), optional
        Displacement of each frame in x and y, in pixels.
    seed : int
        Seed of all that happens within the frames, >= 0.
    dtype : dtype
        Integer type of the counts.
    name : str
        Name to show.

    Raises
    ------
    ParameterError
        If shapes do not fit or a value is out of range.
    """

    def __init__(
        self,
        size: tuple[int, int],
        frames: int,
        emission: Emission,
        *,
        psf: PSF | None = None,
        background: ArrayLike = 20.0,
        camera: Camera | None = None,
        drift: Floats | None = None,
        seed: int = 0,
        dtype: DTypeLike = np.uint16,
        name: str = "simulated",
    ) -> None:
        height, width = size
        if frames < 1 or height < 1 or width < 1:
            raise ParameterError(
                f"A simulated movie needs at least one frame and one pixel, not {frames} frames "
                f"of {height} x {width}."
            )
        if seed < 0:
            raise ParameterError(f"The seed must be 0 or more, not {seed}.")
        if drift is not None and np.shape(drift) != (frames, 2):
            raise ParameterError(f"The drift must have shape ({frames}, 2), not {np.shape(drift)}.")
        level = np.asarray(background, dtype=np.float64)
        if level.ndim and level.shape != (height, width):
            raise ParameterError(
                f"The background has shape {level.shape}, the frames {(height, width)} (Y, X)."
            )
        if not (np.isfinite(level).all() and (level >= 0).all()):
            raise ParameterError("The background must be 0 or more photons per pixel everywhere.")
        self._shape = (int(frames), int(height), int(width))
        self._emission = emission
        self._psf = psf if psf is not None else GaussianPSF()
        self._background: Floats = np.broadcast_to(level, (height, width))
        self._camera = camera if camera is not None else Camera(name="simulated")
        self._camera.check_shape((int(height), int(width)))
        self._drift = drift
        self._seed = int(seed)
        self._dtype: np.dtype[Any] = np.dtype(dtype)
        self._name = name

    @property
    def name(self) -> str:
        """Name to show, and to name results after."""
        return self._name

    @property
    def path(self) -> Path | None:
        """None: it comes from no file."""
        return None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height, width."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the counts."""
        return self._dtype

    @property
    def camera(self) -> Camera:
        """The simulated camera."""
        return self._camera

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What it was made from."""
        return {"simulated": True, "seed": self._seed}

    def __len__(self) -> int:
        return self._shape[0]

    def __getitem__(self, index: int) -> Frame:
        index = resolve_index(index, len(self))
        return Frame(self._counts(index), index, {"time": index})

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return the counts of frames start to stop - 1, shape (stop - start, Y, X)."""
        first, last, _ = slice(start, stop).indices(len(self))
        block = np.empty((max(last - first, 0), *self._shape[1:]), dtype=self._dtype)
        for i in range(len(block)):
            block[i] = self._counts(first + i)
        return block

    def expected(self, index: int) -> Floats:
        """Mean photoelectrons of one frame, before any camera noise, shape (Y, X)."""
        return self._render(*self._lit(resolve_index(index, len(self)))[:3])

    def truth(self, start: int = 0, stop: int | None = None) -> pd.DataFrame:
        """Where the molecules are, one row per molecule and frame.

        Parameters
        ----------
        start, stop : int
            Range of frames; all by default.

        Returns
        -------
        DataFrame
            `frame`; `emitter` (-1 if it has no identity); `x`, `y` (pixels, drift included, pixel
            centres at integers); `z` (nm); `photons` (expected in this frame); `sx`, `sy`
            (pixels); `bg` (photons per pixel at the molecule).
        """
        height, width = self._background.shape
        rows: list[tuple[NDArray[Any], ...]] = []
        for frame in range(*slice(start, stop).indices(len(self))):
            lit, sigma_x, sigma_y, _ = self._lit(frame)
            row = np.clip(np.rint(lit.y), 0, height - 1).astype(np.int64)
            column = np.clip(np.rint(lit.x), 0, width - 1).astype(np.int64)
            index = np.full(lit.x.size, frame, dtype=np.int64)
            rows.append((index, *lit, sigma_x, sigma_y, self._background[row, column]))
        if not rows:
            return pd.DataFrame({name: np.empty(0) for name in TRUTH_COLUMNS})
        columns = [np.concatenate(parts) for parts in zip(*rows, strict=True)]
        return pd.DataFrame(dict(zip(TRUTH_COLUMNS, columns, strict=True)))

    def _lit(self, frame: int) -> tuple[Lit, Floats, Floats, np.random.Generator]:
        rng = np.random.default_rng([self._seed, frame])
        lit = self._emission.in_frame(frame, rng)
        if self._drift is not None:
            dx, dy = self._drift[frame]
            lit = lit._replace(x=lit.x + dx, y=lit.y + dy)
        sigma_x, sigma_y = self._psf.widths(lit.z, rng)
        return lit, sigma_x, sigma_y, rng

    def _render(self, lit: Lit, sigma_x: Floats, sigma_y: Floats) -> Floats:
        image = self._background.copy()
        add_spots(image, lit.x, lit.y, lit.photons, sigma_x, sigma_y)
        return image

    def _counts(self, frame: int) -> NDArray[Any]:
        lit, sigma_x, sigma_y, rng = self._lit(frame)
        image = self._render(lit, sigma_x, sigma_y)
        return expose(image, rng, self._camera, dtype=self._dtype)
