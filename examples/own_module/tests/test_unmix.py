import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.segment import (
    Channel,
    Pipeline,
    load,
    load_pipeline,
    pipeline_job,
    run,
    save_pipeline,
)

GREEN = np.full((8, 9), 200, np.uint16)
RED = np.full((8, 9), 1000, np.uint16)


def test_is_a_module_like_any_other(tmp_path):
    module = load("unmix")
    assert [i.name for i in module.inputs] == ["image", "leaking"]
    assert module.defaults == {"share": 0.1}
    pipeline = Pipeline(channels=(Channel("GFP"), Channel("RFP")))
    pipeline = pipeline.add("unmix", inputs={"image": "GFP", "leaking": "RFP"}, share=0.05)
    pipeline = load_pipeline(save_pipeline(pipeline, tmp_path / "p.yaml"))
    result = run(pipeline_job(pipeline, {"GFP": GREEN, "RFP": RED}))
    found = result.values["unmix.unmixed_image"]
    assert found.dtype == np.uint16
    assert (found == 150).all()


def test_its_range_is_heeded():
    with pytest.raises(ParameterError, match="share must be"):
        Pipeline(channels=(Channel("GFP"),)).add("unmix", share=2)
