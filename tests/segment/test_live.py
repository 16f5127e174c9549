"""A pipeline as a processor: over a movie, and in an acquisition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from limelight.acquire import Acquisition, multi_d_acquisition_events
from limelight.acquire.label_images import LabelImages
from limelight.acquire.scope import simulated_core
from limelight.core.camera import Camera
from limelight.core.chain import chain, process_job
from limelight.core.errors import LimelightError, ParameterError
from limelight.core.frame import Frame
from limelight.core.parts import load
from limelight.core.stream import Objects, Reading, Request, Stream
from limelight.segment import pipeline_job, run, save_pipeline
from limelight.segment.live import Segment


@pytest.fixture
def file(pipeline, tmp_path):
    return str(save_pipeline(pipeline, tmp_path / "p.yaml"))


def stream_of(shape, nm=200.0):
    return Stream(shape, np.dtype(np.uint16), Camera(pixel_size_nm=nm))


def test_over_a_movie_it_is_the_pipeline_on_each_frame(pipeline, file, nuclei):
    movie = np.stack([np.roll(nuclei, 9 * k, 1) for k in range(3)])
    assert load("processors", "segment") is Segment
    done = run(process_job(movie, [Segment(pipeline=file)]))
    assert [o.name for o in done.others] == ["Nuclei"] * 3
    for k, found in enumerate(done.others):
        expected = run(pipeline_job(pipeline, {"DAPI": movie[k]})).objects["Nuclei"]
        assert np.array_equal(found.labels, expected.labels)
        pd.testing.assert_frame_equal(found.features, expected.features)
    assert done.readings.latest()["Nuclei"] == len(expected)


def test_channels_are_gathered_until_a_field_is_whole(nuclei):
    def frames():
        for t in range(2):
            for c, name in enumerate(("GFP", "DAPI")):
                axes = {"time": t, "channel": name, "position": 0}
                yield Frame(
                    np.full_like(nuclei, 100) if c == 0 else nuclei, index=2 * t + c, axes=axes
                )

    part = Segment(pipeline="nuclei-cells", channels="DAPI, GFP")
    given = list(chain(frames(), [part], stream_of(nuclei.shape)))
    objects = [o for o in given if isinstance(o, Objects)]
    assert [(o.index, o.name) for o in objects] == [
        (1, "Nuclei"),
        (1, "Cells"),
        (3, "Nuclei"),
        (3, "Cells"),
    ]
    assert objects[0].axes == {"time": 0, "position": 0}
    assert len(objects[0].features) > 5


@pytest.mark.parametrize("at", ["field", "object"])
def test_fields_with_such_objects_are_taken_again_so_often_and_no_more(file, nuclei, at):
    metadata = {"XPosition_um_Intended": 50.0, "YPosition_um_Intended": -20.0}
    frames = [Frame(nuclei, index=k, axes={"time": k}, metadata=metadata) for k in range(4)]
    part = Segment(
        pipeline=file, revisit="Morphology_area > 500 and not is_border", at=at, revisits=2
    )
    given = list(chain(frames, [part], stream_of(nuclei.shape)))
    requests = [o for o in given if isinstance(o, Request)]
    assert len(requests) == 2
    (event,) = requests[0].events
    assert event["axes"] == {"time": 0, "revisit": 1}
    if at == "field":
        assert (event["x"], event["y"]) == (50.0, -20.0)
    else:  # the disc of radius 13 around (85, 100), 0.2 µm a pixel
        assert event["x"] == pytest.approx(50 + (100 - 99.5) * 0.2, abs=0.05)
        assert event["y"] == pytest.approx(-20 + (85 - 79.5) * 0.2, abs=0.05)


def test_what_is_wrong_is_told(file, nuclei):
    frames = [Frame(nuclei, index=0)]
    with pytest.raises(ParameterError, match="takes 1 channels"):
        list(chain(frames, [Segment(pipeline=file, channels="A,B")], stream_of(nuclei.shape)))
    with pytest.raises(LimelightError, match=r"cannot be applied.*Intensity_max"):
        list(
            chain(frames, [Segment(pipeline=file, revisit="nothing > 3")], stream_of(nuclei.shape))
        )
    with pytest.raises(LimelightError, match="no pipeline of this name"):
        list(chain(frames, [Segment(pipeline="nuclej")], stream_of(nuclei.shape)))


def test_in_an_acquisition(file, tmp_path):
    core = simulated_core(real_time=False)
    heard = []
    part = Segment(pipeline=file, revisit="Morphology_area > 0", revisits=1)
    with Acquisition(
        tmp_path,
        "cells",
        core=core,
        processors=[part],
        show_display=False,
        on_output=lambda name, output: heard.append((name, output)),
    ) as acquisition:
        events = multi_d_acquisition_events(num_time_points=2, xy_positions=[(0, 0), (30, 0)])
        acquisition.acquire(events)
    readings = [o for _, o in heard if isinstance(o, Reading)]
    objects = [o for _, o in heard if isinstance(o, Objects)]
    data = acquisition.get_dataset()
    assert len(readings) == len(objects) == 6  # 2 x 2, and each position once more
    assert sorted(data.axes["revisit"]) == [1]
    assert len({n for n, _ in heard}) == 1
    features = acquisition.results.features("Nuclei")
    assert len(features) == sum(len(o.features) for o in objects)
    assert {"index", "time", "position", "label", "Morphology_area"} <= set(features.columns)
    nuclei = LabelImages(data.path, "Nuclei")
    assert len(nuclei) == 6
    for one in objects:
        assert np.array_equal(nuclei.read(**one.axes), one.labels)
    (kept,) = tmp_path.rglob("*_Nuclei.csv")
    assert len(pd.read_csv(kept)) == len(features)
    data.close()


@pytest.mark.parametrize(("form", "save"), [("ram", True), ("ome-tiff", False)])
def test_label_images_are_written_only_where_they_are_wanted(file, tmp_path, form, save):
    with Acquisition(
        tmp_path,
        "cells",
        core=simulated_core(real_time=False),
        processors=[Segment(pipeline=file, save_labels=save)],
        show_display=False,
        format=form,
    ) as acquisition:
        acquisition.acquire(multi_d_acquisition_events(num_time_points=2))
    assert acquisition.labels.written == 0
    assert not list(tmp_path.rglob("labels"))
