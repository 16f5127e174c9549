from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from limelight.core import parts
from limelight.core.errors import LimelightError, ParameterError
from limelight.core.job import run
from limelight.core.localizations import Localizations
from limelight.core.locs import (
    CircleRegion,
    PolygonRegion,
    RectangleRegion,
    apply_drift,
    dbscan,
    frc,
    link,
    nearest_neighbours,
    nena,
    pick,
    quality,
    undo_drift,
)
from limelight.core.locs.region_text import parse_regions, write_regions
from limelight.core.locs.tools.choose import Filter, Pick
from limelight.core.locs.tools.clusters import DBSCAN, HDBSCAN
from limelight.core.locs.tools.join import Link
from limelight.core.locs.tools.measure import FRCTool, NearestNeighbours, NeNATool, QualityTool
from limelight.core.locs.tools.tool import RECORD_KEY, Tool
from limelight.core.locs.tools.undrift import Undrift
from limelight.core.settings import fields_of
from limelight.core.simulate import linear_drift

NAMES = [
    "dbscan",
    "filter",
    "frc",
    "hdbscan",
    "link",
    "neighbours",
    "nena",
    "pick",
    "quality",
    "undrift",
]  # fmt: skip
NEEDED = {"filter": {"where": "x > 3"}, "pick": {"regions": "circle 20 20 8"}}


def make(name: str, **settings) -> Tool:
    return parts.make("tools", name, **{**NEEDED.get(name, {}), **settings})


def test_the_list_is_complete_and_each_tool_says_what_it_is() -> None:
    assert [n for n in parts.names("tools") if n in NAMES] == NAMES
    for name in NAMES:
        tool = make(name)
        assert tool.name == name == parts.name_of("tools", tool) and tool.title
        assert all(field.help.endswith(".") for field in fields_of(type(tool)))
    suffixes = [make(n).suffix for n in NAMES if make(n).suffix]
    assert len(set(suffixes)) == len(suffixes)
    assert {"_undrift", "_link", "_dbscan", "_filter"} <= set(suffixes)


@pytest.mark.parametrize("name", NAMES)
def test_every_tool_measures_and_notes_what_it_did(blinking, name) -> None:
    steps = []
    result = run(make(name).run(blinking), steps.append)
    assert steps and result.measures
    assert all(v is None or isinstance(v, float) for v in result.values.values())
    assert len({m.name for m in result.measures}) == len(result.measures)
    if make(name).suffix:
        assert result.locs is not None
        assert result.locs.provenance[:1] == blinking.provenance
        record = result.locs.provenance[-1][RECORD_KEY]
        assert record["name"] == name
        assert type(make(name)).from_dict(record["settings"]) == make(name)
        assert result.locs.pixel_size_nm == blinking.pixel_size_nm
    else:
        assert result.locs is None and result.found is not None
    for plot in result.plots:
        assert plot.lines and all(len(line.x) == len(line.y) for line in plot.lines)


def test_the_tools_give_what_the_functions_give(blinking) -> None:
    def same(found, wanted):
        pd.testing.assert_frame_equal(found.locs.table, wanted.table)

    same(run(Link(max_distance=0.4, dark_frames=1).run(blinking)), link(blinking, 0.4, 1))
    same(run(DBSCAN(radius=0.2, min_samples=5).run(blinking)), dbscan(blinking, 0.2, 5))
    assert run(NeNATool().run(blinking))["nena_px"].value == nena(blinking).sigma_px
    assert run(FRCTool().run(blinking)).found.resolution_nm == frc(blinking).resolution_nm
    assert run(QualityTool().run(blinking)).values == quality(blinking).to_dict()
    distance = nearest_neighbours(blinking, 2)
    near = run(NearestNeighbours(count=2).run(blinking))
    np.testing.assert_allclose(near.locs["nn2_nm"], distance[:, 1].astype(np.float32))
    assert near["nn1_nm"].value == pytest.approx(np.median(distance[:, 0]))
    regions = [CircleRegion(20, 20, 4), RectangleRegion.from_bounds(30, 30, 40, 50)]
    picked = run(Pick.of(regions).run(blinking))
    same(picked, pick(blinking, regions))
    counts = np.bincount(picked.locs["group"])
    assert picked.groups["n_locs"].tolist() == counts.tolist()
    np.testing.assert_allclose(
        picked.groups["density_per_um2"], counts / np.array([np.pi * 16, 200.0]) * 100.0
    )


@pytest.mark.parametrize("method", ["aim", "rcc"])
def test_undrift_takes_the_drift_out_and_it_can_be_put_back(blinking_maker, method) -> None:
    truth = linear_drift(2_000, (1.0, -0.6))
    locs = blinking_maker(40_000, 2_000, sites=800, drift=truth)
    result = run(Undrift(method=method).run(locs))
    assert result["drift_x"].value == pytest.approx(1.0, abs=0.1)
    assert result["drift_y_nm"].value == pytest.approx(60, abs=8)
    assert result.drift.method.lower() == method
    pd.testing.assert_frame_equal(result.locs.table, apply_drift(locs, result.drift).table)
    back = undo_drift(result.locs, result.drift)
    np.testing.assert_allclose(back["x"], locs["x"], atol=2e-5)
    names = [line.name for line in result.plots[0].lines]
    assert names == ["x", "y"] and len(result.plots[0].lines[0].x) == 2_000


def test_undrift_by_fiducials(blinking_maker) -> None:
    truth = linear_drift(500, (0.5, 0.3))
    locs = blinking_maker(5_000, 500, sites=200, drift=truth)
    rng = np.random.default_rng(0)
    frames = np.arange(500)
    bead = locs.table.iloc[:500].copy()
    bead["frame"] = frames.astype(np.uint32)
    bead["x"] = (30 + truth[:, 0] + rng.normal(0, 0.01, 500)).astype(np.float32)
    bead["y"] = (12 + truth[:, 1] + rng.normal(0, 0.01, 500)).astype(np.float32)
    table = pd.concat([locs.table, bead]).sort_values("frame", ignore_index=True)
    result = run(Undrift(method="fiducials").run(Localizations(table, locs.provenance)))
    centred = truth - truth.mean(axis=0)
    assert np.sqrt(np.mean((result.drift.dx - centred[:, 0]) ** 2)) < 0.03


def test_hdbscan_finds_the_sites(blinking_maker) -> None:
    locs = blinking_maker(3_000, 500, sites=30, precision=0.05)
    result = run(HDBSCAN(min_cluster_size=20).run(locs))
    assert result["n_clusters"].value == pytest.approx(30, abs=3)
    assert len(result.groups) == result["n_clusters"].value


def test_filters_that_ask_for_nothing_or_leave_nothing(blinking) -> None:
    with pytest.raises(ParameterError, match="no condition"):
        run(Filter().run(blinking))
    none = run(Filter(where="photons < 0").run(blinking))
    assert len(none.locs) == 0 and "loosen" in none.notes[0]
    holed = blinking.table.copy()
    holed.loc[3:6, "sx"] = np.nan
    clean = run(Filter(drop_nan=True).run(Localizations(holed, blinking.provenance)))
    assert len(clean.locs) == len(blinking) - 4


# -- bad input ----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", NAMES)
def test_an_empty_table_is_told(broken, name) -> None:
    with pytest.raises(ParameterError, match=f"{name}: the table is empty"):
        run(make(name).run(broken["empty"]))


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("filter", "quality")])
@pytest.mark.parametrize("what", ["nan", "infinite"])
def test_columns_with_holes_are_told_with_the_remedy(broken, name, what) -> None:
    with pytest.raises(ParameterError, match=r"not a finite number in .* rows.*drop_nan"):
        run(make(name).run(broken[what]))


def test_quality_leaves_holes_out_and_says_so(broken) -> None:
    found = run(QualityTool().run(broken["nan"]))
    assert "4 rows are not finite" in found["n_locs"].note


@pytest.mark.parametrize("name", NAMES)
def test_one_frame(blinking, name) -> None:
    one = blinking.table.iloc[:200].assign(frame=np.uint32(0))
    locs = Localizations(one, [{"Frames": 1, "Height": 64, "Width": 64, "Pixelsize": 100.0}])
    if name in ("undrift", "nena", "frc"):
        with pytest.raises(LimelightError, match=r"frame"):
            run(make(name).run(locs))
        return
    result = run(make(name).run(locs))
    if name == "link":
        assert len(result.locs) == 0 and "remove_cut" in result.notes[0]
    if name == "quality":
        assert result["n_locs"].value == 200 and result["nena_nm"].value is None
        assert result["nena_nm"].note


@pytest.mark.parametrize("name", NAMES)
def test_a_table_with_nothing_but_positions(blinking, name) -> None:
    bare = Localizations(blinking.table[["frame", "x", "y"]], blinking.provenance)
    result = run(make(name).run(bare))
    assert result.measures
    if name == "quality":
        assert "no column 'photons'" in result["median_photons"].note
        assert result["nena_nm"].value is not None


@pytest.mark.parametrize("name", NAMES)
def test_a_job_can_be_cancelled_at_every_step(blinking, name) -> None:
    job = make(name).run(blinking)
    next(job)
    job.close()


# -- regions as text ----------------------------------------------------------------------------
def test_regions_survive_as_text() -> None:
    regions = [
        CircleRegion(12.5, 20, 1.5),
        RectangleRegion(1, 2, 3.25, 4, 0.5),
        PolygonRegion(((1, 1), (5, 1.125), (3, 4))),
    ]
    assert parse_regions(write_regions(regions)) == regions
    assert parse_regions("rectangle 0 0 5 6;") == [RectangleRegion.from_bounds(0, 0, 5, 6)]
    assert parse_regions(" ; ") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("circel 1 2 3", "Did you mean 'circle'"),
        ("circle 1 2", "must have the form 'circle X Y RADIUS'"),
        ("circle a b c", "with numbers"),
        ("polygon 1 2 3 4", "polygon X Y"),
        ("circle 1 2 -3", "radius must be more than 0"),
        ("", "there is no region"),
    ],
)
def test_what_is_no_region_is_told(blinking, text, message) -> None:
    with pytest.raises(ParameterError, match=message):
        run(Pick(regions=text).run(blinking))
