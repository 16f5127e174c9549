"""Tools on files, and the plain calls."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import limelight
from limelight.core.errors import FileError, ParameterError
from limelight.core.job import run
from limelight.core.locs import CircleRegion, PolygonRegion, RectangleRegion
from limelight.core.locs.tools.tool import RECORD_KEY
from limelight.io.picks import load_picks
from limelight.io.tools import apply_tool_job, tool_of

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def table(tmp_path) -> Path:
    """The small table of the fixture, in a folder of its own."""
    for suffix in (".hdf5", ".yaml"):
        shutil.copy(DATA / f"tools_locs{suffix}", tmp_path / f"a_locs{suffix}")
    return tmp_path / "a_locs.hdf5"


@pytest.fixture(scope="module")
def expected() -> dict[str, np.ndarray]:
    with np.load(DATA / "tools_expected.npz") as file:
        return dict(file)


# -- what Picasso makes of the same table -------------------------------------------------------
def test_linked_events_are_picassos(table, expected) -> None:
    linked = limelight.link(table, 0.4, 2, remove_cut=False)
    theirs = pd.DataFrame({k[5:]: v for k, v in expected.items() if k.startswith("link_")})
    assert list(linked.table.columns) == list(theirs.columns)
    for column in theirs:
        np.testing.assert_allclose(linked[column], theirs[column], rtol=1e-6, err_msg=column)


def test_clusters_are_picassos(table, expected) -> None:
    found = limelight.dbscan(table, 0.25, 6, min_locs=10)
    np.testing.assert_array_equal(found["x"], expected["dbscan_x"])
    np.testing.assert_array_equal(found["frame"], expected["dbscan_frame"])
    pairs = {*zip(found["group"].tolist(), expected["dbscan_group"].tolist(), strict=True)}
    assert len(pairs) == len(np.unique(expected["dbscan_group"])) == len(np.unique(found["group"]))


def test_precision_is_picassos_and_nearer_to_the_truth(table, expected) -> None:
    sigma = limelight.nena(table).sigma_px
    assert sigma == pytest.approx(float(expected["nena"].item()), rel=0.05)
    assert sigma == pytest.approx(0.05, rel=0.05)


def test_picked_molecules_are_picassos(table, expected) -> None:
    assert len(limelight.pick(table, "circle 16 16 3")) == int(expected["picked"])


def test_drift_is_the_truth(table) -> None:
    t = np.arange(600) / 600
    truth = np.column_stack([t * 1.2, np.sin(t * 3) * 0.6])
    truth -= truth.mean(axis=0)
    for method in ("aim", "rcc"):
        drift = limelight.measure_drift(table, method, 100)
        error = np.column_stack([drift.dx, drift.dy]) - truth
        assert np.sqrt(np.mean(error**2)) < 0.02


# -- files --------------------------------------------------------------------------------------
def test_results_lie_beside_the_table_with_picassos_names(table) -> None:
    locs = limelight.undrift(table, save=True)
    limelight.link(table, save=True)
    limelight.dbscan(table, 0.25, 6, save=True)
    limelight.filter(table, "photons > 500", save=True)
    names = {p.name for p in table.parent.iterdir() if p.suffix != ".yaml"}
    assert names == {
        "a_locs.hdf5", "a_locs_undrift.hdf5", "a_locs_drift.txt", "a_locs_link.hdf5",
        "a_locs_dbscan.hdf5", "a_locs_dbclusters.hdf5", "a_locs_filter.hdf5",
    }  # fmt: skip
    again = limelight.load_localizations(table.parent / "a_locs_undrift.hdf5")
    np.testing.assert_array_equal(again["x"], locs["x"])
    record = again.provenance[-1][RECORD_KEY]
    assert record["name"] == "undrift" and record["table"] == "a_locs.hdf5"
    assert again.frames == 600 and again.pixel_size_nm == 100
    groups = limelight.load_localizations(table.parent / "a_locs_dbclusters.hdf5")
    assert "convexhull" in groups and len(groups) > 50


def test_a_drift_survives_its_file_and_serves_another_table(table, tmp_path) -> None:
    drift = limelight.measure_drift(table)
    path = limelight.save_drift(drift, tmp_path / "own_drift.txt")
    assert path.read_bytes().count(b"\r\n") == 600
    again = limelight.load_drift(path)
    np.testing.assert_allclose(again.dx, drift.dx, rtol=1e-12)
    one = limelight.undrift(table, drift=again, save=tmp_path / "corrected.hdf5")
    np.testing.assert_array_equal(one["x"], limelight.undrift(table)["x"])
    assert (tmp_path / "corrected.hdf5").exists()
    result = limelight.apply_tool("undrift", table, drift_file=str(path))
    np.testing.assert_array_equal(result.locs["x"], one["x"])
    assert result.locs.provenance[-1][RECORD_KEY]["settings"]["drift_file"] == str(path)
    with pytest.raises(ParameterError, match="the drift only 600 frames"):
        longer = limelight.load_localizations(table).table.copy()
        longer["frame"] += 1
        limelight.apply_tool("undrift", longer, drift_file=str(path))
    with pytest.raises(ParameterError, match="taken_out"):
        run(tool_of("undrift", drift_file=str(path)).run(one))
    path.write_text("not a drift", encoding="utf-8")
    with pytest.raises(FileError, match="it is not a drift"):
        limelight.load_drift(path)
    with pytest.raises(FileError, match="cannot be read"):
        limelight.load_drift(tmp_path / "no.txt")


def test_tables_in_memory_and_under_a_name_of_ones_own(table, tmp_path) -> None:
    locs = limelight.load_localizations(table)
    linked = limelight.link(locs.table, 0.4, save=tmp_path / "mine.csv")
    assert (tmp_path / "mine.csv").exists() and len(linked) < len(locs)
    with pytest.raises(ParameterError, match="no file to save beside"):
        limelight.link(locs, save=True)


def test_ranges_and_conditions_together(table) -> None:
    locs = limelight.filter(table, "sx > 1.2 or sx < 1.1", photons=(500, None), lpx=(None, 0.05))
    assert 0 < len(locs) < 2752
    assert locs["photons"].min() >= 500 and locs["lpx"].max() <= 0.05
    assert ((locs["sx"] > 1.2) | (locs["sx"] < 1.1)).all()


def test_measurements_come_as_themselves(table) -> None:
    assert limelight.frc(table, seed=1).resolution_nm > 0
    assert limelight.quality(table)["nena_nm"].value == pytest.approx(5, rel=0.1)
    assert limelight.neighbours(table, 2)["nn2_nm"].min() > 0
    result = limelight.apply_tool("nena", table)
    assert result.values["nena_px"] == limelight.nena(table).sigma_px
    with pytest.raises(KeyError):
        result["nothing"]


def test_settings_that_do_not_exist_are_told(table) -> None:
    with pytest.raises(ParameterError, match="Did you mean 'max_distance'"):
        limelight.link(table, max_distnce=3)
    with pytest.raises(limelight.core.errors.PartError, match="Did you mean 'dbscan'"):
        limelight.apply_tool("dbscn", table)


# -- one file must not become another -----------------------------------------------------------
def test_two_files_of_one_name(table) -> None:
    twin = table.with_suffix(".csv")
    limelight.io.save_table(limelight.load_localizations(table), twin)
    run(apply_tool_job(tool_of("link"), table))
    with pytest.raises(ParameterError, match=r"was made from a_locs\.hdf5, and a_locs\.csv"):
        run(apply_tool_job(tool_of("link"), twin))
    run(apply_tool_job(tool_of("link", max_distance=0.3), table))  # ours, of the same: replaced
    done = run(apply_tool_job(tool_of("link"), twin, suffix="_csv"))
    assert done.saved[0].name == "a_locs_link_csv.hdf5"
    run(apply_tool_job(tool_of("link"), twin, overwrite=True))


def test_what_another_program_wrote_is_not_replaced(table) -> None:
    other = table.with_name("a_locs_link.hdf5")
    shutil.copy(table, other)
    with pytest.raises(ParameterError, match="not of Limelight's link"):
        run(apply_tool_job(tool_of("link"), table))
    assert other.read_bytes() == table.read_bytes()


def test_a_damaged_file(tmp_path) -> None:
    path = tmp_path / "bad.hdf5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 10)
    with pytest.raises(FileError, match=r"bad\.hdf5"):
        limelight.link(path)
    with pytest.raises(FileError, match=r"no\.hdf5"):
        limelight.nena(tmp_path / "no.hdf5")


def test_nothing_is_left_of_a_job_that_was_cancelled(table) -> None:
    before = sorted(table.parent.iterdir())
    job = apply_tool_job(tool_of("undrift"), table)
    for _ in range(3):
        next(job)
    job.close()
    assert sorted(table.parent.iterdir()) == before


# -- Picasso's picks ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "regions"),
    [
        (
            {"Shape": "Circle", "Diameter (nm)": 300.0, "Centers": [[10.0, 12.0]]},
            [CircleRegion(10, 12, 1.5)],
        ),
        ({"Diameter": 3.0, "Centers": [[10.0, 12.0]]}, [CircleRegion(10, 12, 1.5)]),
        (
            {
                "Shape": "Rectangle",
                "Width (nm)": 200.0,
                "Center-Axis-Points": [[[1.0, 2.0], [5.0, 2.0]]],
            },
            [RectangleRegion(1, 2, 5, 2, 2)],
        ),
        (
            {"Shape": "Square", "Side Length (nm)": 200.0, "Centers": [[5.0, 6.0]]},
            [RectangleRegion.from_bounds(4, 5, 6, 7)],
        ),
        (
            {"Shape": "Box", "Corners": [[[4.0, 5.0], [6.0, 7.0]]]},
            [RectangleRegion.from_bounds(4, 5, 6, 7)],
        ),
        (
            {"Shape": "Polygon", "Vertices": [[[0.0, 0.0], [5.0, 0.0], [5.0, 5.0]]]},
            [PolygonRegion(((0, 0), (5, 0), (5, 5)))],
        ),
    ],
)
def test_picassos_picks(tmp_path, table, content, regions) -> None:
    path = tmp_path / "a_picks.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert load_picks(path, 100.0) == regions
    assert len(limelight.pick(table, path)) == len(limelight.pick(table, regions))


def test_files_that_hold_no_picks(tmp_path, table) -> None:
    path = tmp_path / "a_picks.yaml"
    path.write_text("Shape: Brush\nStrokes: []\n", encoding="utf-8")
    with pytest.raises(FileError, match="kind 'Brush'"):
        limelight.pick(table, path)
    path.write_text("Shape: Circle\nCenters: [[1]]\n", encoding="utf-8")
    with pytest.raises(FileError, match="cannot be read"):
        load_picks(path, 100.0)
    own = tmp_path / "own.txt"
    own.write_text("circle 10 12 1.5\nrectangle 4 5 6 7\n", encoding="utf-8")
    assert len(load_picks(own, 100.0)) == 2
