from __future__ import annotations

import numpy as np
import pytest
import yaml

from limelight.core.errors import FileError, PipelineFileError
from limelight.segment import load_pipeline, pipeline_job, run, save_pipeline
from limelight.segment.script import as_script

HANDLES = """\
---
version: 0.1.0

input:

    - name: image
      type: IntensityImage
      key: wavelength-1
      help: Image that should be smoothed.   # a comment that stays

    - name: filter_name
      type: Scalar
      value: median
      options: [average, gaussian, median, bilateral]

    - name: filter_size
      type: Scalar
      value: 3

    - name: plot
      type: Plot
      value: false

output:

    - name: smoothed_image
      type: IntensityImage
      key: smooth.smoothed_image

    - name: figure
      type: Figure
"""
PIPELINE = """\
description: smooth it
version: '0.0.1'
input:
    channels:
        - name: wavelength-1
          correct: true
    objects: []
pipeline:
    - source: smooth.py
      handles: handles/smooth.handles.yaml
      active: true
output:
    objects: []
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "handles").mkdir()
    (tmp_path / "handles" / "smooth.handles.yaml").write_text(HANDLES)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    return tmp_path


def test_single_file_round_trip(pipeline, tmp_path):
    changed = pipeline.activate("fill", False).connect("label", mask="threshold_otsu.mask")
    path = save_pipeline(changed, tmp_path / "a.yaml")
    assert load_pipeline(path) == changed


def test_a_project_stays_as_it_was_to_the_byte(project):
    loaded = load_pipeline(project)
    assert loaded.channels[0].correct
    assert loaded["smooth"].values == {"filter_name": "median", "filter_size": 3.0}
    save_pipeline(loaded, project)
    assert (project / "pipeline.yaml").read_text() == PIPELINE
    assert (project / "handles" / "smooth.handles.yaml").read_text() == HANDLES


def test_a_change_is_written_and_nothing_else_is_lost(project):
    changed = load_pipeline(project).configure("smooth", filter_size=7)
    save_pipeline(changed, project)
    document = yaml.safe_load((project / "handles" / "smooth.handles.yaml").read_text())
    by_name = {item["name"]: item for item in document["input"]}
    assert by_name["filter_size"]["value"] == 7
    assert by_name["filter_name"]["options"] == ["average", "gaussian", "median", "bilateral"]
    assert by_name["image"]["help"] == "Image that should be smoothed."
    assert load_pipeline(project)["smooth"].values["filter_size"] == 7


def test_a_pipeline_of_ours_as_a_project(pipeline, tmp_path, nuclei):
    save_pipeline(pipeline, tmp_path / "project")
    loaded = load_pipeline(tmp_path / "project")
    assert [s.name for s in loaded] == [s.name for s in pipeline]
    assert loaded.steps == pipeline.steps
    one = run(pipeline_job(pipeline, {"DAPI": nuclei})).objects["Nuclei"]
    other = run(pipeline_job(loaded, {"DAPI": nuclei})).objects["Nuclei"]
    assert one.features.equals(other.features)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 0.1.0", "version: 0.9.9", "line 2, version: .* version 0.9.9, .* 'smooth' is"),
        ("value: median", "value: medain", "filter_name must be .* Did you mean 'median'"),
        ("name: filter_size", "name: filter_sise", "no input 'filter_sise'.* 'filter_size'"),
        ("name: smoothed_image", "name: smoth", "no output 'smoth'"),
        ("value: 3", "value: -3", "filter_size must be at least 0"),
        ("key: wavelength-1", "kye: wavelength-1", "the key 'key' is missing"),
    ],
)
def test_a_wrong_handle_is_named_by_file_line_and_key(project, old, new, message):
    (project / "handles" / "smooth.handles.yaml").write_text(HANDLES.replace(old, new))
    with pytest.raises(PipelineFileError, match=message) as caught:
        load_pipeline(project)
    assert "smooth.handles.yaml: line" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("smooth.py", "smooth.m", "line 9.*is a module in Matlab.* only those in Python"),
        ("smooth.py", "smoth.py", "line 9.*no 'smoth' among the modules. Did you mean 'smooth'"),
        ("handles/smooth", "handles/smoth", "there is no file 'handles/smoth.handles.yaml'"),
        ("pipeline:", "pipe:", "the key 'pipeline' is missing"),
    ],
)
def test_a_wrong_project_is_named_by_line_and_key(project, old, new, message):
    (project / "pipeline.yaml").write_text(PIPELINE.replace(old, new))
    with pytest.raises(PipelineFileError, match=message):
        load_pipeline(project)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("a: [", "not valid YAML"),
        ("channels: [DAPI]", "not a pipeline of a form that is known"),
        ("limelight: pipeline 1\nchanels: [DAPI]", "line 2, chanels.*Did you mean 'channels'"),
        ("limelight: pipeline 1\nsteps:\n- smoth: {}", "line 3.*Did you mean 'smooth'"),
        ("limelight: pipeline 1\nsteps:\n- smooth: {imag: A}", "imag: .*Did you mean 'image'"),
        ("limelight: pipeline 1\nsteps:\n- smooth: {active: 3}", "true or false"),
    ],
)
def test_a_wrong_single_file_is_named_by_line_and_key(tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(PipelineFileError, match=message):
        load_pipeline(tmp_path / "a.yaml")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(FileError, match="no such file"):
        load_pipeline(tmp_path / "none.yaml")
    with pytest.raises(FileError, match="no pipeline of this name"):
        load_pipeline("nucleii")


def test_the_script_does_what_the_pipeline_does(pipeline, nuclei, tmp_path, monkeypatch):
    import tifffile

    tifffile.imwrite(tmp_path / "DAPI.tif", nuclei)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(as_script(pipeline), names)
    expected = run(pipeline_job(pipeline, {"DAPI": nuclei})).objects["Nuclei"]
    found = names["nuclei"]
    assert np.array_equal(found.labels, expected.labels)
    shared = list(found.features.columns)
    assert "Intensity_mean_smooth.smoothed_image" in shared
    assert found.features.equals(expected.features[shared])


def test_every_module_is_written_and_read_as_handles(tmp_path):
    from limelight.segment import Channel, Pipeline, load_all

    given = {
        "expand_or_shrink": {"n": 2},
        "rescale": {"min_value": 0, "max_value": 500},
        "threshold_manual": {"threshold": 100},
        "segment_cellpose": {"model": "/models/mine"},
        "segment_stardist": {"model": "/models/mine"},
    }
    made = Pipeline("all", channels=(Channel("DAPI"), Channel("GFP")))
    made = made.add("threshold_manual", threshold=5).add("label")
    made = made.add("register_objects", outputs={"objects": "Nuclei"})
    for name in load_all():
        if name not in [s.name for s in made]:
            made = made.add(name, **given.get(name, {}))
    made.check()
    save_pipeline(made, tmp_path / "all")
    loaded = load_pipeline(tmp_path / "all")
    assert loaded.steps == made.steps
    before = {p: p.read_bytes() for p in sorted((tmp_path / "all").rglob("*.yaml"))}
    assert len(before) == len(made) + 1
    save_pipeline(loaded, tmp_path / "all")
    assert {p: p.read_bytes() for p in sorted((tmp_path / "all").rglob("*.yaml"))} == before
    save_pipeline(loaded, tmp_path / "one.yaml")
    assert load_pipeline(tmp_path / "one.yaml").steps == made.steps


def test_what_handles_say_beyond_what_is_needed_is_kept(project):
    path = project / "handles" / "smooth.handles.yaml"
    text = HANDLES.replace(
        "      options: [average, gaussian, median, bilateral]\n",
        "      options: [average, gaussian, median, bilateral]\n      mode: expert\n",
    ).replace("version: 0.1.0", "version: 0.1.0\nauthor: somebody  # who knows")
    path.write_text(text)
    loaded = load_pipeline(project)
    save_pipeline(loaded, project)
    assert path.read_text() == text
    save_pipeline(loaded.configure("smooth", filter_size=9), project)
    document = yaml.safe_load(path.read_text())
    assert document["author"] == "somebody"
    assert document["input"][1]["mode"] == "expert"


def test_an_input_that_the_module_does_not_have_is_told(project):
    path = project / "handles" / "smooth.handles.yaml"
    extra = "    - name: plot_clip_value\n      type: Numeric\n      value: 3\n\noutput:"
    path.write_text(HANDLES.replace("output:", extra))
    with pytest.raises(PipelineFileError, match="'smooth' has no input 'plot_clip_value'"):
        load_pipeline(project)
