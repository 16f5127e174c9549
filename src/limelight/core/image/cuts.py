"""Cut clumps that their size and outline give away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.image import _cut_kernels as kernels
from limelight.core.image import _label_kernels as label_kernels
from limelight.core.image.distance import inner_distance
from limelight.core.image.filters import gaussian, median
from limelight.core.image.growing import watershed
from limelight.core.image.inputs import as_image, as_labels, as_mask, check_number, check_same_shape
from limelight.core.image.labels import label
from limelight.core.image.peaks import local_maxima

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["select_clumps", "separate_clumps", "separate_primary_iterative"]

_PASSES = 16


def _objects(mask: ArrayLike, where: str, what: str) -> NDArray[np.int32]:
    array = np.asarray(mask)
    if array.dtype == np.bool_:
        return label(as_mask(array, where, what, dimensions=(2,)))
    return as_labels(array, where, what, dimensions=(2,))


def _check_range(where: str, low: float, high: float) -> None:
    check_number(low, where, "min_area", low=0)
    check_number(high, where, "max_area", low=0)
    if low > high:
        raise ParameterError(f"{where}: min_area ({low:g}) is above max_area ({high:g}).")


def select_clumps(
    mask: ArrayLike,
    max_convexity: float = 0.92,
    max_circularity: float = 0.7,
    min_area: float = 5000,
    max_area: float = 50000,
) -> NDArray[np.int32]:
    """Return the objects that are clumps by size and shape.

    Parameters
    ----------
    mask : 2D (Y, X) array of bool or integers
        Mask or labels.
    max_convexity, max_circularity : float
        A clump has no more of both (`measure_morphology`), 0 up.
    min_area, max_area : float
        A clump has an area from the first to the second, px.

    Returns
    -------
    2D array of int32
        Labels of the clumps only; numbers stay.
    """
    from limelight.core.features.morphology import measure_morphology

    where = "select_clumps"
    _check_range(where, min_area, max_area)
    check_number(max_convexity, where, "max_convexity", low=0)
    check_number(max_circularity, where, "max_circularity", low=0)
    labels = _objects(mask, where, "mask")
    table = measure_morphology(labels)
    area = table["Morphology_area"].to_numpy()
    chosen = (area >= min_area) & (area <= max_area)
    chosen &= table["Morphology_convexity"].to_numpy() <= max_convexity
    chosen &= table["Morphology_circularity"].to_numpy() <= max_circularity
    numbers = table.index.to_numpy().astype(np.int64)
    return label_kernels.renumber(labels, numbers, np.where(chosen, numbers, 0))


def separate_clumps(
    mask: ArrayLike,
    intensity_image: ArrayLike | None = None,
    min_cut_area: float = 2000,
    max_convexity: float = 0.92,
    max_circularity: float = 0.7,
    min_area: float = 5000,
    max_area: float = 50000,
    *,
    trimming: bool = True,
) -> NDArray[np.int32]:
    """Cut clumps in two where they are narrow, again and again.

    Clumps are told by `select_clumps`.  A clump is cut along the watershed of the distance to its
    edge, between the two deepest places that leave both parts large enough.

    Parameters
    ----------
    mask : 2D (Y, X) array of bool or integers
        Mask or labels.
    intensity_image : 2D array, optional
        The counts; cuts prefer dim places where it is given.
    min_cut_area : float
        Least area of a part, px.
    max_convexity, max_circularity, min_area, max_area
        As in `select_clumps`.
    trimming : bool
        Whether a part that is too small may be cut off and removed, where no other cut is
        possible.

    Returns
    -------
    2D array of int32
        Labels, 1 to N.
    """
    where = "separate_clumps"
    check_number(min_cut_area, where, "min_cut_area", low=0)
    labels = _objects(mask, where, "mask").copy()
    weight = None
    if intensity_image is not None:
        array = as_image(intensity_image, where, "intensity_image", dimensions=(2,))
        check_same_shape(where, mask=labels, intensity_image=array)
        weight = gaussian(array, 2)
    todo: set[int] | None = None
    following = int(labels.max(initial=0)) + 1
    for _ in range(_PASSES):
        clumps = select_clumps(labels, max_convexity, max_circularity, min_area, max_area)
        numbers = label_kernels.ids(clumps)
        bounds = label_kernels.boxes(clumps[None], numbers)[2]
        new: set[int] = set()
        for number, (_, _, y0, y1, x0, x1) in zip(numbers.tolist(), bounds, strict=True):
            if todo is not None and number not in todo:
                continue
            window = np.s_[y0:y1, x0:x1]
            inside = labels[window] == number
            light = None if weight is None else weight[window]
            parts = _cut_in_two(inside, light, min_cut_area, trimming)
            if parts is None:
                continue
            labels[window][inside] = 0
            labels[window][parts == 1] = number
            labels[window][parts == 2] = following
            new |= {number, following}
            following += 1
        todo = new
        if not new:
            break
    return label_kernels.index_of(labels, label_kernels.ids(labels))


def _cut_in_two(
    inside: NDArray[np.bool_], light: NDArray[Any] | None, least: float, trimming: bool
) -> NDArray[np.int32] | None:
    """Return the parts 1 and 2 of a clump, or nothing if no cut is good."""
    depth = np.sqrt(inner_distance(inside.astype(np.int32), threads=1).astype(np.float32))
    smooth = gaussian(depth, 1.5, threads=1)
    if light is not None:
        smooth = smooth * (0.5 + 0.5 * light / max(float(light[inside].max()), 1e-30))
    seeds = local_maxima(smooth.astype(np.float32), 4, inside.astype(np.int32))
    places = np.flatnonzero(seeds)
    if len(places) < 2:
        return None
    basins = watershed(-smooth, seeds, inside, connectivity=8)
    pairs, height = kernels.passes(basins, smooth.astype(np.float64), len(places))
    peaks = smooth.ravel()[places].astype(np.float64)
    areas = np.bincount(basins.ravel(), minlength=len(places) + 1)[1:]
    side = kernels.split(pairs, height, peaks, areas, float(least))
    trimmed = False
    if side is None or not side.any():
        if not trimming:
            return None
        # the part may be small, but what is left must not
        side = kernels.split(pairs, height, peaks, areas, 0.0)
        trimmed = True
        if not side.any():
            return None
    parts = np.where(basins > 0, np.where(side[basins - 1], 2, 1), 0).astype(np.int32)
    if trimmed:
        sizes = np.bincount(parts.ravel(), minlength=3)[1:]
        if max(sizes) < least or min(sizes) >= least:
            return None
        small = 1 + int(np.argmin(sizes))
        parts = np.where(parts == small, 0, np.where(parts > 0, 1, 0)).astype(np.int32)
    return parts


def separate_primary_iterative(
    primary_objects: ArrayLike,
    intensity_image: ArrayLike,
    cutting_passes: int = 3,
    max_solidity: float = 0.92,
    min_form_factor: float = 0.4,
    min_area: float = 5000,
    max_area: float = 500000,
    min_area_cut: float = 2000,
    sliding_window: int = 9,
    filter_size: int = 15,
    max_concave_radius: float = 20,
    min_concave_circular_segment: float = 6,
) -> NDArray[np.int32]:
    """Cut clumps between the concave places of their outline.

    Parameters
    ----------
    primary_objects : 2D (Y, X) array of bool or integers
        Mask or labels.
    intensity_image : 2D array
        The counts; of two cuts of one length the dimmer is better.
    cutting_passes : int
        How often each piece is looked at again, 1 to 100.
    max_solidity : float
        A clump's area is at most this share of its convex hull's.
    min_form_factor : float
        A clump's 4 pi area / perimeter^2 is at least this: others are no cells.
    min_area, max_area : float
        A clump has an area from the first to the second, px.
    min_area_cut : float
        Least area of a part, px.
    sliding_window : int
        Pixels of the outline over which its bend is taken, 3 to 999.
    filter_size : int
        Side of the median filter of the image, px, 1 to 255.
    max_concave_radius : float
        Largest radius of a bend that counts, px.
    min_concave_circular_segment : float
        Least angle of a bend that counts, degrees.

    Returns
    -------
    2D array of int32
        Labels, 1 to N.
    """
    from limelight.core.features.morphology import measure_morphology

    where = "separate_primary_iterative"
    check_number(cutting_passes, where, "cutting_passes", low=1, high=100, whole=True)
    check_number(max_solidity, where, "max_solidity", low=0)
    check_number(min_form_factor, where, "min_form_factor", low=0)
    _check_range(where, min_area, max_area)
    check_number(min_area_cut, where, "min_area_cut", low=0)
    check_number(sliding_window, where, "sliding_window", low=3, high=999, whole=True)
    check_number(max_concave_radius, where, "max_concave_radius", low=0)
    check_number(min_concave_circular_segment, where, "min_concave_circular_segment", low=0)
    labels = _objects(primary_objects, where, "primary_objects").copy()
    array = as_image(intensity_image, where, "intensity_image", dimensions=(2,))
    check_same_shape(where, primary_objects=labels, intensity_image=array)
    smooth = median(array, filter_size).astype(np.float64)
    following = int(labels.max(initial=0)) + 1
    todo: set[int] | None = None
    for _ in range(int(cutting_passes)):
        table = measure_morphology(labels)
        area = table["Morphology_area"].to_numpy()
        chosen = (area >= min_area) & (area <= max_area)
        chosen &= table["Morphology_convexity"].to_numpy() <= max_solidity
        chosen &= table["Morphology_circularity"].to_numpy() >= min_form_factor
        numbers = table.index.to_numpy().astype(np.int64)
        bounds = label_kernels.boxes(labels[None], numbers)[2]
        new: set[int] = set()
        for number, box in zip(numbers[chosen].tolist(), bounds[chosen], strict=True):
            if todo is not None and number not in todo:
                continue
            _, _, y0, y1, x0, x1 = (int(v) for v in box)
            window = np.s_[y0:y1, x0:x1]
            inside = labels[window] == number
            outline = kernels.outline(np.pad(inside, 1))
            if len(outline) < 2 * int(sliding_window):
                continue
            bends = kernels.bends(
                outline - 1,
                int(sliding_window),
                float(max_concave_radius),
                np.deg2rad(min_concave_circular_segment),
            )
            part = kernels.best_cut(inside, smooth[window], bends, float(min_area_cut))
            if not part.any():
                continue
            labels[window][part] = following
            new |= {number, following}
            following += 1
        todo = new
        if not new:
            break
    return label_kernels.index_of(labels, label_kernels.ids(labels))
