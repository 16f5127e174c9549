"""A module for pipelines: take the light out of an image that leaks into it from another."""

from typing import Annotated, NamedTuple

import numpy as np

from limelight.segment import About, IntensityImage


class Unmixed(NamedTuple):
    unmixed_image: IntensityImage


def unmix(
    image: IntensityImage,
    leaking: IntensityImage,
    *,
    share: Annotated[float, About(low=0, high=1)] = 0.1,
) -> Unmixed:
    """Take a share of one channel out of another.

    Parameters
    ----------
    image, leaking : IntensityImage
        The channel, and the one that leaks into it.
    share : float
        How much of it leaks.
    """
    clean = image - share * leaking.astype(float)
    return Unmixed(np.clip(clean, 0, None).astype(image.dtype))
