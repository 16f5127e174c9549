"""Colours: from intensities and values to red, green and blue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from limelight.core.errors import ParameterError, suggest
from limelight.core.pool import each, runs, thread_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from limelight.core.render.picture import Picture

__all__ = ["COLOURS", "Layer", "compose", "contrast_of", "limits_of", "lookup_table"]

# Each colour map by its stops, evenly spaced: red, green, blue.
COLOURS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "gray": ((0, 0, 0), (255, 255, 255)),
    "red": ((0, 0, 0), (255, 0, 0)),
    "green": ((0, 0, 0), (0, 255, 0)),
    "blue": ((0, 0, 0), (0, 0, 255)),
    "cyan": ((0, 0, 0), (0, 255, 255)),
    "magenta": ((0, 0, 0), (255, 0, 255)),
    "yellow": ((0, 0, 0), (255, 255, 0)),
    "hot": ((0, 0, 0), (96, 0, 0), (192, 32, 0), (255, 110, 0), (255, 200, 60), (255, 255, 255)),
    "ice": ((0, 0, 0), (0, 24, 96), (0, 90, 180), (60, 180, 230), (255, 255, 255)),
    "depth": ((60, 80, 255), (0, 200, 255), (70, 230, 90), (255, 210, 40), (255, 70, 50)),
    "hue": (
        *((255, 60, 60), (255, 255, 60), (60, 255, 60), (60, 255, 255), (60, 60, 255)),
        *((255, 60, 255), (255, 60, 60)),
    ),
}
"""The colour maps; "depth" and "hue" are of even brightness, for the values of a column."""

_STEPS = 1024


def lookup_table(colours: str | NDArray[Any]) -> NDArray[np.uint8]:
    """Return a colour map as 256 colours.

    Parameters
    ----------
    colours : str or array (N, 3 or 4)
        A name of `COLOURS`, or colours as numbers of 0 to 255, or of 0 to 1 if they are floats.

    Returns
    -------
    2D array of uint8 (256, 3)
        Red, green, blue.

    Raises
    ------
    ParameterError
        If there is no such colour map.
    """
    if isinstance(colours, str):
        if colours not in COLOURS:
            raise ParameterError(f"There is no colour map {colours!r}. {suggest(colours, COLOURS)}")
        stops = np.array(COLOURS[colours], np.float64)
    else:
        stops = np.asarray(colours)
        if stops.ndim != 2 or stops.shape[1] not in (3, 4) or not len(stops):
            raise ParameterError(
                f"A colour map has 3 or 4 numbers per colour, not the shape {stops.shape}."
            )
        stops = stops[:, :3] * (255.0 if stops.dtype.kind == "f" else 1.0)
    at = np.linspace(0, len(stops) - 1, 256)
    table = [np.interp(at, np.arange(len(stops)), stops[:, k]) for k in range(3)]
    return np.clip(np.round(np.stack(table, axis=1)), 0, 255).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class Layer:
    """A picture and its colours.

    Parameters
    ----------
    picture : Picture
        What is shown; with values, they choose the colour and the intensity its brightness.
    colours : str or array (N, 3)
        Colour map, as for `lookup_table`.
    contrast : tuple of float (low, high), optional
        Intensities that are shown darkest and brightest; by default `contrast_of`.
    limits : tuple of float (low, high), optional
        Values of the first and last colour; by default `limits_of`.
    gamma : float
        Brightness is (intensity / high)^gamma; below 1 faint structures show.
    """

    picture: Picture
    colours: str | NDArray[Any] = "hot"
    contrast: tuple[float, float] | None = None
    limits: tuple[float, float] | None = None
    gamma: float = 1.0


def _some(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return about a million pixels from all over the image."""
    step = max(int(np.sqrt(image.size / 2**20)), 1)
    return image[::step, ::step]


def contrast_of(image: NDArray[np.float32], fraction: float = 0.997) -> tuple[float, float]:
    """Return 0 and the intensity that so many of the lit pixels do not exceed."""
    some = _some(image)
    lit = some[some > 0]
    high = float(np.quantile(lit, fraction)) if lit.size else 0.0
    return 0.0, high if high > 0 else 1.0


def limits_of(value: NDArray[np.float32], tails: float = 0.01) -> tuple[float, float]:
    """Return the values between which all are but so many at each end."""
    some = _some(value)
    known = some[np.isfinite(some)]
    if not known.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.quantile(known, (tails, 1 - tails)))
    return low, high if high > low else low + 1.0


@njit(nogil=True, cache=True)
def _shade(image, value, table, brightness, low, scale, value_low, value_scale, rgb, r0, r1):  # type: ignore[no-untyped-def]
    """Add the colours of some rows; no sum exceeds 255."""
    coloured = value.size > 0
    last = len(brightness) - 1
    for i in range(r0, r1):
        for j in range(image.shape[1]):
            t = (image[i, j] - low) * scale
            if not t > 0:
                continue  # also where it is not a number
            light = brightness[int(min(t, 1.0) * last)]
            if coloured:
                v = (value[i, j] - value_low) * value_scale
                if not v == v:
                    continue
                k = int(min(max(v, 0.0), 1.0) * 255.0 + 0.5)
            else:
                k = int(light * 255.0 + 0.5)
                light = np.float32(1)
            for c in range(3):
                rgb[i, j, c] = min(int(rgb[i, j, c]) + int(table[k, c] * light + 0.5), 255)


def compose(layers: Sequence[Layer], threads: int | None = None) -> NDArray[np.uint8]:
    """Lay pictures over one another, as light adds up.

    Parameters
    ----------
    layers : sequence of Layer
        Pictures of the same size and place.
    threads : int, optional
        Threads.

    Returns
    -------
    3D array of uint8 (Y, X, 3)
        Red, green, blue.

    Raises
    ------
    ParameterError
        If there are none, they differ in size or place, or a parameter is of no use.
    """
    if not layers:
        raise ParameterError("There is no picture to compose.")
    first = layers[0].picture
    for layer in layers:
        picture = layer.picture
        same = np.allclose(picture.scale_um, first.scale_um) and np.allclose(
            picture.translate_um, first.translate_um, atol=1e-3 * first.scale_um[0]
        )
        if picture.image.shape != first.image.shape or not same:
            raise ParameterError(
                f"Pictures of {picture.image.shape} and {first.image.shape} pixels cannot be laid "
                "over one another unless they show the same; draw them with the same viewport "
                "and size of pixel."
            )
        if not 0 < layer.gamma < np.inf:
            raise ParameterError(f"gamma must be greater than 0, not {layer.gamma}.")
    rgb = np.zeros((*first.image.shape, 3), np.uint8)
    count = thread_count(threads)
    for layer in layers:
        image, value = layer.picture.image, layer.picture.value
        low, high = layer.contrast or contrast_of(image)
        value_low, value_high = 0.0, 1.0
        if value is None:
            value = np.empty((0, 0), np.float32)
        else:
            value_low, value_high = layer.limits or limits_of(value)
        brightness = (np.linspace(0, 1, _STEPS) ** layer.gamma).astype(np.float32)
        arguments = (
            *(image, value, lookup_table(layer.colours), brightness),
            *(low, 1 / (high - low) if high > low else np.inf),
            *(value_low, 1 / (value_high - value_low) if value_high > value_low else np.inf),
        )
        pieces = runs(len(image), 4 * count, 64)
        each(lambda run, a=arguments: _shade(*a, rgb, *run), pieces, count)  # type: ignore[misc]
    return rgb
