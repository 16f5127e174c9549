"""Modules that find spots and blobs."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from limelight.core import image as core
from limelight.segment.module import About, version
from limelight.segment.pipes import IntensityImage, LabelImage, MaskImage
from limelight.segment.running import note

__all__ = ["detect_blobs", "identify_spots_2D", "identify_spots_3D"]

Quantiles = Annotated[tuple[float, ...], About(kind="Sequence", advanced=True)]
Limits = Annotated[tuple[float, ...], About(kind="Sequence", unit="counts", advanced=True)]


class Blobs(NamedTuple):
    """What finding blobs gives.

    Attributes
    ----------
    centroids : LabelImage
        One pixel in the middle of each blob, with its number.
    blobs : LabelImage
        All pixels of each blob.
    """

    centroids: LabelImage
    blobs: LabelImage


@version("0.6.0")
def detect_blobs(
    image: IntensityImage,
    mask: MaskImage,
    *,
    threshold: Annotated[float, About(kind="Scalar", low=1e-9)] = 1,
    min_area: Annotated[float, About(kind="Scalar", unit="px", low=0)] = 5,
    mean_area: Annotated[float, About(kind="Scalar", unit="px", low=1)] = 5,
    max_area: Annotated[float, About(kind="Scalar", unit="px", low=1)] = 100,
) -> Blobs:
    """Find small blobs that stand out from the noise.

    Parameters
    ----------
    image : IntensityImage
        Grey values.
    mask : MaskImage
        Where blobs are looked for.
    threshold : float
        Standard deviations of the background's noise that a blob stands out by.
    min_area, mean_area, max_area : float
        Smallest, usual and largest area.
    """
    centroids, blobs = core.detect_blobs(image, mask, threshold, min_area, mean_area, max_area)
    note(f"{len(core.object_ids(blobs))} blobs")
    return Blobs(centroids, blobs)


class Spots(NamedTuple):
    """What finding spots gives.

    Attributes
    ----------
    spots : LabelImage
        The spots, touching ones together.
    spots_deblend : LabelImage
        The spots, touching ones parted.
    """

    spots: LabelImage
    spots_deblend: LabelImage


@version("0.0.2")
def identify_spots_2D(
    image: IntensityImage,
    *,
    spot_size: Annotated[int, About(unit="px", low=2, high=201)] = 5,
    rescale_quantiles: Quantiles = (0.01, 0.99),
    rescale_thresholds: Limits = (0, 120, 500, 0),
    detection_threshold: Annotated[float, About(low=1e-12)] = 0.02,
    deblending_steps: Annotated[int, About(low=0, high=1000)] = 30,
) -> Spots:
    """Find bright spots in a plane, and part those that touch.

    Parameters
    ----------
    image : IntensityImage
        Grey values.
    spot_size : int
        Diameter of a spot.
    rescale_quantiles : sequence of two
        The shares of pixels whose grey values become 0 and 1.
    rescale_thresholds : sequence of four
        Least and largest value that becomes 0, least and largest that becomes 1; 0 for no limit.
    detection_threshold : float
        Higher finds fewer spots.
    deblending_steps : int
        How many higher thresholds are tried to part spots.
    """
    spots, parted = core.identify_spots_2d(
        image,
        spot_size,
        rescale_quantiles,
        rescale_thresholds,
        detection_threshold,
        deblending_steps,
    )
    note(f"{len(core.object_ids(parted))} spots")
    return Spots(spots, parted)


class Occupancy(NamedTuple):
    """What finding spots in a stack gives.

    Attributes
    ----------
    occupancy_image : IntensityImage
        How many planes of spots lie at each pixel.
    """

    occupancy_image: IntensityImage


@version("0.0.1")
def identify_spots_3D(
    image: IntensityImage,
    *,
    log_filter_type: Literal["2D", "3D"] = "3D",
    spot_size: Annotated[int, About(unit="px", low=2, high=201)] = 4,
    n_planes: Annotated[int, About(low=1, high=201)] = 3,
    rescale_quantiles: Quantiles = (0.01, 0.99),
    rescale_thresholds: Limits = (0, 120, 500, 0),
    detection_threshold: Annotated[float, About(low=1e-12)] = 0.08,
) -> Occupancy:
    """Find bright spots in a stack, and say how many lie above each other.

    Parameters
    ----------
    image : IntensityImage
        The stack.
    log_filter_type : str
        Whether planes are looked at together or each by itself.
    spot_size : int
        Diameter of a spot.
    n_planes : int
        Height of a spot in planes.
    rescale_quantiles : sequence of two
        The shares of pixels whose grey values become 0 and 1.
    rescale_thresholds : sequence of four
        Least and largest value that becomes 0, least and largest that becomes 1; 0 for no limit.
    detection_threshold : float
        Higher finds fewer spots.
    """
    found = core.identify_spots_3d(
        image,
        log_filter_type,
        spot_size,
        n_planes,
        rescale_quantiles,
        rescale_thresholds,
        detection_threshold,
    )
    return Occupancy(found)
