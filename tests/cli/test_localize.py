from __future__ import annotations

import numpy as np
import pytest
import tifffile

from limelight.cli import main
from limelight.io import load_localizations


@pytest.fixture
def folder(tmp_path):
    """Two movies and a broken one."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:32, :32]
    spot = 500 * np.exp(-((y - 15) ** 2 + (x - 16) ** 2) / 3)
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", rng.poisson(spot + 10, (6, 32, 32)).astype(np.uint16))
    return tmp_path


def test_a_folder_is_localized_and_not_again(folder, capsys):
    assert main(["localize", str(folder), "--pixel-size", "100"]) == 0
    out = capsys.readouterr().out
    assert "2 of 2 movies localized (12 molecules)" in out
    locs = load_localizations(folder / "a_locs.hdf5")
    assert len(locs) == 6 and locs.pixel_size_nm == 100
    assert main(["localize", str(folder), "--pixel-size", "100"]) == 0
    assert "2 done before" in capsys.readouterr().out
    assert main(["localize", str(folder / "a.npy"), "--pixel-size", "100", "--overwrite"]) == 0
    assert "1 of 1 movies localized" in capsys.readouterr().out


def test_other_settings_are_not_what_was_done_before(folder, capsys):
    assert main(["localize", str(folder / "a.npy")]) == 0
    assert main(["localize", str(folder / "a.npy"), "--fit", "lq"]) == 0
    assert "1 of 1 movies localized" in capsys.readouterr().out
    assert load_localizations(folder / "a_locs.hdf5").find("Fit method") == "lq"


def test_a_pattern_and_options_reach_the_fit(folder):
    words = [
        "--box",
        "9",
        "--min-net-gradient",
        "500",
        "--fit",
        "mle-sigmaxy",
        "--frames",
        "1:4",
        "--roi",
        "5,5,25,25",
        "--baseline",
        "1",
        "--suffix",
        "_trial",
        "--quiet",
    ]
    assert main(["localize", str(folder / "[ab].npy"), *words]) == 0
    locs = load_localizations(folder / "b_locs_trial.hdf5")
    assert locs["frame"].tolist() == [1, 2, 3]
    assert locs.find("Box Size") == 9 and locs.find("Min. Net Gradient") == 500
    assert locs.find("Baseline") == 1 and locs.find("ROI") == [[5, 5], [25, 25]]


def test_a_bad_file_does_not_stop_the_good_ones(folder, capsys):
    (folder / "aa.tif").write_bytes(b"this is not a TIFF")
    assert main(["localize", str(folder)]) == 1
    captured = capsys.readouterr()
    assert "2 of 3 movies localized" in captured.out and "1 failed" in captured.out
    assert "aa.tif" in captured.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--box", "8"], "choose 7 or 9"),
        (["--frames", "3"], "A:B"),
        (["--min-net-gradient", "lots"], "min_net_gradient must be a number"),
        (["--fit", "avg", "--detect", "snr", "--min-net-gradient", "5"], "no meaning"),
    ],
)
def test_a_wrong_option_is_explained(folder, capsys, words, message):
    assert main(["localize", str(folder), *words]) == 2
    assert message in capsys.readouterr().err


def test_there_must_be_something_to_localize(tmp_path, capsys):
    assert main(["localize", str(tmp_path / "nothing.tif")]) != 0
    assert "nothing.tif" in capsys.readouterr().err


def test_foreign_results_are_not_overwritten_unasked(folder, capsys):
    assert main(["localize", str(folder / "a.npy")]) == 0
    locs = load_localizations(folder / "a_locs.hdf5")
    from limelight.io import save_localizations

    locs.provenance = [{k: v for k, v in d.items() if k != "Limelight"} for d in locs.provenance]
    save_localizations(locs, folder / "a_locs.hdf5")
    assert main(["localize", str(folder / "a.npy")]) == 1
    assert "another program" in capsys.readouterr().err


def test_info_tells_what_a_file_is(folder, capsys):
    main(["localize", str(folder / "a.npy"), "--quiet"])
    assert main(["info", str(folder / "a.npy"), str(folder / "a_locs.hdf5")]) == 0
    out = capsys.readouterr().out
    assert "uint16" in out and "median photons" in out
    assert main(["info", "--json", str(folder / "none.npy")]) == 1
    assert "none.npy" in capsys.readouterr().err


def test_one_movie_of_a_file_is_chosen(folder, capsys):
    spots = np.load(folder / "a.npy")
    path = folder / "two.ome.tif"
    names = {"Channel": {"Name": ["dark", "light"]}}
    frames = np.stack([np.full_like(spots, 10), spots], 1)
    tifffile.imwrite(path, frames, metadata={"axes": "TCYX", **names})
    assert main(["info", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "dark, light" in out and "time 6, channel 2" in out and not err
    assert main(["localize", str(path), "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert "that of channel 0. --channel opens another one." in err and "0 molecules" in out
    assert main(["localize", str(path), "--channel", "light", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert "6 molecules in two.ome_light_locs.hdf5" in out and not err
    assert main(["localize", str(path), "--time-axis", "channel", "--z", "0", "--quiet"]) == 0
    assert "--time-axis time opens another one" in capsys.readouterr().err
    assert main(["localize", str(path), "--channel", "lite"]) == 1
    assert "Did you mean 'light'?" in capsys.readouterr().err


def test_raw_files_are_described(folder, capsys):
    np.load(folder / "a.npy").astype(">u2").tofile(folder / "c.raw")
    path = str(folder / "c.raw")
    assert main(["localize", path]) == 1
    assert "--raw" in capsys.readouterr().err
    assert main(["localize", path, str(folder / "a.npy"), "--raw", ">uint16,32,32"]) == 0
    assert "(12 molecules)" in capsys.readouterr().out
    assert main(["info", path, "--raw", "uint16,32,32,2048"]) == 0
    assert "frames            5\n" in capsys.readouterr().out
    for text in ("uint16,32", "uint16,32,x", "uint16,32,32,0,1", "word,32,32", "uint16,0,32"):
        assert main(["info", path, "--raw", text]) == 2
        assert capsys.readouterr().err.startswith("limelight: ")


def test_unknown_commands_get_a_suggestion(capsys):
    assert main(["localise"]) == 2
    assert "Did you mean 'localize'?" in capsys.readouterr().err
    assert main([]) == 2
    assert main(["--version"]) == 0
