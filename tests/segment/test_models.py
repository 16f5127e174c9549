"""Modules that call other packages, with stand-ins for the networks."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
import scipy.ndimage as ndi

from limelight.segment import Channel, Pipeline, PipelineError, pipeline_job, run


class FakeCellpose:
    made = 0

    def __init__(self, gpu, pretrained_model):
        FakeCellpose.made += 1
        self.path = pretrained_model

    def eval(
        self, image, *, diameter, cellprob_threshold, flow_threshold, do_3D=False, z_axis=None
    ):
        assert do_3D == (image.ndim == 3)
        if cellprob_threshold == 13:
            raise RuntimeError("size mismatch for\n  W2")
        labels, _ = ndi.label(image > 200)
        return labels.astype(np.uint16), [], []


class FakeStarDist:
    def __init__(self, config, name, basedir):
        assert config is None
        self.name = name

    def predict_instances(self, image, *, prob_thresh, nms_thresh):
        assert image.dtype == np.float32
        assert np.percentile(image, 1) == pytest.approx(0, abs=1e-3)
        labels, _ = ndi.label(image > 0.5)
        return labels, {}


@pytest.fixture
def networks(monkeypatch):
    for package, names in (
        ("cellpose", {"CellposeModel": FakeCellpose}),
        ("stardist", {"StarDist2D": FakeStarDist, "StarDist3D": FakeStarDist}),
    ):
        models = ModuleType(f"{package}.models")
        for name, cls in names.items():
            setattr(models, name, cls)
        monkeypatch.setitem(sys.modules, package, ModuleType(package))
        monkeypatch.setitem(sys.modules, f"{package}.models", models)


def objects_of(module, image, **values):
    pipeline = Pipeline(channels=(Channel("DAPI"),)).add(module, **values)
    pipeline = pipeline.add("register_objects", outputs={"objects": "Nuclei"})
    return run(pipeline_job(pipeline, {"DAPI": image})).objects["Nuclei"]


def test_cellpose_finds_with_the_weights_that_are_given(networks, tmp_path, nuclei):
    weights = tmp_path / "cyto_mine"
    weights.write_bytes(b"w")
    before = FakeCellpose.made
    found = objects_of("segment_cellpose", nuclei, model=str(weights), diameter=20)
    assert len(found) == ndi.label(nuclei > 200)[1]
    stack = objects_of("segment_cellpose", np.stack([nuclei] * 3), model=str(weights))
    assert stack.labels.ndim == 3
    assert FakeCellpose.made == before + 1, "weights are loaded once"
    with pytest.raises(PipelineError, match=r"size mismatch for W2.*belongs to this version"):
        objects_of("segment_cellpose", nuclei, model=str(weights), cell_probability=13)


def test_stardist_finds_with_the_model_that_is_given(networks, tmp_path, nuclei):
    (tmp_path / "versatile").mkdir()
    found = objects_of("segment_stardist", nuclei, model=str(tmp_path / "versatile"))
    assert len(found) >= 7


@pytest.mark.parametrize("module", ["segment_cellpose", "segment_stardist"])
def test_what_is_missing_is_told(module, tmp_path, nuclei, monkeypatch):
    package = module.split("_")[1]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PipelineError, match="model: has to be given"):
        objects_of(module, nuclei)
    with pytest.raises(PipelineError, match="Limelight brings no weights"):
        objects_of(module, nuclei, model=" ")
    with pytest.raises(PipelineError, match=r"there is no .* Check its name"):
        objects_of(module, nuclei, model=str(tmp_path / "none"))
    with pytest.raises(PipelineError, match=rf"pip install 'napari-limelight\[{package}\]'"):
        objects_of(module, nuclei, model=str(tmp_path))


def measured(nuclei, **values):
    pipeline = Pipeline(channels=(Channel("DAPI"),)).add("threshold_manual", threshold=200)
    pipeline = pipeline.add("label").add("expand_or_shrink", n=1)
    pipeline = pipeline.add("register_objects", outputs={"objects": "Nuclei"})
    given = {
        "extract_objects": "Nuclei",
        "assign_objects": "Nuclei",
    }
    pipeline = pipeline.add("measure_morphology", inputs=given)
    given["intensity_image"] = "DAPI"
    pipeline = pipeline.add("measure_intensity", inputs=given)
    pipeline = pipeline.add("measure_cellprofiler", inputs=given, **values)
    return run(pipeline_job(pipeline, {"DAPI": nuclei})).objects["Nuclei"].features


def test_cellprofilers_features_agree_with_ours(nuclei):
    pytest.importorskip("cp_measure")
    found = measured(nuclei, features="sizeshape")
    assert np.allclose(found["CellProfiler_Area_DAPI"], found["Morphology_area"])
    found = measured(nuclei, features="intensity")
    mean = found["CellProfiler_Intensity_MeanIntensity_DAPI"] * 65535
    assert np.allclose(mean, found["Intensity_mean_DAPI"])


def test_cellprofilers_features_of_nothing_and_without_it(nuclei, monkeypatch):
    pytest.importorskip("cp_measure")
    assert len(measured(nuclei * 0)) == 0
    monkeypatch.setitem(sys.modules, "cp_measure.bulk", None)
    with pytest.raises(PipelineError, match="cp-measure, which is not installed"):
        measured(nuclei)
