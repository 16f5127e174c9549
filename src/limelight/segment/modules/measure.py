"""Modules that measure objects; each gives a table with one row per object.

``extract_objects`` are measured, the values belong to ``assign_objects``.  Both are the same, or
correspond by their numbers (nuclei and the cells grown from them); with ``aggregate`` the first
are the children of the second (spots in cells), and mean, standard deviation, sum and count over
the children are kept.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd

from limelight.core import features as core
from limelight.core import image
from limelight.core.errors import ParameterError
from limelight.segment.module import About, version
from limelight.segment.pipes import IntensityImage, Measurement, SegmentedObjects

__all__ = [
    "measure_intensity",
    "measure_morphology",
    "measure_neighbours",
    "measure_point_pattern",
    "measure_texture",
    "measure_volume_image",
]

Aggregate = Annotated[bool, About()]


class Measured(NamedTuple):
    """What measuring gives.

    Attributes
    ----------
    measurements : Measurement
        The features of each object.
    """

    measurements: Measurement


def _assigned(
    table: pd.DataFrame,
    extract: SegmentedObjects,
    assign: SegmentedObjects,
    aggregate: bool,
    channel_ref: str = "",
) -> Measured:
    """Bring the rows of what was measured to the objects that they belong to."""
    if extract.labels.shape != assign.labels.shape:
        raise ParameterError(
            f"extract_objects has the shape {extract.labels.shape}, assign_objects "
            f"{assign.labels.shape}; they must be of the same field."
        )
    if aggregate:
        parents = image.parents(extract.labels, assign.labels)
        table = core.aggregate(table, parents, assign.ids)
        # Named like the others: the class comes first.
        table = table.rename(columns={"Count": "Children_Count"})
    elif extract is not assign and not np.isin(table.index, assign.ids).all():
        raise ParameterError(
            "extract_objects and assign_objects do not correspond by their numbers. Choose the "
            "same objects for both, or switch on aggregate if the ones lie in the others."
        )
    return Measured(Measurement(table, channel_ref=channel_ref))


@version("0.1.1")
def measure_intensity(
    extract_objects: SegmentedObjects,
    assign_objects: SegmentedObjects,
    intensity_image: IntensityImage,
    *,
    aggregate: Aggregate = False,
) -> Measured:
    """Measure maximum, mean, minimum, sum and standard deviation of grey values.

    Parameters
    ----------
    extract_objects : SegmentedObjects
        What is measured.
    assign_objects : SegmentedObjects
        What the values belong to.
    intensity_image : IntensityImage
        Where it is measured.
    aggregate : bool
        Whether the ones lie in the others, and are summed up.
    """
    table = core.measure_intensity(extract_objects.labels, intensity_image)
    return _assigned(table, extract_objects, assign_objects, aggregate, "intensity_image")


@version("0.2.0")
def measure_morphology(
    extract_objects: SegmentedObjects,
    assign_objects: SegmentedObjects,
    *,
    aggregate: Aggregate = False,
    measure_zernike: bool = False,
) -> Measured:
    """Measure size and shape.

    Parameters
    ----------
    extract_objects : SegmentedObjects
        What is measured.
    assign_objects : SegmentedObjects
        What the values belong to.
    aggregate : bool
        Whether the ones lie in the others, and are summed up.
    measure_zernike : bool
        Whether Zernike moments up to degree 12 are measured too.
    """
    table = core.measure_morphology(extract_objects.labels, measure_zernike)
    return _assigned(table, extract_objects, assign_objects, aggregate)


@version("0.3.1")
def measure_texture(
    extract_objects: SegmentedObjects,
    assign_objects: SegmentedObjects,
    intensity_image: IntensityImage,
    *,
    aggregate: Aggregate = False,
    frequencies: Annotated[tuple[float, ...], About(kind="Set")] = (1, 5, 10),
    measure_TAS: bool = False,
    measure_LBP: bool = False,
    radii: Annotated[tuple[float, ...], About(kind="Set", unit="px")] = (1, 5, 10),
    measure_haralick: bool = False,
    scales: Annotated[tuple[int, ...], About(kind="Set", unit="px")] = (1, 2),
) -> Measured:
    """Measure texture: Gabor and Hu, and if asked for, TAS, LBP and Haralick.

    Parameters
    ----------
    extract_objects : SegmentedObjects
        What is measured.
    assign_objects : SegmentedObjects
        What the values belong to.
    intensity_image : IntensityImage
        Where it is measured.
    aggregate : bool
        Whether the ones lie in the others, and are summed up.
    frequencies : set of float
        Periods across an object, for Gabor.
    measure_TAS : bool
        Whether threshold adjacency statistics are measured.
    measure_LBP : bool
        Whether local binary patterns are counted.
    radii : set of float
        Radii for local binary patterns.
    measure_haralick : bool
        Whether Haralick's features are measured.
    scales : set of int
        Distances of two pixels, for Haralick.
    """
    table = core.measure_texture(
        extract_objects.labels,
        intensity_image,
        frequencies=frequencies,
        tas=measure_TAS,
        lbp=measure_LBP,
        radii=radii,
        haralick=measure_haralick,
        scales=scales,
    )
    return _assigned(table, extract_objects, assign_objects, aggregate, "intensity_image")


@version("0.0.1")
def measure_neighbours(
    extract_objects: SegmentedObjects,
    assign_objects: SegmentedObjects,
    *,
    neighbour_distance: Annotated[float, About(kind="Scalar", unit="px", low=1, high=1000)] = 3,
    touching_distance: Annotated[float, About(kind="Scalar", unit="px", low=1, high=1000)] = 3,
) -> Measured:
    """Count neighbours, list them, and measure how much of the outline they touch.

    Parameters
    ----------
    extract_objects : SegmentedObjects
        What is measured.
    assign_objects : SegmentedObjects
        What the values belong to.
    neighbour_distance : float
        Objects with pixels this near are neighbours.
    touching_distance : float
        A pixel of the outline this near to another object touches it.
    """
    table = core.measure_neighbours(extract_objects.labels, neighbour_distance, touching_distance)
    return _assigned(table, extract_objects, assign_objects, aggregate=False)


@version("0.1.1")
def measure_point_pattern(
    extract_objects: SegmentedObjects,
    ref_objects: SegmentedObjects,
    assign_objects: SegmentedObjects,
    *,
    aggregate: Aggregate = False,
) -> Measured:
    """Measure how objects lie within larger ones: distances to the border and to each other.

    Parameters
    ----------
    extract_objects : SegmentedObjects
        What is measured, taken as points.
    ref_objects : SegmentedObjects
        What they lie in.
    assign_objects : SegmentedObjects
        What the values belong to.
    aggregate : bool
        Whether the ones lie in the others, and are summed up.
    """
    table = core.measure_point_pattern(extract_objects.labels, ref_objects.labels)
    return _assigned(table, extract_objects, assign_objects, aggregate)


@version("0.0.4")
def measure_volume_image(
    extract_objects: SegmentedObjects,
    assign_objects: SegmentedObjects,
    intensity_image: IntensityImage,
    *,
    pixel_size: Annotated[float, About(kind="Scalar", unit="µm", low=1e-9)] = 0.1625,
    z_step: Annotated[float, About(kind="Scalar", unit="µm", low=1e-9)] = 0.25,
) -> Measured:
    """Measure height, volume and surface.

    Parameters
    ----------
    extract_objects : SegmentedObjects
        What is measured.
    assign_objects : SegmentedObjects
        What the values belong to.
    intensity_image : IntensityImage
        Height at each pixel in steps of z, as generate_volume_image gives it.
    pixel_size : float
        Size of a pixel.
    z_step : float
        Distance of two planes.
    """
    table = core.measure_volume_image(extract_objects.labels, intensity_image, pixel_size, z_step)
    return _assigned(table, extract_objects, assign_objects, False, "intensity_image")
