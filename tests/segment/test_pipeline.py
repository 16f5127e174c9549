from __future__ import annotations

import pytest

from limelight.core.errors import ParameterError, PartError
from limelight.segment import PipelineError, load_all
from limelight.segment.pipes import fits


def test_inputs_are_connected_to_the_newest_output_that_fits(pipeline):
    assert pipeline["smooth"].inputs == {"image": "DAPI"}
    assert pipeline["fill"].inputs == {"mask": "threshold_otsu.mask"}
    assert pipeline["measure_intensity"].inputs == {
        "extract_objects": "Nuclei",
        "assign_objects": "Nuclei",
        "intensity_image": "smooth.smoothed_image",
    }
    assert pipeline.problems() == []


def test_only_matching_outputs_that_exist_are_offered(pipeline):
    assert list(pipeline.available("label", "MaskImage")) == [
        "threshold_otsu.mask",
        "fill.filled_mask",
    ]
    assert list(pipeline.available("label", "SegmentedObjects")) == []
    assert fits("SegmentedObjects", "LabelImage")
    assert not fits("BinaryImage", "LabelImage")
    off = pipeline.activate("threshold_otsu", False)
    assert "threshold_otsu.mask" not in off.available()


def test_a_name_that_is_taken_gets_a_number(pipeline):
    twice = pipeline.add("smooth").add("smooth")
    assert [s.name for s in twice][-2:] == ["smooth_2", "smooth_3"]
    copy = pipeline.duplicate("smooth")
    assert [s.name for s in copy][:2] == ["smooth", "smooth_2"]
    assert copy["smooth_2"].values == copy["smooth"].values


def test_what_is_connected_stays_so_when_a_step_is_renamed(pipeline):
    renamed = pipeline.rename("smooth", "soft")
    assert renamed["threshold_otsu"].inputs == {"image": "soft.smoothed_image"}
    assert renamed.problems() == []
    with pytest.raises(ParameterError, match="already"):
        pipeline.rename("smooth", "fill")
    objects = pipeline.name_output("register_objects", "objects", "Cores")
    assert objects["measure_intensity"].inputs["extract_objects"] == "Cores"
    assert [s.name for s in objects.saved] == ["Cores"]
    assert objects.problems() == []


def test_an_edit_leaves_the_old_pipeline(pipeline):
    before = pipeline.steps
    pipeline.remove("fill").move("label", 0).configure("label", connectivity=4)
    assert pipeline.steps is before
    assert pipeline.move("label", 0).steps[0].name == "label"
    assert pipeline.remove("fill")["label"].inputs == {"mask": "fill.filled_mask"}


def test_problems_name_step_input_and_what_would_do(pipeline):
    (problem,) = pipeline.remove("fill").problems()
    assert str(problem) == (
        "label > mask: is connected to 'fill.filled_mask', which does not exist before this step. "
        "There is: threshold_otsu.mask."
    )
    (problem,) = pipeline.connect("label", mask="DAPI").problems()
    assert "takes a MaskImage, and 'DAPI' is a IntensityImage" in str(problem)
    problem = pipeline.add("threshold_manual", 1).problems()[0]
    assert str(problem) == "threshold_manual > threshold: has to be given."
    with pytest.raises(PipelineError, match="threshold_manual: threshold: has to be given"):
        pipeline.add("threshold_manual", 1).check()
    saved = pipeline.rename("smooth", "soft").name_output("register_objects", "objects", "A")
    assert saved.problems() == []


def test_wrong_words_are_answered_with_the_right_ones(pipeline):
    with pytest.raises(PartError, match="Did you mean 'smooth'"):
        pipeline.add("smoth")
    with pytest.raises(ParameterError, match="Did you mean 'filter_size'"):
        pipeline.add("smooth", filter_sise=3)
    with pytest.raises(ParameterError, match="has no input 'mask'"):
        pipeline.add("smooth", inputs={"mask": "DAPI"})
    with pytest.raises(ParameterError, match="filter_name must be"):
        pipeline.configure("smooth", filter_name="boxcar")
    with pytest.raises(ParameterError, match="no step 'smoth'"):
        pipeline["smoth"]


def test_every_module_says_what_it_is():
    for name, module in load_all().items():
        assert module.summary.endswith("."), name
        assert module.version != "0.0.0", name
        assert all(i.help for i in module.inputs), name
        assert all(f.help for f in module.fields), name
        assert all(o.help for o in module.outputs), name
