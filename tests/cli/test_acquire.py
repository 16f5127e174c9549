from __future__ import annotations

import json

import pytest

from limelight.acquire import Dataset
from limelight.cli import main

YAML = """
time_plan: {interval: 0, loops: 5}
channels:
  - {config: DAPI, exposure: 1}
  - {config: FITC, exposure: 1}
"""


@pytest.fixture
def sequence(tmp_path):
    path = tmp_path / "two_colours.yaml"
    path.write_text(YAML)
    return path


@pytest.mark.parametrize("form", ["ndtiff", "ome-zarr", "ome-tiff"])
def test_a_sequence_is_acquired(sequence, tmp_path, capsys, form):
    out = tmp_path / "out"
    words = ["acquire", str(sequence), "--output", str(out), "--format", form, "--quiet"]
    assert main([*words, "--processor", "statistics"]) == 0
    said = capsys.readouterr().out
    assert "10 images" in said and "10 saved" in said and "statistics: 10 readings" in said
    (folder,) = out.iterdir()
    assert folder.name.startswith("two_colours_1")
    dataset = Dataset(folder)
    assert dataset.axes == {"time": list(range(5)), "channel": ["DAPI", "FITC"]}
    assert (folder / "statistics_readings.csv").exists()


def test_event_dictionaries_and_processors_with_settings(tmp_path, capsys):
    path = tmp_path / "events.json"
    path.write_text(json.dumps([{"axes": {"time": t}, "exposure": 1} for t in range(6)]))
    words = ["acquire", str(path), "--output", str(tmp_path / "out"), "--name", "mine", "--quiet"]
    assert main([*words, "--processor", "save-every:nth=3"]) == 0
    assert Dataset(tmp_path / "out" / "mine_1").axes == {"time": [0, 3]}


def test_a_dry_run_takes_no_image(sequence, tmp_path, capsys):
    assert main(["acquire", str(sequence), "--dry-run", "--config", "simulated"]) == 0
    assert "10 images, 0.01 GB" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--output"),
        (["--output", "{}", "--processor", "statistic"], "Did you mean 'statistics'"),
        (["--output", "{}", "--processor", "save-every:nht=3"], "nth"),
        (["--output", "{}", "--config", "nothing.cfg"], "nothing.cfg"),
    ],
)
def test_what_is_wrong_is_said(sequence, tmp_path, capsys, words, said):
    assert main(["acquire", str(sequence), *[w.format(tmp_path) for w in words]]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "time_plan: {interval: x}", "no sequence"),
        ("a.json", '[{"axes": {"time": 0}, "expsure": 1}]', "event 0.*exposure"),
        ("a.json", "{", "no sequence"),
    ],
)
def test_files_that_are_no_sequence(tmp_path, capsys, name, text, said):
    import re

    path = tmp_path / name
    path.write_text(text)
    assert main(["acquire", str(path), "--dry-run"]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert main(["acquire", str(tmp_path / "none.yaml"), "--dry-run"]) == 2
