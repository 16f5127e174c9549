"""Modules that make objects of masks: label, grow, part, register."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np

from limelight.core import image as core
from limelight.segment.module import About, version
from limelight.segment.pipes import (
    BinaryImage,
    IntensityImage,
    LabelImage,
    MaskImage,
    SegmentedObjects,
)
from limelight.segment.running import note

__all__ = [
    "declump",
    "expand_or_shrink",
    "grow_objects",
    "label",
    "register_objects",
    "register_objects_channel",
    "relabel",
    "segment_primary",
    "segment_secondary",
    "segment_tertiary",
    "separate_clumps",
    "separate_primary_iterative",
    "use_label_image",
]


def _count(labels: LabelImage) -> str:
    return f"{len(core.object_ids(labels))} objects"


class Labelled(NamedTuple):
    """What labelling gives.

    Attributes
    ----------
    label_image : LabelImage
        Each connected piece with its own number.
    """

    label_image: LabelImage


@version("0.1.0")
def label(mask: MaskImage, *, connectivity: Literal[4, 8] = 8) -> Labelled:
    """Give each connected piece of a mask its own number.

    Parameters
    ----------
    mask : MaskImage
        The mask.
    connectivity : int
        Whether pixels are connected by edges only (4), or by corners too (8).
    """
    labels = core.label(mask, connectivity)
    note(_count(labels))
    return Labelled(labels)


@version("0.1.0")
def use_label_image(input_image: IntensityImage) -> Labelled:
    """Take an image that was labelled before, in another program, for labels.

    Parameters
    ----------
    input_image : IntensityImage
        Whole numbers, one per object.
    """
    return Labelled(core.use_label_image(input_image))


class Relabelled(NamedTuple):
    """What relabelling gives.

    Attributes
    ----------
    relabeled_image : LabelImage
        The objects, numbered 1, 2, 3, ...
    """

    relabeled_image: LabelImage


@version("0.0.1")
def relabel(label_image: LabelImage) -> Relabelled:
    """Give objects numbers without gaps.

    Parameters
    ----------
    label_image : LabelImage
        The objects.
    """
    return Relabelled(core.relabel(label_image))


class Expanded(NamedTuple):
    """What growing gives.

    Attributes
    ----------
    expanded_image : LabelImage
        The objects, grown or shrunk.
    """

    expanded_image: LabelImage


@version("0.1.1")
def expand_or_shrink(
    image: LabelImage, *, n: Annotated[float, About(unit="px", low=-1000, high=1000)] = 1
) -> Expanded:
    """Grow objects, or shrink them.

    Parameters
    ----------
    image : LabelImage
        The objects.
    n : float
        By how much; they shrink where it is below 0.  Objects that meet stop there.
    """
    return Expanded(core.expand_or_shrink(image, n))


class Declumped(NamedTuple):
    """What parting gives.

    Attributes
    ----------
    label_image : LabelImage
        The objects, those that touched parted.
    """

    label_image: LabelImage


@version("1.0.0")
def declump(
    mask: MaskImage,
    intensity_image: IntensityImage | None = None,
    *,
    method: Literal["shape", "intensity"] = "shape",
    min_distance: Annotated[float, About(unit="px", low=1, high=1000)] = 7,
) -> Declumped:
    """Part objects that touch, by their shape or by their brightness, with a watershed.

    Parameters
    ----------
    mask : MaskImage
        The objects.
    intensity_image : IntensityImage
        Grey values, for the brightness.
    method : str
        One object per bulge (shape), or per bright spot (intensity).
    min_distance : float
        Least distance of two centres.
    """
    labels = core.declump(mask, intensity_image, method, min_distance=min_distance)
    note(_count(labels))
    return Declumped(labels)


class SeparatedClumps(NamedTuple):
    """What cutting clumps gives.

    Attributes
    ----------
    separated_label_image : LabelImage
        The objects, clumps cut.
    """

    separated_label_image: LabelImage


@version("0.3.0")
def separate_clumps(
    mask: MaskImage,
    intensity_image: IntensityImage,
    *,
    min_cut_area: Annotated[float, About(unit="px", low=0)] = 2000,
    max_convexity: Annotated[float, About(low=0)] = 0.92,
    max_circularity: Annotated[float, About(low=0)] = 0.7,
    min_area: Annotated[float, About(unit="px", low=0)] = 5000,
    max_area: Annotated[float, About(unit="px", low=0)] = 50000,
    selection_test_mode: Annotated[bool, About(advanced=True)] = False,
    selection_test_show_remaining: Annotated[bool, About(advanced=True)] = False,
    trimming: bool = True,
) -> SeparatedClumps:
    """Cut clumps, which are told by size and shape, where they are narrow.

    Parameters
    ----------
    mask : MaskImage
        Mask or labels.
    intensity_image : IntensityImage
        Grey values of the objects.
    min_cut_area : float
        Least area of a part.
    max_convexity, max_circularity : float
        A clump has no more of both.
    min_area, max_area : float
        A clump has an area between these.
    selection_test_mode : bool
        Cut nothing; show what is taken for a clump.
    selection_test_show_remaining : bool
        With that, show what is not taken for a clump instead.
    trimming : bool
        Whether what a cut leaves over is taken off.
    """
    if selection_test_mode:
        clumps = core.select_clumps(mask, max_convexity, max_circularity, min_area, max_area)
        note(f"{_count(clumps)} are taken for clumps")
        if selection_test_show_remaining:
            whole = core.register_objects(np.asarray(mask))
            return SeparatedClumps(np.where(clumps > 0, np.int32(0), whole))
        return SeparatedClumps(clumps)
    labels = core.separate_clumps(
        mask,
        intensity_image,
        min_cut_area,
        max_convexity,
        max_circularity,
        min_area,
        max_area,
        trimming=trimming,
    )
    note(_count(labels))
    return SeparatedClumps(labels)


class SeparatedObjects(NamedTuple):
    """What cutting primary objects gives.

    Attributes
    ----------
    separated_objects : LabelImage
        The objects, clumps cut.
    """

    separated_objects: LabelImage


@version("0.0.1")
def separate_primary_iterative(
    primary_objects: MaskImage,
    intensity_image: IntensityImage,
    *,
    cutting_passes: Annotated[int, About(low=1, high=100)] = 3,
    max_solidity: Annotated[float, About(low=0, high=1)] = 0.92,
    min_form_factor: Annotated[float, About(low=0)] = 0.4,
    min_area: Annotated[float, About(unit="px", low=0)] = 5000,
    max_area: Annotated[float, About(unit="px", low=0)] = 500000,
    min_area_cut: Annotated[float, About(unit="px", low=0)] = 2000,
    sliding_window: Annotated[int, About(unit="px", low=1)] = 9,
    filter_size: Annotated[int, About(unit="px", low=1)] = 15,
    max_concave_radius: Annotated[float, About(unit="px", low=0)] = 20,
    min_concave_circular_segment: Annotated[float, About(unit="px", low=0)] = 6,
) -> SeparatedObjects:
    """Cut clumps between the concave places of their outline.

    Parameters
    ----------
    primary_objects : MaskImage
        Mask or labels.
    intensity_image : IntensityImage
        Grey values of the objects.
    cutting_passes : int
        How often it is tried again on what was cut.
    max_solidity, min_form_factor : float
        A clump has less solidity, or more of the form factor.
    min_area, max_area : float
        A clump has an area between these.
    min_area_cut : float
        Least area of a part.
    sliding_window : int
        Length of outline over which the curvature is taken.
    filter_size : int
        Width of the filter on the grey values along a cut.
    max_concave_radius : float
        Concave places have a smaller radius.
    min_concave_circular_segment : float
        Concave places are at least so long.
    """
    labels = core.separate_primary_iterative(
        primary_objects,
        intensity_image,
        cutting_passes,
        max_solidity,
        min_form_factor,
        min_area,
        max_area,
        min_area_cut,
        sliding_window,
        filter_size,
        max_concave_radius,
        min_concave_circular_segment,
    )
    note(_count(labels))
    return SeparatedObjects(labels)


class Primary(NamedTuple):
    """What finding gives.

    Attributes
    ----------
    primary_label_image : LabelImage
        The objects.
    """

    primary_label_image: LabelImage


@version("1.0.0")
def segment_primary(
    image: IntensityImage,
    *,
    diameter: Annotated[float | None, About(unit="px", low=2, high=1000)] = None,
    method: Literal["shape", "intensity", "none"] = "shape",
    smoothing: Annotated[float, About(unit="px", low=0, high=100)] = 1,
    sensitivity: Annotated[float, About(low=0, high=1)] = 0.5,
    min_area: Annotated[float | None, About(unit="px", low=0, advanced=True)] = None,
    max_area: Annotated[float | None, About(unit="px", low=0, advanced=True)] = None,
    clear_border: bool = False,
) -> Primary:
    """Find blob-like objects, such as nuclei, and part those that touch: all in one step.

    Parameters
    ----------
    image : IntensityImage
        Grey values, objects bright.
    diameter : float
        Usual diameter of an object; a factor of two does not matter. Empty: estimated from the
        image.
    method : str
        How those that touch are parted: by shape, by brightness, or not.
    smoothing : float
        Standard deviation of the Gaussian that takes the noise off first.
    sensitivity : float
        More finds dimmer objects.
    min_area, max_area : float
        Smaller and larger ones are removed; by default what is far from the usual size.
    clear_border : bool
        Whether objects at the border are removed.
    """
    if diameter is None:
        diameter = core.usual_diameter(image, smoothing=smoothing)
        note(f"objects are about {diameter:.0f} px wide")
    labels = core.primary_objects(
        image,
        diameter,
        method,
        smoothing=smoothing,
        sensitivity=sensitivity,
        min_area=min_area,
        max_area=max_area,
        clear_border=clear_border,
    )
    note(_count(labels))
    return Primary(labels)


class Secondary(NamedTuple):
    """What growing over an image gives.

    Attributes
    ----------
    secondary_label_image : LabelImage
        One object around each primary object, with its number.
    """

    secondary_label_image: LabelImage


@version("0.0.3")
def segment_secondary(
    primary_label_image: LabelImage,
    intensity_image: IntensityImage,
    *,
    contrast_threshold: Annotated[float, About(unit="counts", low=0)] = 5,
    min_threshold: Annotated[float | None, About(unit="counts")] = 125,
    max_threshold: Annotated[float | None, About(unit="counts")] = 140,
) -> Secondary:
    """Grow objects, such as nuclei, over an image until they meet: cells.

    Parameters
    ----------
    primary_label_image : LabelImage
        What they grow from.
    intensity_image : IntensityImage
        Grey values in which the larger objects are seen.
    contrast_threshold : float
        Surroundings that differ by less are background.
    min_threshold, max_threshold : float
        What is darker is always background; what is brighter, never.
    """
    labels = core.segment_secondary(
        primary_label_image, intensity_image, contrast_threshold, min_threshold, max_threshold
    )
    return Secondary(labels)


@version("1.0.0")
def grow_objects(
    primary_label_image: LabelImage,
    intensity_image: IntensityImage,
    mask: MaskImage | None = None,
    *,
    method: Literal["watershed", "propagation", "distance"] = "watershed",
    threshold: Annotated[float | None, About(unit="counts")] = None,
    max_distance: Annotated[float | None, About(unit="px", low=0)] = None,
    regularization: Annotated[float, About(low=0, advanced=True)] = 0.05,
) -> Secondary:
    """Grow objects, such as nuclei, over what is bright around them: cells, with no contrast set.

    Parameters
    ----------
    primary_label_image : LabelImage
        What they grow from.
    intensity_image : IntensityImage
        Grey values in which the larger objects are seen.
    mask : MaskImage
        Foreground; by default what is above the threshold.
    method : str
        Where two meet: in the dimmest line (watershed), by easy paths (propagation), half-way
        (distance).
    threshold : float
        What is dimmer is background; Otsu's by default.
    max_distance : float
        How far an object may grow.
    regularization : float
        How much distance counts against brightness, for propagation.
    """
    labels = core.secondary_objects(
        primary_label_image,
        intensity_image,
        method,
        threshold=threshold,
        mask=mask,
        max_distance=max_distance,
        regularization=regularization,
    )
    return Secondary(labels)


class Tertiary(NamedTuple):
    """What taking one from the other gives.

    Attributes
    ----------
    tertiary_label_image : LabelImage
        What of each larger object is not in the smaller ones.
    """

    tertiary_label_image: LabelImage


@version("1.0.0")
def segment_tertiary(
    secondary_label_image: LabelImage, primary_label_image: LabelImage
) -> Tertiary:
    """Take smaller objects out of larger ones: cytoplasm is the cell without its nucleus.

    Parameters
    ----------
    secondary_label_image : LabelImage
        The larger ones.
    primary_label_image : LabelImage
        The smaller ones.
    """
    return Tertiary(core.segment_tertiary(secondary_label_image, primary_label_image))


class Registered(NamedTuple):
    """What registering gives.

    Attributes
    ----------
    objects : SegmentedObjects
        Objects that can be measured and are kept; the output's key is their name.
    """

    objects: SegmentedObjects


def _registered(labels: LabelImage) -> Registered:
    objects = SegmentedObjects(labels)
    note(f"{len(objects)} objects")
    return Registered(objects)


@version("0.1.0")
def register_objects(mask: MaskImage) -> Registered:
    """Give objects a name, so that they can be measured and are kept.

    Parameters
    ----------
    mask : MaskImage
        Labels; of a mask, each connected piece is an object.
    """
    binary: BinaryImage = np.asarray(mask)
    if binary.dtype == np.bool_:
        return _registered(core.label(binary))
    return _registered(core.register_objects(mask))


@version("0.1.0")
def register_objects_channel(mask: IntensityImage) -> Registered:
    """Register objects that come as a channel of labels.

    Parameters
    ----------
    mask : IntensityImage
        Whole numbers, one per object.
    """
    return _registered(core.use_label_image(mask))
