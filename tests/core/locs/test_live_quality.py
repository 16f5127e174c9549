from __future__ import annotations

import threading

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.locs import LiveQuality, frc, nena


def blocks(locs, size):
    """The table as it comes: runs of frames."""
    frame = locs["frame"]
    for start in range(0, int(frame.max()) + 1, size):
        rows = locs.table[(frame >= start) & (frame < start + size)].reset_index(drop=True)
        yield Localizations(rows, locs.provenance)


def test_figures_are_those_of_the_whole_table_while_it_is_small(blinking) -> None:
    live = LiveQuality()
    for block in blocks(blinking, 37):
        live.add(block)
    frame = blinking["frame"].astype(int)
    np.testing.assert_array_equal(
        live.locs_per_frame, np.bincount(frame, minlength=int(frame.max()) + 1)
    )
    figures = {m.name: m.value for m in (*live.current(), *live.precise())}
    assert len(live) == len(blinking) == figures["n_locs"]
    assert figures["nena_px"] == nena(blinking).sigma_px
    assert figures["nena_nm"] == pytest.approx(10, rel=0.06)
    assert figures["frc_nm"] == frc(blinking).resolution_nm
    recent = blinking["photons"]
    assert figures["median_photons"] == pytest.approx(np.median(recent), rel=0.05)


def test_cost_is_bounded_and_the_window_keeps_all_frames(blinking_maker) -> None:
    locs = blinking_maker(60_000, 3_000, sites=4_000)
    live = LiveQuality(most=5_000, recent=2_000)
    for block in blocks(locs, 50):
        live.add(block)
        assert live._held_rows <= 10_000
        assert sum(map(len, live._newest)) <= 2_000 + max(map(len, live._newest))
    held = live._joined()
    assert held["frame"].min() < 20 and held["frame"].max() > 2_980
    x, y, half = live._square
    inside = (np.abs(locs["x"] - x) <= half) & (np.abs(locs["y"] - y) <= half)
    assert len(held["x"]) == inside.sum()  # nothing inside was lost when the square shrank
    assert {m.name: m.value for m in live.precise()}["nena_nm"] == pytest.approx(10, rel=0.1)


def test_medians_follow_what_comes_now() -> None:
    live = LiveQuality(100.0, recent=100)
    for k, photons in enumerate((500.0, 2000.0)):
        n = 1000
        live.add(
            Localizations.from_columns(
                {
                    "frame": np.arange(n) // 10 + k * 100,
                    "x": np.linspace(0, 30, n),
                    "y": np.linspace(0, 30, n),
                    "photons": np.full(n, photons),
                }
            )
        )
    figures = {m.name: m for m in live.current()}
    assert figures["median_photons"].value == 2000
    assert figures["locs_per_frame"].value == pytest.approx(10)
    assert figures["median_lpx"].value is None and "no column" in figures["median_lpx"].note
    assert live.readings()["Photons, median (photons)"] == 2000


def test_precision_is_measured_again_only_when_the_table_has_grown(blinking) -> None:
    live = LiveQuality()
    assert live.precise() == () and not live.due()
    first, *rest = blocks(blinking, 500)
    live.add(first)
    once = live.precise()
    assert live.precise() is once
    live.add(Localizations(first.table.iloc[:10], first.provenance))
    assert live.precise() is once
    for block in rest:
        live.add(block)
    assert live.due() and live.precise() is not once


def test_nothing_and_holes_do_no_harm() -> None:
    live = LiveQuality()
    live.add(Localizations.empty())
    assert len(live) == 0 and live.current()[0].value == 0 and live.readings() == {"Molecules": 0}
    live.add(Localizations.from_columns({"frame": [0, 3], "x": [np.nan, 2.0], "y": [1.0, 2.0]}))
    live.add(Localizations.from_columns({"frame": [3], "x": [np.inf], "y": [1.0]}))
    assert live.locs_per_frame.tolist() == [0, 0, 0, 1]
    with pytest.raises(ParameterError, match="at least"):
        LiveQuality(most=3)


def test_one_thread_adds_while_another_looks(blinking) -> None:
    live = LiveQuality(most=2_000, recent=500)
    done = threading.Event()
    seen: list[int] = []

    def look() -> None:
        while not done.is_set():
            seen.append(len(live.precise()))
            live.current()

    watcher = threading.Thread(target=look)
    watcher.start()
    for block in blocks(blinking, 20):
        live.add(block)
    done.set()
    watcher.join()
    assert set(seen) <= {0, 3} and len(live) == len(blinking)
