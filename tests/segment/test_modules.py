"""The modules of TissueMAPS by name, version, inputs, outputs; and bad input in every module."""

from __future__ import annotations

import numpy as np
import pytest

from limelight.segment import Channel, Pipeline, PipelineError, load, load_all, pipeline_job, run
from limelight.segment.pipes import SegmentedObjects

# module, version, inputs (name:type, =default, {options}), outputs
TISSUEMAPS = """\
apply_mask 0.2.0 | image:Image mask:MaskImage plot_type:Scalar=objects{objects,intensity} | masked_image:Image
clip 0.1.0 | image:MaskImage clipping_mask:MaskImage | clipped_image:MaskImage
combine_channels 0.0.2 | image_1:IntensityImage image_2:IntensityImage weight_1:Numeric weight_2:Numeric | combined_image:IntensityImage
combine_masks 0.0.2 | mask_1:MaskImage mask_2:MaskImage logical_operation:Scalar{AND,OR,EXCLUSIVE_OR} | combined_mask:BinaryImage
detect_blobs 0.6.0 | image:IntensityImage mask:MaskImage threshold:Scalar=1 min_area:Scalar=5 mean_area:Scalar=5 max_area:Scalar=100 | centroids:LabelImage blobs:LabelImage
expand_or_shrink 0.1.1 | image:LabelImage n:Numeric | expanded_image:LabelImage
fill 0.0.1 | mask:BinaryImage | filled_mask:BinaryImage
filter 0.2.0 | mask:MaskImage feature:Character{area,eccentricity,circularity,convexity} lower_threshold:Numeric upper_threshold:Numeric | filtered_mask:MaskImage
generate_volume_image 0.1.0 | image:IntensityImage mask:LabelImage threshold:Numeric=150 bead_size:Numeric=2 superpixel_size:Numeric=4 close_surface:Boolean=False close_disc_size:Numeric=8 | volume_image:IntensityImage
invert 0.0.1 | image:Image | inverted_image:Image
label 0.1.0 | mask:MaskImage connectivity:Numeric=8 | label_image:LabelImage
measure_intensity 0.1.1 | extract_objects:SegmentedObjects assign_objects:SegmentedObjects intensity_image:IntensityImage aggregate:Boolean=False | measurements:Measurement
measure_morphology 0.2.0 | extract_objects:SegmentedObjects assign_objects:SegmentedObjects aggregate:Boolean=False measure_zernike:Boolean=False | measurements:Measurement
measure_neighbours 0.0.1 | extract_objects:SegmentedObjects assign_objects:SegmentedObjects neighbour_distance:Scalar=3 touching_distance:Scalar=3 | measurements:Measurement
measure_point_pattern 0.1.1 | extract_objects:SegmentedObjects ref_objects:SegmentedObjects assign_objects:SegmentedObjects aggregate:Boolean=False | measurements:Measurement
measure_texture 0.3.1 | extract_objects:SegmentedObjects assign_objects:SegmentedObjects intensity_image:IntensityImage aggregate:Boolean=False frequencies:Set=1,5,10 measure_TAS:Boolean=False measure_LBP:Boolean=False radii:Set=1,5,10 measure_haralick:Boolean=False scales:Set=1,2 | measurements:Measurement
measure_volume_image 0.0.4 | extract_objects:SegmentedObjects assign_objects:SegmentedObjects intensity_image:IntensityImage pixel_size:Scalar=0.1625 z_step:Scalar=0.25 | measurements:Measurement
project 0.1.0 | image:IntensityImage method:Character=max{max,sum} | projected_image:IntensityImage
register_objects 0.1.0 | mask:MaskImage | objects:SegmentedObjects
register_objects_channel 0.1.0 | mask:IntensityImage | objects:SegmentedObjects
relabel 0.0.1 | label_image:LabelImage | relabeled_image:LabelImage
rescale 0.1.0 | intensity_image:IntensityImage min_value:Numeric max_value:Numeric | rescaled_image:IntensityImage
segment_secondary 0.0.3 | primary_label_image:LabelImage intensity_image:IntensityImage contrast_threshold:Numeric=5 min_threshold:Numeric=125 max_threshold:Numeric=140 | secondary_label_image:LabelImage
separate_clumps 0.3.0 | mask:MaskImage intensity_image:IntensityImage min_cut_area:Numeric=2000 max_convexity:Numeric=0.92 max_circularity:Numeric=0.7 min_area:Numeric=5000 max_area:Numeric=50000 selection_test_mode:Boolean=False selection_test_show_remaining:Boolean=False trimming:Boolean=True | separated_label_image:LabelImage
smooth 0.1.0 | image:IntensityImage filter_name:Scalar{average,gaussian,median,bilateral} filter_size:Scalar | smoothed_image:IntensityImage
threshold_adaptive 0.2.0 | image:IntensityImage method:Character=niblack{crosscorr,niblack} kernel_size:Scalar=111 constant:Scalar=0 min_threshold:Scalar max_threshold:Scalar | mask:BinaryImage
threshold_manual 0.0.1 | image:Image threshold:Scalar | mask:BinaryImage
threshold_otsu 0.0.2 | image:IntensityImage correction_factor:Scalar=1 min_threshold:Scalar max_threshold:Scalar | mask:BinaryImage
use_label_image 0.1.0 | input_image:IntensityImage | label_image:LabelImage
identify_spots_2D 0.0.2 | image:IntensityImage spot_size:Numeric=5 rescale_quantiles:Sequence=0.01,0.99 rescale_thresholds:Sequence=0,120,500,0 detection_threshold:Numeric=0.02 deblending_steps:Numeric=30 | spots:LabelImage spots_deblend:LabelImage
identify_spots_3D 0.0.1 | image:IntensityImage log_filter_type:Character=3D{2D,3D} spot_size:Numeric=4 n_planes:Numeric=3 rescale_quantiles:Sequence=0.01,0.99 rescale_thresholds:Sequence=0,120,500,0 detection_threshold:Numeric=0.08 | occupancy_image:IntensityImage
separate_primary_iterative 0.0.1 | primary_objects:MaskImage intensity_image:IntensityImage cutting_passes:Numeric=3 max_solidity:Numeric=0.92 min_form_factor:Numeric=0.4 min_area:Numeric=5000 max_area:Numeric=500000 min_area_cut:Numeric=2000 sliding_window:Numeric=9 filter_size:Numeric=15 max_concave_radius:Numeric=20 min_concave_circular_segment:Numeric=6 | separated_objects:LabelImage
"""  # noqa: E501


def shown(value):
    if isinstance(value, tuple | list):
        return ",".join(f"{v:g}" for v in value)
    return (
        f"{value:g}"
        if isinstance(value, int | float) and not isinstance(value, bool)
        else str(value)
    )


@pytest.mark.parametrize("line", TISSUEMAPS.splitlines(), ids=lambda x: x.split()[0])
def test_it_is_the_module_of_tissuemaps(line):
    head, inputs, outputs = line.split(" | ")
    name, number = head.split()
    module = load(name)
    assert module.version == number
    assert [f"{o.name}:{o.pipe}" for o in module.outputs] == outputs.split()
    pipes = {i.name: i.pipe for i in module.inputs}
    fields = {f.name: f for f in module.fields}
    words = inputs.split()
    assert [w.split(":")[0] for w in words] == [*pipes, *fields]
    for word in words:
        key, _, rest = word.partition(":")
        kind, _, options = rest.partition("{")
        kind, has_default, default = kind.partition("=")
        if key in pipes:
            assert pipes[key] == kind
            continue
        assert module.kinds[key] == kind
        if has_default:
            assert shown(fields[key].default) == default
        if options:
            assert set(fields[key].choices) == set(options.rstrip("}").split(","))


# -- bad input ------------------------------------------------------------------------------------
SHAPE = (40, 44)
NEEDED = {
    "declump": {"method": "intensity"},
    "expand_or_shrink": {"n": 2},
    "rescale": {"min_value": 0, "max_value": 500},
    "threshold_manual": {"threshold": 100},
}
STACKS = {"project", "identify_spots_3D", "generate_volume_image"}
OTHERS = {"segment_cellpose", "segment_stardist", "measure_cellprofiler"}  # tested by themselves
NAMES = sorted(set(load_all()) - OTHERS)
EMPTY = np.zeros(SHAPE, np.int32)
ONE = EMPTY.copy()
ONE[20, 20] = 7
FULL = np.ones(SHAPE, np.int32)
GREY = np.random.default_rng(0).integers(80, 130, SHAPE).astype(np.uint16)


def given(name, labels, grey):
    """Return inputs of a module, of labels and grey values of one's choice."""
    stack = np.stack([grey] * 3) if name in STACKS else grey
    kinds = {
        "LabelImage": labels,
        "MaskImage": labels,
        "BinaryImage": labels.astype(bool) if labels.dtype.kind == "i" else labels,
        "Image": stack,
        "IntensityImage": stack,
    }
    found = {}
    for wanted in load(name).inputs:
        if wanted.pipe == "SegmentedObjects":
            found[wanted.name] = SegmentedObjects(labels)
        elif name in ("use_label_image", "register_objects_channel"):
            found[wanted.name] = labels
        else:
            found[wanted.name] = kinds[wanted.pipe]
    return found


def call(name, labels=ONE, grey=GREY, **changed):
    """Run a module as a pipeline does; return its outputs, or what the person is told."""
    from limelight.segment.pipeline import Step
    from limelight.segment.running import _call

    inputs = {**given(name, labels, grey), **changed}
    try:
        return _call(Step(name, name, {}, NEEDED.get(name, {})), inputs).outputs
    except PipelineError as error:
        return str(error)


def check(name, outcome, shape=SHAPE):
    """Hold an outcome against what is promised: a sentence, or outputs of the right form."""
    if isinstance(outcome, str):
        assert outcome.startswith(f"{name}: ")
        assert " failed: " not in outcome, outcome  # the message of an error nobody thought of
        assert len(outcome) > len(name) + 15
        return
    for output in load(name).outputs:
        value = outcome[output.name]
        if output.pipe == "Measurement":
            assert len(value.table.columns)
        elif output.pipe in ("LabelImage", "SegmentedObjects"):
            labels = np.asarray(value)
            assert labels.dtype == np.int32
            assert labels.shape[-2:] == shape
        elif output.pipe == "BinaryImage":
            assert np.asarray(value).dtype == bool


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("labels", [EMPTY, ONE, FULL], ids=["no objects", "one pixel", "all"])
def test_nothing_and_single_pixels_give_a_defined_result(name, labels):
    outcome = call(name, labels)
    assert not isinstance(outcome, str) or "0 beads were found" in outcome, outcome
    check(name, outcome)
    for output in load(name).outputs if not isinstance(outcome, str) else ():
        if output.pipe == "Measurement" and name != "measure_volume_image":
            assert len(outcome[output.name].table) == len(np.unique(labels[labels > 0]))


@pytest.mark.parametrize("name", NAMES)
def test_an_even_image_gives_a_defined_result(name):
    outcome = call(name, ONE, np.full(SHAPE, 100, np.uint16))
    assert not isinstance(outcome, str) or "0 beads were found" in outcome, outcome
    check(name, outcome)


def wants(name, *pipes):
    return [i.name for i in load(name).inputs if i.pipe in pipes]


@pytest.mark.parametrize("name", NAMES)
def test_labels_of_floats_are_told(name):
    found = list(wants(name, "LabelImage", "MaskImage", "BinaryImage"))
    for key in found:
        outcome = call(name, **{key: ONE.astype(float)})
        assert isinstance(outcome, str), f"{name}.{key} took floats"
        check(name, outcome)
    if wants(name, "SegmentedObjects"):
        with pytest.raises(Exception, match="whole numbers"):
            SegmentedObjects(ONE.astype(float))


@pytest.mark.parametrize("name", NAMES)
def test_nan_is_told(name):
    grey = GREY.astype(np.float32)
    grey[3, 4] = np.nan
    for key in wants(name, "IntensityImage"):
        image = np.stack([grey] * 3) if name in STACKS else grey
        outcome = call(name, **{key: image})
        assert isinstance(outcome, str), f"{name}.{key} took NaN"
        check(name, outcome)
        assert "NaN" in outcome or "whole" in outcome or "integers" in outcome or "float" in outcome


@pytest.mark.parametrize("name", NAMES)
def test_shapes_that_do_not_fit_are_told(name):
    inputs = load(name).inputs
    required = [i for i in inputs if not i.optional]
    if len(required) < 2:
        return
    for wanted in inputs:
        good = given(name, ONE, GREY)[wanted.name]
        array = np.asarray(good)[..., :-3]
        outcome = call(
            name,
            **{
                wanted.name: SegmentedObjects(array)
                if isinstance(good, SegmentedObjects)
                else array
            },
        )
        assert isinstance(outcome, str), f"{name}.{wanted.name} took another shape"
        check(name, outcome)
        assert "shape" in outcome


@pytest.mark.parametrize("name", NAMES)
def test_stacks_are_done_or_told(name):
    labels = np.stack([ONE] * 3)
    outcome = call(name, labels, GREY if name in STACKS else np.stack([GREY] * 3))
    check(name, outcome)
    if isinstance(outcome, str):
        assert "2D" in outcome or "plane" in outcome or "shape" in outcome, outcome


def test_a_pipeline_without_objects_gives_empty_tables(pipeline):
    image = np.full((50, 60), 100, np.uint16)
    image[10, 10] = 101
    found = run(
        pipeline_job(pipeline.configure("threshold_otsu", min_threshold=500), {"DAPI": image})
    )
    features = found.objects["Nuclei"].features
    assert len(features) == 0
    assert "Morphology_area" in features


def test_the_shipped_pipelines_take_what_is_empty():
    for name, channels in (("nuclei", ["DAPI"]), ("nuclei-cells", ["DAPI", "Cell"])):
        from limelight.segment import load_pipeline

        images = dict.fromkeys(channels, np.zeros((64, 64), np.uint16))
        assert len(run(pipeline_job(load_pipeline(name), images)).objects["Nuclei"]) == 0


def test_channel_of_another_shape_is_told():
    pipeline = Pipeline(channels=(Channel("A"), Channel("B"))).add("smooth")
    with pytest.raises(PipelineError, match="channels of a field have to be of one size"):
        run(pipeline_job(pipeline, {"A": GREY, "B": GREY[:-1]}))
