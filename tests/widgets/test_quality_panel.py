from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel

import limelight
from limelight.core.localizations import Localizations
from limelight.core.locs import LiveQuality, quality
from limelight.widgets import localize_results
from limelight.widgets.figures import figure_text
from limelight.widgets.localize_dock import LocalizeDock
from limelight.widgets.quality_panel import QualityPanel

DATA = Path(__file__).parents[1] / "data"
SECONDS = 120_000


@pytest.fixture
def locs() -> Localizations:
    return limelight.load_localizations(DATA / "tools_locs.hdf5")


@pytest.fixture
def panel(qtbot):
    panel = QualityPanel()
    qtbot.addWidget(panel)
    panel.show()
    yield panel
    panel.runner.cancel()
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=SECONDS)


def idle(qtbot, panel):
    qtbot.waitUntil(lambda: not panel.runner.running, timeout=SECONDS)


def test_figures_and_curves_of_a_table(panel, locs, qtbot):
    found = []
    panel.measured.connect(lambda table, quality: found.append((table, quality)))
    panel.measure(locs)
    assert not panel.estimate.isEnabled()
    idle(qtbot, panel)
    ((table, measured),) = found
    assert table is locs and measured.to_dict() == quality(locs).to_dict()
    text = panel.figures.label.text()
    assert "Precision by NeNA" in text and figure_text(measured["nena_nm"]) in text
    assert panel.plots.current.title == "Molecules per frame"
    assert [p.title for p in panel.plots.plots][1].startswith("Drift")
    assert panel.estimate.isEnabled() and panel.bar.isHidden()
    panel.clear()
    assert panel.figures.isHidden() and panel.plots.isHidden()


def test_what_is_in_doubt_is_marked_and_told(panel, locs, qtbot):
    bare = Localizations(locs.table[["frame", "x", "y"]].iloc[:300], locs.provenance)
    panel.measure(bare)
    idle(qtbot, panel)
    assert "not measured" in panel.figures.label.text()
    assert "no column 'photons'" in panel.figures.notes.text()
    panel.measure(Localizations.empty())
    idle(qtbot, panel)
    assert "the table is empty" in panel.message.text()


def test_a_newer_table_ends_the_older_measurement(panel, locs, qtbot):
    other = Localizations(locs.table, locs.provenance)
    found = []
    panel.measured.connect(lambda table, _: found.append(table))
    panel.measure(locs)
    panel.measure(other)
    qtbot.waitUntil(lambda: found == [other], timeout=SECONDS)
    idle(qtbot, panel)
    assert found == [other]


def test_figures_so_far_stay_when_it_is_cancelled(panel, locs, qtbot, monkeypatch):
    from limelight.core.locs import assess

    nena = assess.nena

    def slow(*arguments, **values):
        qtbot_wait.append(1)
        panel.runner.cancel()
        return nena(*arguments, **values)

    qtbot_wait: list[int] = []
    monkeypatch.setattr(assess, "nena", slow)
    panel.measure(locs)
    idle(qtbot, panel)
    assert "Cancelled" in panel.message.text()
    assert any(m.name == "n_locs" for m in panel.figures.measures)
    assert not any(m.name == "bright_time" for m in panel.figures.measures)


def figure(panel, name):
    return next((m.value for m in panel.figures.measures if m.name == name), None)


def test_it_follows_a_run_that_is_under_way(panel, locs, qtbot, monkeypatch):
    live = LiveQuality(locs.pixel_size_nm)
    panel.follow(live)
    assert panel.figures.isHidden()
    frames = locs["frame"]
    last = int(frames.max()) + 1

    def add(start, stop):
        rows = (frames >= start) & (frames < stop)
        live.add(Localizations(locs.table[rows].reset_index(drop=True), locs.provenance))

    add(0, last // 2)
    half = len(live)
    qtbot.waitUntil(lambda: figure(panel, "n_locs") == half, timeout=SECONDS)
    assert [p.title for p in panel.plots.plots] == ["Molecules per frame"]
    assert figure(panel, "locs_per_frame") > 0
    qtbot.waitUntil(lambda: figure(panel, "nena_nm") is not None, timeout=SECONDS)
    first = figure(panel, "nena_nm")
    add(last // 2, last)
    qtbot.waitUntil(lambda: figure(panel, "n_locs") == len(locs), timeout=SECONDS)
    qtbot.waitUntil(lambda: figure(panel, "nena_nm") not in (None, first), timeout=SECONDS)
    assert any(m.name == "frc_nm" for m in panel.figures.measures)
    assert not panel.estimate.isEnabled()
    # the run ends while something is being measured: the whole table takes its place
    panel.unfollow()
    panel.measure(locs)
    qtbot.waitUntil(lambda: figure(panel, "bright_time") is not None, timeout=SECONDS)
    idle(qtbot, panel)
    assert len(panel.plots.plots) > 1 and panel.estimate.isEnabled()


def test_after_a_run_the_quality_is_measured_and_reported(qtbot, tmp_path, monkeypatch):
    told: list = []
    monkeypatch.setattr(localize_results, "report", told.append)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32]
    spot = 800 * np.exp(-((y - 15.3) ** 2 + (x - 16.1) ** 2) / 3)
    np.save(tmp_path / "film.npy", rng.poisson(spot + 10, (40, 32, 32)).astype(np.uint16))
    viewer = ViewerModel()
    movie = limelight.open_movie(tmp_path / "film.npy")
    viewer.add_image(movie.read(0, 40), name="film", metadata={"movie": movie})
    dock = LocalizeDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    dock.form.fitter.choose("avg")
    assert dock.quality.always.isChecked() and not dock.quality.estimate.isEnabled()
    dock.start()
    qtbot.waitUntil(lambda: len(told) > 0, timeout=SECONDS)
    qtbot.waitUntil(lambda: not dock.quality.runner.running, timeout=SECONDS)
    assert dock.quality.figures.isVisible()
    (record,) = told
    assert record.file == tmp_path / "film_locs.hdf5"
    assert record.figures["nena_nm"] is None or record.figures["nena_nm"] > 0
    assert record.figures["n_locs"] == len(dock.results.newest)
    dock.quality.always.setChecked(False)
    dock.start()
    qtbot.waitUntil(lambda: not dock.runner.running, timeout=SECONDS)
    assert dock.quality.figures.isHidden() and not dock.quality.runner.running
    dock.quality.estimate.click()
    qtbot.waitUntil(lambda: len(told) == 2, timeout=SECONDS)
    dock.remember()
    other = LocalizeDock(viewer)
    qtbot.addWidget(other)
    assert not other.quality.always.isChecked()
    for one in (dock, other):
        one.mailbox.close()
