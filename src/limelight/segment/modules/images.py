"""Modules on grey values: smooth, combine, mask, invert, rescale, project."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from limelight.core import image as core
from limelight.segment.module import About, version
from limelight.segment.pipes import Image, IntensityImage, MaskImage

__all__ = [
    "apply_mask",
    "combine_channels",
    "invert",
    "project",
    "rescale",
    "smooth",
]


class Smoothed(NamedTuple):
    """What smoothing gives.

    Attributes
    ----------
    smoothed_image : IntensityImage
        The smoothed image, of the type of the image.
    """

    smoothed_image: IntensityImage


@version("0.1.0")
def smooth(
    image: IntensityImage,
    *,
    filter_name: Annotated[
        Literal["average", "gaussian", "median", "bilateral"], About(kind="Scalar")
    ] = "gaussian",
    filter_size: Annotated[float, About(kind="Scalar", unit="px", low=0.0, high=1000)] = 5.0,
) -> Smoothed:
    """Smooth an image.

    Parameters
    ----------
    image : IntensityImage
        What to smooth; planes of a stack are smoothed one by one.
    filter_name : str
        The filter: mean, Gaussian, median or bilateral, which keeps edges.
    filter_size : float
        Side of the window (average, median) or standard deviation (gaussian, bilateral).
    """
    return Smoothed(core.smooth(image, filter_name, filter_size))


class Combined(NamedTuple):
    """What combining channels gives.

    Attributes
    ----------
    combined_image : IntensityImage
        Weighted mean of the two.
    """

    combined_image: IntensityImage


@version("0.0.2")
def combine_channels(
    image_1: IntensityImage,
    image_2: IntensityImage,
    *,
    weight_1: Annotated[float, About(low=0.0)] = 1.0,
    weight_2: Annotated[float, About(low=0.0)] = 1.0,
) -> Combined:
    """Combine two channels into one by their weighted mean.

    Parameters
    ----------
    image_1, image_2 : IntensityImage
        The channels.
    weight_1, weight_2 : float
        Their weights.
    """
    return Combined(core.combine_channels(image_1, image_2, weight_1, weight_2))


class Masked(NamedTuple):
    """What masking gives.

    Attributes
    ----------
    masked_image : Image
        The image, 0 outside of the mask.
    """

    masked_image: Image


@version("0.2.0")
def apply_mask(
    image: Image,
    mask: MaskImage,
    *,
    plot_type: Annotated[Literal["objects", "intensity"], About(kind="Scalar")] = "objects",
) -> Masked:
    """Set an image to 0 outside of a mask.

    Parameters
    ----------
    image : Image
        Grey values, mask or labels.
    mask : MaskImage
        What is kept.
    plot_type : str
        What its figure shows: outlines of objects, or grey values.
    """
    del plot_type  # the figure's, not the result's
    return Masked(core.apply_mask(image, mask))


class Inverted(NamedTuple):
    """What inverting gives.

    Attributes
    ----------
    inverted_image : Image
        The image, bright where it was dark.
    """

    inverted_image: Image


@version("0.0.1")
def invert(image: Image) -> Inverted:
    """Make bright pixels dark and dark ones bright; background of a mask becomes foreground.

    Parameters
    ----------
    image : Image
        Grey values or mask.
    """
    return Inverted(core.invert(image))


class Rescaled(NamedTuple):
    """What rescaling gives.

    Attributes
    ----------
    rescaled_image : IntensityImage
        Grey values over the whole range of their type.
    """

    rescaled_image: IntensityImage


@version("0.1.0")
def rescale(
    intensity_image: IntensityImage,
    *,
    min_value: Annotated[float, About(unit="counts")],
    max_value: Annotated[float, About(unit="counts")],
) -> Rescaled:
    """Stretch the grey values between two values over the whole range.

    Parameters
    ----------
    intensity_image : IntensityImage
        Grey values.
    min_value, max_value : float
        What becomes the smallest and the largest value.
    """
    return Rescaled(core.rescale(intensity_image, min_value, max_value))


class Projected(NamedTuple):
    """What projecting gives.

    Attributes
    ----------
    projected_image : IntensityImage
        One plane.
    """

    projected_image: IntensityImage


@version("0.1.0")
def project(image: IntensityImage, *, method: Literal["max", "sum"] = "max") -> Projected:
    """Bring a stack of planes into one plane.

    Parameters
    ----------
    image : IntensityImage
        The stack.
    method : str
        Brightest value or sum along z.
    """
    return Projected(core.project(image, method))
