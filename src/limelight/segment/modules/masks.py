"""Modules that make and change masks: thresholds, logic, holes, filters."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from limelight.core import image as core
from limelight.segment.module import About, version
from limelight.segment.pipes import BinaryImage, Image, IntensityImage, MaskImage
from limelight.segment.running import note

__all__ = [
    "clip",
    "combine_masks",
    "fill",
    "filter",
    "threshold_adaptive",
    "threshold_manual",
    "threshold_otsu",
]

Counts = Annotated[float, About(kind="Scalar", unit="counts")]
MaybeCounts = Annotated[float | None, About(kind="Scalar", unit="counts", advanced=True)]


class Thresholded(NamedTuple):
    """What a threshold gives.

    Attributes
    ----------
    mask : BinaryImage
        True where the image is above the threshold.
    """

    mask: BinaryImage


def _said(mask: BinaryImage) -> Thresholded:
    note(f"{100 * float(mask.mean()) if mask.size else 0:.1f} % of the pixels are foreground")
    return Thresholded(mask)


@version("0.0.1")
def threshold_manual(image: Image, *, threshold: Counts) -> Thresholded:
    """Take for foreground what is brighter than a value.

    Parameters
    ----------
    image : Image
        Grey values.
    threshold : float
        The value.
    """
    return _said(core.threshold_manual(image, threshold))


@version("0.0.2")
def threshold_otsu(
    image: IntensityImage,
    *,
    correction_factor: Annotated[float, About(kind="Scalar", low=1e-6)] = 1,
    min_threshold: MaybeCounts = None,
    max_threshold: MaybeCounts = None,
) -> Thresholded:
    """Take for foreground what is above the threshold that parts the grey values best (Otsu).

    Parameters
    ----------
    image : IntensityImage
        Grey values.
    correction_factor : float
        What the threshold is multiplied with: above 1, less becomes foreground.
    min_threshold, max_threshold : float
        The threshold is kept within these.
    """
    return _said(core.threshold_otsu(image, correction_factor, min_threshold, max_threshold))


@version("0.2.0")
def threshold_adaptive(
    image: IntensityImage,
    *,
    method: Literal["crosscorr", "niblack"] = "niblack",
    kernel_size: Annotated[int, About(kind="Scalar", unit="px", low=3, high=2001)] = 111,
    constant: Annotated[float, About(kind="Scalar")] = 0,
    min_threshold: MaybeCounts = None,
    max_threshold: MaybeCounts = None,
) -> Thresholded:
    """Take for foreground what is brighter than its surroundings.

    Parameters
    ----------
    image : IntensityImage
        Grey values.
    method : str
        Mean less a multiple of the standard deviation (niblack), or Gaussian mean less a constant
        (crosscorr).
    kernel_size : int
        Side of the surroundings, an odd number.
    constant : float
        The multiple, or the constant: the larger, the more becomes foreground.
    min_threshold, max_threshold : float
        What is darker is always background; what is brighter, always foreground.
    """
    return _said(
        core.threshold_adaptive(image, method, kernel_size, constant, min_threshold, max_threshold)
    )


class Filled(NamedTuple):
    """What filling gives.

    Attributes
    ----------
    filled_mask : BinaryImage
        The mask without holes.
    """

    filled_mask: BinaryImage


@version("0.0.1")
def fill(mask: BinaryImage) -> Filled:
    """Fill the holes of a mask.

    Parameters
    ----------
    mask : BinaryImage
        The mask.
    """
    return Filled(core.fill(mask))


class CombinedMasks(NamedTuple):
    """What combining masks gives.

    Attributes
    ----------
    combined_mask : BinaryImage
        The mask of both.
    """

    combined_mask: BinaryImage


@version("0.0.2")
def combine_masks(
    mask_1: MaskImage,
    mask_2: MaskImage,
    *,
    logical_operation: Annotated[
        Literal["AND", "OR", "EXCLUSIVE_OR"], About(kind="Scalar")
    ] = "AND",
) -> CombinedMasks:
    """Combine two masks pixel by pixel.

    Parameters
    ----------
    mask_1, mask_2 : MaskImage
        The masks.
    logical_operation : str
        In both, in at least one, or in one alone.
    """
    return CombinedMasks(core.combine_masks(mask_1, mask_2, logical_operation))


class Clipped(NamedTuple):
    """What clipping gives.

    Attributes
    ----------
    clipped_image : MaskImage
        The mask, or the labels, without what was covered.
    """

    clipped_image: MaskImage


@version("0.1.0")
def clip(image: MaskImage, clipping_mask: MaskImage) -> Clipped:
    """Take away from a mask what another one covers.

    Parameters
    ----------
    image : MaskImage
        Mask or labels.
    clipping_mask : MaskImage
        What is taken away.
    """
    return Clipped(core.clip(image, clipping_mask))


class Filtered(NamedTuple):
    """What filtering gives.

    Attributes
    ----------
    filtered_mask : MaskImage
        The mask, or the labels, of the objects that were kept.
    """

    filtered_mask: MaskImage


@version("0.2.0")
def filter(
    mask: MaskImage,
    *,
    feature: Literal["area", "eccentricity", "circularity", "convexity"] = "area",
    lower_threshold: float | None = None,
    upper_threshold: float | None = None,
) -> Filtered:
    """Keep objects whose area or shape is within a range.

    Parameters
    ----------
    mask : MaskImage
        Mask, whose connected pieces are the objects, or labels.
    feature : str
        What is asked for.
    lower_threshold, upper_threshold : float
        The range; its ends belong to it.
    """
    return Filtered(core.filter_objects(mask, feature, lower_threshold, upper_threshold))
