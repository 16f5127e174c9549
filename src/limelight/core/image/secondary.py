"""Objects around objects: cells around nuclei."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.image import _secondary_kernels as kernels
from limelight.core.image.growing import flood, propagate
from limelight.core.image.inputs import (
    as_image,
    as_labels,
    as_mask,
    check_choice,
    check_number,
    check_same_shape,
)
from limelight.core.image.labels import expand_or_shrink
from limelight.core.image.threshold import otsu_value
from limelight.core.pool import each, runs, thread_count

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["SECONDARY_METHODS", "secondary_objects", "segment_secondary", "segment_tertiary"]

SECONDARY_METHODS = ("watershed", "propagation", "distance")

_RADIUS = 5


def secondary_objects(
    primary: ArrayLike,
    image: ArrayLike,
    method: str = "watershed",
    *,
    threshold: float | None = None,
    mask: ArrayLike | None = None,
    max_distance: float | None = None,
    regularization: float = 0.05,
    threads: int | None = None,
) -> NDArray[np.int32]:
    """Grow each primary object over what is bright around it.

    Parameters
    ----------
    primary : 2D (Y, X) array of integers
        The primary objects; each becomes part of the secondary one of the same number.
    image : 2D array
        The counts that show the secondary objects.
    method : {"watershed", "propagation", "distance"}
        "watershed": of the inverted image.  "propagation": along easy paths (`propagate`).
        "distance": the nearest primary object, with the limits of mask and distance only.
    threshold : float, optional
        What is dimmer is background, counts; Otsu's by default.
    mask : 2D array of bool, optional
        Foreground, instead of the threshold.
    max_distance : float, optional
        How far an object may reach from its primary one, px.
    regularization : float
        For "propagation".
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    2D array of int32
        Labels with the numbers of the primary objects.
    """
    where = "secondary_objects"
    check_choice(method, SECONDARY_METHODS, where, "method")
    seeds = as_labels(primary, where, "primary", dimensions=(2,))
    array = as_image(image, where, dimensions=(2,))
    check_same_shape(where, primary=seeds, image=array)
    if mask is not None:
        inside = as_mask(mask, where, dimensions=(2,))
        check_same_shape(where, primary=seeds, mask=inside)
    else:
        level = otsu_value(array) if threshold is None else threshold
        check_number(level, where, "threshold")
        inside = array > level
    if max_distance is not None:
        check_number(max_distance, where, "max_distance", low=0)
        inside = inside & (expand_or_shrink(seeds, max_distance) > 0)
    inside = inside | (seeds > 0)
    if method == "distance":
        reach = float(sum(array.shape)) if max_distance is None else max_distance
        return np.where(inside, expand_or_shrink(seeds, reach), np.int32(0))
    if method == "propagation":
        return propagate(array, seeds, inside, regularization=regularization)
    return flood(array, seeds, inside, inverted=True, threads=threads)


def segment_secondary(
    primary_label_image: ArrayLike,
    intensity_image: ArrayLike,
    contrast_threshold: float = 5,
    min_threshold: float | None = 125,
    max_threshold: float | None = 140,
    *,
    threads: int | None = None,
) -> NDArray[np.int32]:
    """Grow primary objects over the image until they meet each other or the background.

    Background is what is of little contrast: the brightest and the dimmest pixel within 5 px
    differ by less than ``contrast_threshold`` (after Bernsen, Proc. ICPR 1986, 1251).  Primary
    objects and background then flood the inverted image; holes that no other object is in are
    filled.

    Parameters
    ----------
    primary_label_image : 2D (Y, X) array of integers
        The primary objects.
    intensity_image : 2D array
        The counts that show the secondary objects.
    contrast_threshold : float
        Least contrast of foreground, counts.
    min_threshold, max_threshold : float, optional
        Pixels below the first are always background, those above the second never, counts.
    threads : int, optional
        Threads; the result does not depend on it.

    Returns
    -------
    2D array of int32
        Labels with the numbers of the primary objects.
    """
    where = "segment_secondary"
    seeds = as_labels(primary_label_image, where, "primary_label_image", dimensions=(2,))
    array = as_image(intensity_image, where, "intensity_image", dimensions=(2,))
    check_same_shape(where, primary_label_image=seeds, intensity_image=array)
    check_number(contrast_threshold, where, "contrast_threshold", low=0)
    for name, value in (("min_threshold", min_threshold), ("max_threshold", max_threshold)):
        if value is not None:
            check_number(value, where, name)
    if min_threshold is not None and max_threshold is not None and min_threshold > max_threshold:
        raise ParameterError(
            f"{where}: min_threshold ({min_threshold:g}) is above max_threshold "
            f"({max_threshold:g})."
        )
    if not seeds.any():
        return seeds.copy()
    background = np.empty(array.shape, np.bool_)
    bands = runs(len(array), 4 * thread_count(threads), 16)
    least = float(contrast_threshold)
    each(lambda b: kernels.flat(array, _RADIUS, least, *b, background), bands, threads)
    if min_threshold is not None:
        background |= array < min_threshold
    if max_threshold is not None:
        background &= array <= max_threshold
    outside = int(seeds.max()) + 1
    if outside == 2**31 - 1:
        raise ParameterError(f"{where}: number the primary objects anew first, with relabel.")
    markers = np.where(seeds > 0, seeds, np.where(background, np.int32(outside), np.int32(0)))
    found = flood(array, markers, inverted=True, threads=threads)
    found[found == outside] = 0
    return fill_objects(found)


def fill_objects(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Fill holes of background that lie within a single object each."""
    from limelight.core.image.labels import label

    holes = label(labels == 0, 4)
    owner = kernels.owners(holes, labels, int(holes.max(initial=0)))
    return np.where(labels > 0, labels, owner[holes])


def segment_tertiary(secondary: ArrayLike, primary: ArrayLike) -> NDArray[np.int32]:
    """Return what is left of objects without others: cytoplasm is cell without nucleus."""
    outer = as_labels(secondary, "segment_tertiary", "secondary")
    inner = as_labels(primary, "segment_tertiary", "primary")
    check_same_shape("segment_tertiary", secondary=outer, primary=inner)
    return np.where(inner > 0, np.int32(0), outer)
