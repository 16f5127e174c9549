from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.locs import quality, quality_job
from limelight.core.simulate import linear_drift

if TYPE_CHECKING:
    from limelight.core.job import Progress

NAMES = {
    "n_locs", "locs_per_frame", "median_photons", "median_sx", "median_sy", "median_bg",
    "median_lpx", "median_lpy", "nena_px", "nena_nm", "drift_rcc_x", "drift_rcc_y",
    "drift_aim_x", "drift_aim_y", "frc_nm", "bright_time",
}  # fmt: skip


def test_figures_of_a_simulated_table(blinking_maker) -> None:
    drift = linear_drift(2_000, (1.0, -0.6))
    locs = blinking_maker(40_000, 2_000, sites=800, drift=drift)
    steps: list[Progress] = []
    found = quality(locs, steps.append)
    assert [s.done for s in steps] == [1, 2, 3, 4, 5, 6] and steps[-1].total == 6
    assert set(found.to_dict()) == NAMES == {m.name for s in steps for m in s.partial}
    assert found["n_locs"].value == len(locs) and found.sampled == len(locs)
    assert found.locs_per_frame.sum() == len(locs) and len(found.locs_per_frame) == 2_000
    assert found["nena_px"].value == pytest.approx(0.1, rel=0.06)
    assert found["nena_nm"].value == pytest.approx(10, rel=0.06)
    assert found["drift_aim_x"].value == pytest.approx(1.0, abs=0.1)
    assert found["drift_rcc_y"].value == pytest.approx(0.6, abs=0.1)
    assert found["bright_time"].value == pytest.approx(3.0, rel=0.15)
    assert found["median_sx"].value == pytest.approx(1.2, rel=0.02)
    assert found["frc_nm"].reliable
    assert all(m.unit or m.name == "n_locs" for m in found.measures)
    with pytest.raises(KeyError):
        found["something"]


def test_a_jump_that_point_matching_misses_is_doubted(blinking_maker) -> None:
    jump = np.zeros((2_000, 2))
    jump[900:] = 2.0
    found = quality(blinking_maker(20_000, 2_000, drift=jump))
    assert found["drift_rcc_x"].value == pytest.approx(2.0, abs=0.5)
    assert not found["drift_aim_x"].reliable
    assert "jumped" in found["drift_aim_x"].note


def test_a_sample_is_a_window_with_all_its_frames(blinking_maker) -> None:
    locs = blinking_maker(40_000, 2_000, sites=800)
    found = quality(locs, sample=15_000)
    assert found.sampled == 15_000
    assert found["n_locs"].value == len(locs)
    assert found["nena_px"].value == pytest.approx(0.1, rel=0.06)


def test_a_table_without_photons(blinking: Localizations) -> None:
    bare = Localizations(blinking.table[["frame", "x", "y"]], blinking.provenance)
    found = quality(bare)
    assert found["median_photons"].value is None
    assert "no column 'photons'" in found["median_photons"].note
    assert found["nena_px"].reliable


def test_one_frame(blinking: Localizations) -> None:
    one = Localizations(blinking.table.assign(frame=np.uint32(0)), [{"Frames": 1}])
    found = quality(one)
    assert found["locs_per_frame"].value == len(one)
    for name in ("nena_px", "drift_rcc_x", "drift_aim_y", "frc_nm", "bright_time"):
        assert found[name].value is None and not found[name].reliable
        assert len(found[name].note) > 20


def test_rows_that_are_not_numbers_are_left_out(broken) -> None:
    found = quality(broken["nan"])
    assert found["n_locs"].value == len(broken["nan"]) - 4
    assert "4 rows" in found["n_locs"].note
    table = broken["nan"].table.assign(photons=np.float32(np.nan))
    assert "no finite value" in quality(table)["median_photons"].note


def test_molecules_that_shine_once_have_no_precision() -> None:
    rng = np.random.default_rng(0)
    columns = {"frame": np.sort(rng.integers(0, 500, 20_000))}
    columns |= {axis: rng.uniform(0, 60, 20_000) for axis in "xy"}
    found = quality(Localizations.from_columns(columns))
    assert not found["nena_nm"].reliable and found["nena_nm"].note
    assert not found["bright_time"].reliable


def test_it_can_be_cancelled(blinking: Localizations) -> None:
    job = quality_job(blinking)
    assert next(job).message == "Counted molecules"
    job.close()


def test_messages(blinking, broken) -> None:
    with pytest.raises(ParameterError, match="table is empty"):
        quality(broken["empty"])
    with pytest.raises(ParameterError, match="sample"):
        quality(blinking, sample=0)
    with pytest.raises(ParameterError, match="no row has finite"):
        quality(blinking.table.assign(x=np.float32(np.nan)))


def test_names_load_on_first_use() -> None:
    import limelight.core.locs as tools

    assert set(dir(tools)) == set(tools.__all__)
    assert all(getattr(tools, name) is not None for name in tools.__all__)
    with pytest.raises(AttributeError, match="no attribute"):
        tools.nothing  # noqa: B018
