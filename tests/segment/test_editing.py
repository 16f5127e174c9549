"""What the dock does to a pipeline, without a dock."""

from __future__ import annotations

import pytest

from limelight.core.errors import LimelightError
from limelight.segment import Pipeline, pipeline_job, run
from limelight.segment.editing import History, free_name, objects_before, with_module


def test_changes_are_undone_and_done_again():
    history = History(limit=3)
    made = [Pipeline(str(k)) for k in range(6)]
    for one in made[:5]:
        history.changed(one)
    now = made[5]
    gone = []
    while history.can_undo:
        now = history.undo(now)
        gone.append(now.name)
    assert gone == ["4", "3", "2"]
    assert history.undo(now) is None
    assert history.redo(now).name == "3"
    history.changed(made[3])
    assert not history.can_redo
    assert history.redo(now) is None


def test_a_module_brings_a_channel_and_a_name():
    pipeline = with_module(Pipeline(), "threshold_otsu", channel="GFP")
    assert [c.name for c in pipeline.channels] == ["GFP"]
    pipeline = with_module(with_module(pipeline, "label"), "smooth", 0)
    assert [s.name for s in pipeline] == ["smooth", "threshold_otsu", "label"]
    for wanted in ("Nuclei", "Cells", "Objects", "Objects_2", "Objects_3"):
        assert free_name(pipeline) == wanted
        pipeline = with_module(pipeline, "register_objects")
        assert pipeline.saved[-1].name == wanted
    with pytest.raises(LimelightError, match="no 'nothing'"):
        with_module(pipeline, "nothing")


def test_objects_of_steps_that_ran(pipeline, nuclei):
    result = run(pipeline_job(pipeline, {"DAPI": nuclei}))
    found = objects_before(pipeline, "measure_morphology", result.steps)
    assert list(found) == ["Nuclei"]
    assert found["Nuclei"].name == "Nuclei"
    assert objects_before(pipeline, "label", result.steps) == {}
    changed = pipeline.activate("register_objects", False)
    assert objects_before(changed, "measure_morphology", result.steps) == {}
