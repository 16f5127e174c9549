from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from limelight.cli import COMMANDS, TOOLS, main, tools
from limelight.core import parts
from limelight.io import load_localizations, save_table

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def folder(tmp_path):
    """A table in two copies."""
    for name in ("a", "b"):
        for suffix in (".hdf5", ".yaml"):
            shutil.copy(DATA / f"tools_locs{suffix}", tmp_path / f"{name}_locs{suffix}")
    return tmp_path


def said(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_tool_is_a_command(capsys) -> None:
    assert set(TOOLS) == set(parts.names("tools")) and not set(TOOLS) & set(COMMANDS)
    for name in TOOLS:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        assert "FILE" in capsys.readouterr().out


def test_values_as_json_and_results_beside_the_files(folder, capsys) -> None:
    assert main(["undrift", str(folder / "*_locs.hdf5"), "--json", "--quiet"]) == 0
    found = said(capsys)
    assert [Path(f["file"]).name for f in found] == ["a_locs.hdf5", "b_locs.hdf5"]
    assert found[0]["values"]["drift_x"] == pytest.approx(1.2, abs=0.1)
    assert found[0]["settings"]["method"] == "aim" and found[0]["units"]["drift_x"] == "px"
    assert {Path(p).name for p in found[0]["saved"]} == {"a_locs_undrift.hdf5", "a_locs_drift.txt"}
    assert (folder / "b_locs_undrift.yaml").exists()
    assert main(["nena", str(folder / "a_locs_undrift.hdf5"), "--json"]) == 0
    (precision,) = said(capsys)
    assert precision["values"]["nena_nm"] == pytest.approx(5, rel=0.05)
    assert precision["saved"] == [] and precision["notes"] == []


def test_every_run_is_reported(folder, monkeypatch) -> None:
    told = []
    monkeypatch.setattr(tools, "report", told.append)
    source = folder / "a_locs.hdf5"
    assert main(["link", str(source), "--max-distance", "0.4"]) == 0
    assert main(["nena", str(source)]) == 0
    link, nena = told
    assert link.kind == "tool" and link.file == folder / "a_locs_link.hdf5"
    assert link.settings["max_distance"] == 0.4 and link.figures["n_locs"] == 2752
    assert nena.file is None and nena.source == source and nena.figures["nena_nm"] > 0


def test_settings_formats_and_suffixes(folder, capsys) -> None:
    words = ["--max-distance", "0.4", "--dark-frames", "2", "--remove-cut", "no"]
    source = str(folder / "a_locs.hdf5")
    assert main(["link", source, *words, "--suffix", "_x", "--format", "csv", "--json"]) == 0
    (found,) = said(capsys)
    assert found["values"]["n_events"] == 986
    assert len(load_localizations(folder / "a_locs_link_x.csv")) == 986
    assert main(["filter", source, "--where", "photons > 1000", "--no-save"]) == 0
    out = capsys.readouterr().out
    assert "Molecules kept" in out and not (folder / "a_locs_filter.hdf5").exists()
    assert main(["quality", source, "--json"]) == 0
    (found,) = said(capsys)
    assert found["values"]["n_locs"] == 2752 and found["values"]["bright_time"] > 1


def test_other_formats_of_tables(folder, capsys) -> None:
    save_table(load_localizations(folder / "a_locs.hdf5"), folder / "c.csv")
    assert main(["dbscan", str(folder / "c.csv"), "--radius", "0.25", "--json"]) == 0
    (found,) = said(capsys)
    assert found["values"]["n_clusters"] > 50 and (folder / "c_dbscan.hdf5").exists()
    assert (folder / "c_dbclusters.hdf5").exists()


def test_a_bad_file_does_not_stop_the_good_ones(folder, capsys) -> None:
    (folder / "aa_locs.hdf5").write_bytes(b"this is not HDF5")
    (folder / "aa_locs.hdf5").with_suffix(".yaml").write_text("Frames: 3\n", encoding="utf-8")
    assert main(["frc", str(folder / "*_locs.hdf5"), "--json"]) == 1
    captured = capsys.readouterr()
    records = [json.loads(line) for line in captured.out.splitlines()]
    assert ["error" in r for r in records] == [False, True, False]
    assert "aa_locs.hdf5" in captured.err and "1 of 3 files failed" in captured.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["link", "FILE", "--max-distance", "-3"], "at least 0.001"),
        (["link", "FILE", "--format", "xyz"], "there is no '.xyz'"),
        (["filter", "FILE"], "there is no condition"),
        (["filter", "FILE", "--where", "photon > 3"], "Did you mean 'photons'"),
        (["pick", "FILE", "--regions", "circle 1 2"], "must have the form"),
        (["nena", "FOLDER"], "is a folder"),
        (["nena", "FOLDER/*.csv"], "No file matches"),
        (["nena", "FOLDER/none.hdf5"], "none.hdf5"),
        (["undrit", "FILE"], "Did you mean 'undrift'"),
        (["undrift", "FILE", "--method", "rc"], "Did you mean 'rcc'"),
        (["undrift", "FILE", "--segment-frames", "900"], "too few for segments"),
    ],
)
def test_one_clear_message(folder, capsys, words, message) -> None:
    places = {"FILE": str(folder / "a_locs.hdf5"), "FOLDER": str(folder)}
    made = [places.get(w, w.replace("FOLDER", str(folder))) for w in words]
    assert main(made) in (1, 2)
    captured = capsys.readouterr()
    assert message in captured.err and "Traceback" not in captured.err


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_an_empty_table_is_told(folder, capsys, name) -> None:
    locs = load_localizations(folder / "a_locs.hdf5")
    path = folder / "empty.hdf5"
    save_table(locs.with_table(locs.table.iloc[:0], {"Generated by": "test"}), path)
    needed = {"filter": ["--where", "x > 3"], "pick": ["--regions", "circle 1 1 1"]}
    assert main([name, str(path), *needed.get(name, [])]) == 1
    assert f"empty.hdf5: {name}: the table is empty" in capsys.readouterr().err
    assert sorted(p.name for p in folder.glob("empty*")) == ["empty.hdf5", "empty.yaml"]
