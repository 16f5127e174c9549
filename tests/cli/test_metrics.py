from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from limelight.cli import main
from limelight.core.localizations import Localizations
from limelight.core.report import RunRecord
from limelight.io import save_localizations, write_tiff
from limelight.metrics import Database


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LIMELIGHT_DB", str(tmp_path / "metrics.sqlite"))
    return tmp_path / "metrics.sqlite"


@pytest.fixture
def filled(place):
    database = Database()
    now = datetime.now(UTC)
    for k in range(60):
        database.add(
            RunRecord(
                kind="localization" if k % 2 else "acquisition",
                file=f"/data/cell_{k}_locs.hdf5",
                started=now - timedelta(days=k),
                group="paint" if k < 10 else "",
                figures={"n_locs": 1000.0 * k, "nena_nm": 10.0, "median_snr": 3.0},
            )
        )
    database.close()


def lines(capsys) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_the_history_as_a_table(filled, capsys):
    assert main(["history"]) == 0
    shown = lines(capsys)
    assert len(shown) == 52 and shown[0].split()[:4] == ["started", "kind", "n_locs", "nena_nm"]
    assert "cell_0_locs" in shown[1] and "10 more" in shown[-1]
    assert main(["history", "CELL_5", "locs", "--kind", "localization"]) == 0
    assert len(lines(capsys)) == 1 + 6  # 5, 51, 53, 55, 57, 59
    assert main(["history", "nowhere"]) == 0
    assert lines(capsys) == ["No runs."]


def test_the_history_for_scripts(filled, capsys):
    assert main(["history", "--since", "5d", "--csv", "--columns", "file,median_snr"]) == 0
    shown = lines(capsys)
    assert shown[0] == "id,file,median_snr" and len(shown) == 6 and shown[1].endswith(",3")
    assert main(["history", "--group", "paint", "--json", "--order", "n_locs"]) == 0
    rows = [json.loads(line) for line in lines(capsys)]
    assert [r["n_locs"] for r in rows] == [1000.0 * k for k in range(10)]
    assert rows[0]["frc_nm"] is None and datetime.fromisoformat(rows[0]["started"]).tzinfo


def test_what_is_wrong_is_told(place, capsys, monkeypatch, tmp_path):
    for words, message in (
        (["--since", "yesterday"], "is no time"),
        (["--order", "nena_mm"], "Did you mean 'nena_nm'"),
        (["--limit", "0"], "at least 1"),
        (["--relocate", "a", str(tmp_path / "no")], "nothing at"),
        (["--import-picasso", str(tmp_path / "no.db")], "no such file"),
    ):
        assert main(["history", *words]) == 2
        assert message in capsys.readouterr().err
    monkeypatch.setenv("LIMELIGHT_DB", "none")
    assert main(["history"]) == 2 and "switched off" in capsys.readouterr().err
    monkeypatch.setenv("LIMELIGHT_DB", "nonsense://x")
    assert main(["history", "--status"]) == 1
    assert "no SQLAlchemy URL" in capsys.readouterr().err


def test_status_and_relocation(filled, capsys, tmp_path):
    assert main(["history", "--status"]) == 0
    shown = "\n".join(lines(capsys))
    assert "60 (30 acquisition, 30 localization)" in shown and str(tmp_path) in shown
    assert main(["history", "--relocate", "/data", str(tmp_path)]) == 0
    assert lines(capsys) == ["60 runs relocated."]


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(1)
    n = 400
    columns = {c: rng.uniform(0, 32, n) for c in ("x", "y", "photons")}
    columns["frame"] = np.sort(rng.integers(0, 50, n))
    steps = [{"Frames": 50, "Height": 32, "Width": 32, "Pixelsize": 100}]
    return save_localizations(Localizations.from_columns(columns, steps), tmp_path / "a_locs.hdf5")


def test_a_report_is_printed_remembered_and_written(place, table, capsys):
    assert main(["report", str(table), "--quiet", "--group", "old"]) == 0
    shown = "\n".join(lines(capsys))
    assert "Precision by NeNA" in shown and "a_locs_report.html" in shown
    assert table.with_name("a_locs_report.html").stat().st_size > 10_000
    assert main(["report", str(table), "--no-page", "--quiet", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["n_locs"] == 400 and told["page"] is None
    rows = Database().query()
    assert rows["group"].tolist() == ["old"]  # one run, however often it is reported
    assert main(["report", str(table.parent / "no.hdf5"), str(table), "--no-page"]) == 1
    assert "no such file" in capsys.readouterr().err


def test_a_report_where_nothing_is_remembered(place, table, capsys, monkeypatch):
    monkeypatch.setenv("LIMELIGHT_DB", "none")
    assert main(["report", str(table), "--quiet", "--no-page"]) == 0


def test_a_folder_is_watched(place, tmp_path, capsys):
    folder = tmp_path / "movies"
    folder.mkdir()
    y, x = np.mgrid[:24, :24]
    spot = 800 * np.exp(-((y - 12.2) ** 2 + (x - 11.4) ** 2) / 2.9)
    counts = np.random.default_rng(1).poisson(spot + 20, (8, 24, 24)).astype(np.uint16)
    write_tiff(folder / "a.ome.tif", counts)
    settings = tmp_path / "s.yaml"
    settings.write_text("fit: phasor\n")
    words = [
        "watch",
        str(folder),
        "--settings",
        str(settings),
        "--poll",
        "0.05",
        "--settle",
        "0.05",
    ]
    assert main([*words, "--once", "--group", "paint", "--tag", "live"]) == 0
    assert "1 processed" in lines(capsys)[-1]
    (row,) = Database().query()
    assert (row["group"], row["tags"].split()) == ("paint", ["live"])
    (folder / "b.ome.tif").write_bytes(b"no TIFF" * 99)
    assert main([*words, "--once", "--patience", "0.1", "--no-quality"]) == 1
    assert "b.ome.tif: failed" in capsys.readouterr().err


def test_a_watcher_needs_a_folder(place, capsys, tmp_path):
    assert main(["watch"]) == 2 and "Name a folder" in capsys.readouterr().err
    assert main(["watch", str(tmp_path / "no")]) == 2
    assert "no folder" in capsys.readouterr().err
    assert main(["watch", "--example", str(tmp_path)]) == 0
    assert f"folders: [{tmp_path}]" in capsys.readouterr().out
