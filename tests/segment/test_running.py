from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from limelight.core.errors import ParameterError
from limelight.segment import Cache, PipelineError, SegmentedObjects, pipeline_job, run
from limelight.segment.module import PartError, module_of
from limelight.segment.objects import relate_all
from limelight.segment.pipes import IntensityImage  # noqa: TC001  read when it becomes a module


def steps_of(job):
    done = []
    result = run(job, lambda step: step.partial is not None and done.append(step.partial))
    return result, {s.step.name: s.cached for s in done}


def test_objects_are_those_of_scipy(pipeline, nuclei):
    result = run(pipeline_job(pipeline, {"DAPI": nuclei}))
    found = result.objects["Nuclei"]
    labels, count = ndimage.label(result.values["fill.filled_mask"], np.ones((3, 3)))
    assert count == len(found) == 8
    assert np.array_equal(found.labels > 0, labels > 0)
    smoothed = result.values["smooth.smoothed_image"]
    mean = ndimage.mean(smoothed, found.labels, found.ids)
    assert np.allclose(found.features["Intensity_mean_smooth.smoothed_image"], mean)
    assert found.features["is_border"].sum() == 2
    assert found.features.index.name == "label"


def test_after_a_change_only_what_depends_on_it_runs(pipeline, nuclei):
    cache = Cache()
    _, cached = steps_of(pipeline_job(pipeline, {"DAPI": nuclei}, cache=cache))
    assert not any(cached.values())
    changed = pipeline.configure("label", connectivity=4)
    _, cached = steps_of(pipeline_job(changed, {"DAPI": nuclei}, cache=cache))
    assert [name for name, was in cached.items() if was] == ["smooth", "threshold_otsu", "fill"]
    _, cached = steps_of(pipeline_job(pipeline, {"DAPI": nuclei}, cache=cache))
    assert all(cached.values())
    _, cached = steps_of(pipeline_job(pipeline, {"DAPI": nuclei.copy()}, cache=cache))
    assert not any(cached.values())


def test_a_cache_without_room_keeps_nothing_it_need_not(pipeline, nuclei):
    cache = Cache(limit=nuclei.nbytes)
    run(pipeline_job(pipeline, {"DAPI": nuclei}, cache=cache))
    assert sum(size for _, size in cache._kept.values()) <= 2 * nuclei.nbytes


def test_a_run_can_stop_at_a_step(pipeline, nuclei):
    result = run(pipeline_job(pipeline, {"DAPI": nuclei}, until="fill"))
    assert list(result.steps) == ["smooth", "threshold_otsu", "fill"]
    assert result.objects == {}


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ({}, "no image for the channel 'DAPI'"),
        ({"DAPI": np.zeros(5)}, r"shape \(5,\)"),
        ({"DAPI": np.zeros((0, 4))}, "shape"),
    ],
)
def test_a_wrong_image_is_told(pipeline, images, message):
    with pytest.raises(PipelineError, match=message):
        run(pipeline_job(pipeline, images))


def test_an_image_without_objects_gives_empty_tables(pipeline):
    result = run(pipeline_job(pipeline, {"DAPI": np.full((20, 30), 7, np.uint16)}))
    assert len(result.objects["Nuclei"]) == 0
    assert "Morphology_area" in result.objects["Nuclei"].features


def test_children_know_their_parents():
    cells = np.zeros((20, 20), np.int32)
    cells[:, :10], cells[:, 12:] = 4, 9
    spots = np.zeros_like(cells)
    spots[3:5, 3:5], spots[10, 9:12], spots[15, 14] = 1, 2, 7
    spots[0, 11] = 8
    related = relate_all({"Cells": SegmentedObjects(cells), "Spots": SegmentedObjects(spots)})
    assert list(related["Spots"].features["parent_Cells"]) == [4, 4, 9, 0]
    assert list(related["Cells"].features["count_Spots"]) == [2, 1]
    assert list(related["Cells"].features["is_border"]) == [True, True]


def test_objects_are_whole_numbers():
    with pytest.raises(ParameterError, match="label a mask first"):
        SegmentedObjects(np.zeros((4, 4)))
    with pytest.raises(ParameterError, match="shape"):
        SegmentedObjects(np.zeros(4, np.int32))


def test_a_feature_that_is_measured_again_is_replaced():
    objects = SegmentedObjects(np.array([[1, 2]], np.int32))
    table = pd.DataFrame({"A": [1.0, 2.0]}, index=pd.Index([1, 2], name="label"))
    again = objects.with_features(table).with_features(table * 3)
    assert list(again.features["A"]) == [3.0, 6.0]


def test_a_function_that_does_not_say_what_it_is_is_no_module():
    def silent(image: IntensityImage, n=3):
        return image

    with pytest.raises(PartError, match="argument 'n' of the module 'silent' has no annotation"):
        module_of("silent", silent)

    def vague(image: IntensityImage) -> int:
        return 3

    with pytest.raises(PartError, match="does not say what it returns"):
        module_of("vague", vague)


class Brightened(NamedTuple):
    brightened_image: IntensityImage


def test_a_function_becomes_a_module():
    def brighten(image: IntensityImage, *, factor: float = 2.0) -> Brightened:
        """Multiply grey values.

        Parameters
        ----------
        image : IntensityImage
            The image.
        factor : float
            By what.
        """
        return Brightened(image * factor)

    module = module_of("brighten", brighten)
    assert module.summary == "Multiply grey values."
    assert [(f.name, f.default, f.help) for f in module.fields] == [("factor", 2.0, "By what.")]
    out = module.run({"image": np.ones((2, 2))}, {"factor": 3})
    assert (out["brightened_image"] == 3).all()
