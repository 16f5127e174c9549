"""Tables of molecules in every format: conventions, round trips, bad files.

The files are built here from the formats' descriptions, not by the writers that are tested.
"""

from __future__ import annotations

import json
import shutil
import sys
import warnings
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest

from limelight.cli import main
from limelight.core.errors import FileError, ParameterError
from limelight.core.localizations import Localizations
from limelight.io import load_localizations, save_localizations
from limelight.io.tables.dispatch import FORMATS, is_table, load_table, save_table
from limelight.io.tables.mapping import Source, TableMapping, guess_mapping, limitations

PIXEL = 100.0
X, Y = np.array([0.0, 3.25, 10.5]), np.array([1.0, 0.125, 7.75])  # ours, pixels
FRAME = np.array([0, 2, 5])
Z = np.array([-150.0, 0.0, 212.5])
SUFFIXES = {
    **{"picasso": ".hdf5", "thunderstorm": ".csv", "plain": ".tsv", "rapidstorm": ".txt"},
    **{"pyme": ".h5r", "smap": "_sml.mat", "decode": ".h5", "smlm": ".smlm"},
    "parquet": ".parquet",
}


def write_thunderstorm(folder, *, protocol=True):
    path = folder / "ts.csv"
    rows = [
        '"id","frame","x [nm]","y [nm]","z [nm]","sigma [nm]","intensity [photon]",'
        '"offset [photon]","bkgstd [photon]","chi2","uncertainty_xy [nm]"'
    ]
    for k in range(3):
        x, y = (X[k] + 0.5) * PIXEL, (Y[k] + 0.5) * PIXEL
        rows.append(f"{k + 1}.0,{FRAME[k] + 1}.0,{x},{y},{Z[k]},130.0,{1000 + k},10.5,2.5,1.5,12.5")
    path.write_text("\n".join(rows) + "\n")
    if protocol:
        text = json.dumps({"version": "1.3", "cameraSettings": {"pixelSize": PIXEL, "gain": 1.0}})
        (folder / "ts-protocol.txt").write_text("ThunderSTORM\n" + text)
    return path


def write_rapidstorm(folder, unit="A/D count"):
    path = folder / "rapid.txt"
    number = 'syntax="floating point with . for decimals and optional scientific e-notation"'
    fields = [
        (
            "Position-0-0",
            "position in sample space in X",
            'unit="nanometer" min="0 m" max="2e-6 m"',
        ),
        (
            "Position-1-0",
            "position in sample space in Y",
            'unit="nanometer" min="0 m" max="2e-6 m"',
        ),
        ("ImageNumber-0-0", "frame number", 'unit="frame" min="0 fr"'),
        ("Amplitude-0-0", "emission strength", f'unit="{unit}"'),
        ("PSFWidth-0-0", "PSF FWHM in X", 'unit="nanometer"'),
    ]
    head = "".join(f'<field identifier="{i}" {number} semantic="{s}" {u} />' for i, s, u in fields)
    lines = [f'# <localizations insequence="true" repetitions="variable">{head}</localizations>']
    lines += [f"{X[k] * PIXEL} {Y[k] * PIXEL} {FRAME[k]} 8000.5 235.482" for k in range(3)]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_pyme(folder):
    path = folder / "pyme.h5r"
    fit = [(n, "<f4") for n in ("A", "x0", "y0", "sigma", "background", "bx", "by")]
    slices = [("x", [("start", "<i4"), ("stop", "<i4"), ("step", "<i4")])]
    rows = np.zeros(
        3,
        [
            *[("tIndex", "<i4"), ("fitResults", fit), ("fitError", fit), ("resultCode", "<i4")],
            *[("slicesUsed", slices), ("subtractedBackground", "<f4"), ("nchi2", "<f4")],
        ],
    )
    rows["tIndex"], rows["resultCode"], rows["nchi2"] = FRAME, 1, 1.25
    rows["fitResults"]["x0"], rows["fitResults"]["y0"] = X * PIXEL, Y * PIXEL
    rows["fitResults"]["sigma"], rows["fitResults"]["A"] = 130, 100
    rows["fitResults"]["background"] = 40
    rows["fitError"]["x0"] = rows["fitError"]["y0"] = 12.5
    with h5py.File(path, "w") as file:
        file["FitResults"] = rows
        file.create_group("MetaData/voxelsize").attrs["x"] = PIXEL / 1000
        camera = file.create_group("MetaData/Camera")
        camera.attrs["ElectronsPerCount"], camera.attrs["TrueEMGain"] = 5.0, 20.0
    return path


def write_smap(folder):
    path = folder / "cell_sml.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        loc = file.create_group("saveloc/loc")
        values = {
            **{"xnm": (X + 1) * PIXEL, "ynm": (Y + 1) * PIXEL, "znm": Z, "frame": FRAME + 1},
            **{"phot": 1000.0 + np.arange(3), "bg": 10.5, "locprecnm": 12.5, "PSFxnm": 130.0},
            "LLrel": -1.5,
        }
        for name, value in values.items():
            array = np.broadcast_to(np.asarray(value, "f8"), 3)[None]
            loc.create_dataset(name, data=array).attrs["MATLAB_class"] = np.bytes_("double")
        file["saveloc/file/info/cam_pixelsize_um"] = np.array([[0.1], [0.1]])
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


def write_decode(folder, unit="px"):
    path = folder / "decode.h5"
    factor = 1 if unit == "px" else PIXEL
    with h5py.File(path, "w") as file:
        file.create_group("meta").attrs.update({"xy_unit": unit, "px_size": np.full(2, PIXEL)})
        data = file.create_group("data")
        data["xyz"] = np.stack([Y * factor, X * factor, Z], 1).astype("f4")
        data["xyz_sig"] = np.full((3, 3), 0.125 * factor, "f4")
        data["frame_ix"], data["phot"] = FRAME, np.array([1000, 1001, 1002], "f4")
        data["prob"], data["id"] = np.ones(3, "f4"), np.arange(3)
        data["bg"] = h5py.Empty("f")
    return path


def write_smlm(folder, rows=3, **changes):
    path = folder / "table.smlm"
    names = ["frame", "x", "y", "z", "intensity", "x_precision", "raw"]
    kinds = ["uint32", "float32", "float32", "float32", "float32", "float32", "uint8"]
    table = np.zeros(
        3,
        [
            ("frame", "<u4"),
            ("x", "<f4"),
            ("y", "<f4"),
            ("z", "<f4"),
            ("i", "<f4"),
            ("p", "<f4"),
            ("raw", "u1", (2, 2)),
        ],
    )
    table["frame"], table["z"] = FRAME + 1, Z
    table["x"], table["y"] = (X + 0.5) * PIXEL - 20, (Y + 0.5) * PIXEL
    table["i"], table["p"] = [1000, 1001, 1002], 12.5
    form = {
        **{"type": "table", "mode": "binary", "headers": names, "dtype": kinds, "columns": 7},
        **{"shape": [1, 1, 1, 1, 1, 1, [2, 2]], "units": ["frame", "nm", "nm", "nm", "photon"]},
    }
    form["units"] += ["nm", "photon"]
    manifest = {
        "format_version": "0.2",
        "formats": {"smlm-table(binary)": form},
        "files": [
            {
                "name": "t.bin",
                "type": "table",
                "format": "smlm-table(binary)",
                "rows": rows,
                "offset": {"x": 20},
            }
        ],
        **changes,
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        archive.writestr("t.bin", table.tobytes())
    return path


MAKERS = {
    **{"thunderstorm": write_thunderstorm, "rapidstorm": write_rapidstorm, "pyme": write_pyme},
    **{"smap": write_smap, "decode": write_decode, "smlm": write_smlm},
}


def load_quietly(path, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_table(path, *arguments, **options)


@pytest.mark.parametrize("kind", MAKERS)
def test_conventions(tmp_path, kind):
    path = MAKERS[kind](tmp_path)
    locs = load_quietly(path, pixel_size_nm=PIXEL if kind in ("rapidstorm", "smlm") else None)
    np.testing.assert_allclose(locs["x"], X, atol=1e-6)
    np.testing.assert_allclose(locs["y"], Y, atol=1e-6)
    assert locs["x"].dtype == np.float32 and locs["frame"].dtype == np.uint32
    np.testing.assert_array_equal(locs["frame"], FRAME)
    assert locs.pixel_size_nm == PIXEL and locs.frames == 6
    if kind not in ("rapidstorm", "pyme"):
        np.testing.assert_allclose(locs["z"], Z)
        np.testing.assert_allclose(locs["photons"], [1000, 1001, 1002])
    if kind in ("thunderstorm", "pyme", "smap", "decode", "smlm"):
        np.testing.assert_allclose(locs["lpx"], 0.125)
    if kind in ("thunderstorm", "pyme", "smap"):
        np.testing.assert_allclose(locs["sx"], 1.3, rtol=1e-6)
        np.testing.assert_allclose(locs["sy"], 1.3, rtol=1e-6)
    assert is_table(path)
    assert load_quietly(path).shape[0] >= 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(load_localizations(path)["frame"], FRAME)


def test_what_else_is_in_them(tmp_path):
    locs = load_table(write_thunderstorm(tmp_path))
    assert {"bkgstd", "chi2"} <= set(locs.columns) and "id" not in locs
    assert locs.find("Units")["bkgstd"] == "photon" and locs.find("Format") == "ThunderSTORM CSV"
    locs = load_quietly(write_rapidstorm(tmp_path), pixel_size_nm=PIXEL)
    assert "photons" not in locs and locs["amplitude"][0] == 8000.5
    np.testing.assert_allclose(locs["sx"], 1.0, rtol=1e-5)
    assert load_quietly(write_rapidstorm(tmp_path, "photon"))["photons"][0] == np.float32(8000.5)
    locs = load_table(write_pyme(tmp_path))
    np.testing.assert_allclose(locs["photons"], 2 * np.pi * 100 * 1.3**2 * 5 / 20, rtol=1e-5)
    np.testing.assert_allclose(locs["bg"], 10)
    assert "nchi2" in locs and "slicesUsed" not in locs
    assert load_table(write_smap(tmp_path))["LLrel"][0] == -1.5
    np.testing.assert_allclose(load_table(write_decode(tmp_path, "nm"))["x"], X, atol=1e-6)
    with pytest.warns(UserWarning, match="'raw' is not of single numbers"):
        load_table(write_smlm(tmp_path), pixel_size_nm=PIXEL)


def test_unknown_pixel_size(tmp_path):
    path = write_thunderstorm(tmp_path, protocol=False)
    with pytest.warns(UserWarning, match="size of a pixel; 130 nm is taken"):
        locs = load_table(path)
    np.testing.assert_allclose((locs["x"] + 0.5) * 130, (X + 0.5) * PIXEL, rtol=1e-6)
    assert locs.find("Pixelsize is a guess")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(load_table(path, pixel_size_nm=PIXEL)["x"], X, atol=1e-6)
    for bad in (0, -1.0, float("nan")):
        with pytest.raises(ParameterError, match="pixel size"):
            load_table(path, pixel_size_nm=bad)


def some_table(rows=500, seed=0):
    rng = np.random.default_rng(seed)
    columns = {
        "frame": np.sort(rng.integers(0, 4000, rows)),
        **{n: rng.uniform(-0.4, 2000, rows) for n in ("x", "y")},
        "z": rng.normal(0, 300, rows),
        "photons": rng.lognormal(7, 1, rows),
        **{n: rng.uniform(0.8, 2, rows) for n in ("sx", "sy")},
        "bg": rng.uniform(0, 50, rows),
        **{n: rng.uniform(0.01, 0.3, rows) for n in ("lpx", "lpy")},
        "iterations": rng.integers(1, 30, rows),
        "group": rng.integers(0, 9, rows),
    }
    movie = {"Frames": 5000, "Height": 2001, "Width": 2002, "Byte Order": "<"}
    return Localizations.from_columns(columns, [movie, {"Generated by": "x", "Pixelsize": 117.0}])


LOST = {
    "rapidstorm": {"sx", "sy", "iterations", "group"},
    "pyme": {"sx", "sy", "iterations", "group"},
    "decode": {"sx", "sy", "iterations", "group"},
}


@pytest.mark.filterwarnings("ignore:.*does not hold")
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("rows", [500, 1, 0])
def test_round_trips(tmp_path, kind, rows):
    locs = some_table(rows)
    path = tmp_path / f"a{SUFFIXES[kind]}"
    assert save_table(locs, path) == path
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = load_table(path)
    assert len(again) == rows
    for name in set(locs.columns) - LOST.get(kind, set()):
        np.testing.assert_allclose(
            again[name].astype(float), locs[name].astype(float), rtol=3e-7, atol=3e-5, err_msg=name
        )
        if name != "group":
            assert again[name].dtype == locs[name].dtype, name
    extra = set(again.columns) - set(locs.columns)
    allowed = {"lpz", "prob", "id", "locprecnm", "resultCode", "sx", "sy", "sx_unc"}
    assert extra <= allowed | {"error_A", "error_z0", "error_background"}, extra
    assert again.pixel_size_nm == 117 and again.frames == 5000 and again.shape == (2001, 2002)
    if kind in ("picasso", "parquet", "smlm", "plain", "thunderstorm"):
        # A second round trip changes nothing at all.
        save_table(again, path)
        third = load_table(path)
        for name in locs.columns:
            np.testing.assert_array_equal(third[name], again[name])


@pytest.mark.filterwarnings("ignore:.*does not hold")
def test_pyme_keeps_the_mean_width(tmp_path):
    locs = some_table()
    again = load_table(save_table(locs, tmp_path / "a.h5r"))
    np.testing.assert_allclose(again["sx"], np.sqrt(locs["sx"] * locs["sy"]), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*does not hold")
def test_every_format_into_every_other(tmp_path):
    locs = some_table(50)
    for a in FORMATS:
        first = save_table(locs, tmp_path / f"a{SUFFIXES[a]}")
        for b in FORMATS:
            middle = save_table(load_quietly(first), tmp_path / f"b{SUFFIXES[b]}")
            again = load_quietly(middle)
            for name in ("frame", "x", "y", "photons"):
                np.testing.assert_allclose(again[name], locs[name], rtol=1e-6, atol=5e-5)


def test_our_csv_is_read_by_picasso_names(tmp_path):
    path = save_table(some_table(3), tmp_path / "a.csv")
    header = path.read_text().splitlines()[0]
    assert header.startswith('"id","frame","x [nm]","y [nm]","z [nm]","sigma1 [nm]"')
    table = pd.read_csv(path)
    np.testing.assert_allclose(table["x [nm]"], (some_table(3)["x"] + 0.5) * 117.0)
    assert table["frame"].dtype.kind == "i"


def test_save_localizations_goes_by_suffix(tmp_path):
    locs = some_table(5)
    assert save_localizations(locs, tmp_path / "a").name == "a.hdf5"
    assert save_localizations(locs, tmp_path / "b.csv").read_text().startswith('"id"')
    assert save_localizations(locs, tmp_path / "c.h5").name == "c.h5"
    assert load_localizations(tmp_path / "c.h5").columns == locs.columns
    for bad, match in ((("d.xyz",), "cannot be written"), (("d.csv", "excel"), "no format")):
        with pytest.raises((FileError, ParameterError), match=match):
            save_table(locs, tmp_path / bad[0], *bad[1:])
    with pytest.raises(FileError, match="no folder"):
        save_table(locs, tmp_path / "none" / "a.csv")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["frame", "x", "y"], {"frame": ("frame", ""), "x": ("x", "px")}),
        (
            ["Frame number", "X (µm)", "Y (µm)"],
            {"frame": ("Frame number", ""), "y": ("Y (µm)", "µm")},
        ),
        (
            ["t", "x_nm", "y_nm", "Intensity"],
            {"x": ("x_nm", "nm"), "photons": ("Intensity", "photons")},
        ),
        (["xnm", "ynm", "locprecnm"], {"x": ("xnm", "nm"), "lpx": ("locprecnm", "nm")}),
        (["x [px]", "y [px]", "lpx [px]"], {"x": ("x [px]", "px"), "lpx": ("lpx [px]", "px")}),
        (["x", "y", "uncertainty [nm]"], {"lpy": ("uncertainty [nm]", "nm")}),
        (["x", "y", "sigma"], {"sx": ("sigma", "px"), "sy": ("sigma", "px")}),
        (["a", "b"], {}),
    ],
)
def test_guesses(names, expected):
    mapping = guess_mapping(names)
    for ours, (column, unit) in expected.items():
        assert mapping.columns[ours] == Source(column, unit)
    assert bool(mapping.missing) == (not expected)
    assert mapping.origin == "center" and mapping.first_frame == 0


def test_units_by_the_values():
    sample = {"x": np.array([0.0, 25_000]), "y": np.array([3.0, 4])}
    mapping = guess_mapping(["frame", "x", "y"], sample)
    assert mapping.columns["x"].unit == mapping.columns["y"].unit == "nm"
    assert mapping.needs_pixel_size and not mapping.replace(pixel_size_nm=100.0).needs_pixel_size


@pytest.mark.parametrize("separator", [",", ";", "\t", "  "])
def test_plain_text(tmp_path, separator):
    path = tmp_path / "a.txt"
    rows = [("t", "xc", "yc", "comment" if separator != "  " else "quality")]
    rows += [(str(k), str(k + 0.5), "2.25", "good" if separator != "  " else "1") for k in range(4)]
    path.write_text("# by somebody\n" + "".join(separator.join(r) + "\n" for r in rows))
    locs = load_quietly(path)
    np.testing.assert_array_equal(locs["x"], np.arange(4) + 0.5)
    np.testing.assert_array_equal(locs["frame"], range(4))


def test_a_mapping_decides(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("when,across,down,light\n1,1.05,2.05,7\n3,4.05,5.05,8\n")
    with pytest.raises(FileError, match="no column x and no column y; it has: when, across"):
        load_table(path)
    mapping = TableMapping(
        {
            **{"frame": Source("when"), "x": Source("across", "um"), "y": Source("down", "um")},
            "photons": Source("light", "photons"),
        },
        pixel_size_nm=100.0,
        origin="corner",
        first_frame=1,
    )
    locs = load_table(path, mapping)
    np.testing.assert_allclose(locs["x"], [10, 40], atol=1e-5)
    np.testing.assert_array_equal(locs["frame"], [0, 2])
    for wrong, match in (
        ({"x": Source("ahead", "um")}, "no column 'ahead'"),
        ({"x": Source("across", "s")}, "is in s, not px"),
        ({"x": Source("across", "parsec")}, "is in parsec"),
    ):
        with pytest.raises(FileError, match=match):
            load_table(path, mapping.replace(columns={**mapping.columns, **wrong}))
    with pytest.raises(FileError, match=r"molecule 0 is in frame 1.*count from 2"):
        load_table(path, mapping.replace(first_frame=2))


def test_missing_columns_say_what_cannot_be_done(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x [px],y [px]\n1,2\n")
    with pytest.warns(UserWarning, match=r"in which frame.*cannot correct drift"):
        locs = load_table(path)
    assert locs["frame"].tolist() == [0]
    said = limitations(["x", "y"])
    assert len(said) == 5 and all(s.startswith("without the column") for s in said)
    assert limitations(some_table(1).columns) == []


def test_molecules_without_a_place(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("frame,x [px],y [px],photons\n0,1,2,\n1,,3,5\n2,inf,3,5\n3,1e300,3,5\n")
    with pytest.warns(UserWarning, match="3 of 4 molecules have no position"):
        locs = load_table(path)
    assert len(locs) == 1 and np.isnan(locs["photons"][0])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        ("1,2,3\n4,5,6\n", "numbers, not the names"),
        ("x,x,y\n1,2,3\n", "two of its columns"),
        ("frame,x,y\n0,a,2\n", "holds 'a', not only numbers"),
        ("frame,x,y\n-1,2,2\n", "frame -1"),
        ("frame,x,y\n1.5,2,2\n", "frame 1.5"),
        ("frame,x,y\n,2,2\n", "frame nan"),
        ("frame,x\n0,1\n", "no column y"),
        ("\0\0\0\0", "not a text file"),
        ("# <localizations><field", "does not describe the columns"),
        ("# <localizations><field a='b'/></localizations>\n1", "does not describe the columns"),
    ],
)
def test_bad_text(tmp_path, text, match):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(FileError, match=match) as caught:
        load_table(path)
    assert str(caught.value).startswith("a.csv: ")


def test_text_that_was_cut_off(tmp_path):
    path = write_thunderstorm(tmp_path)
    path.write_text(path.read_text()[:-30])
    with pytest.warns(UserWarning, match="cut off"):
        assert len(load_table(path)) == 2


@pytest.mark.filterwarnings("ignore:.*does not hold")
@pytest.mark.parametrize(
    "kind", [k for k in FORMATS if k not in ("thunderstorm", "plain", "rapidstorm")]
)
def test_bad_binary_files(tmp_path, kind):
    path = save_table(some_table(5), tmp_path / f"a{SUFFIXES[kind]}")
    whole = path.read_bytes()
    for body in (b"", b"hello", whole[: len(whole) // 2], whole[:-9], bytes(len(whole))):
        path.write_bytes(body)
        with pytest.raises(FileError, match=path.name):
            load_quietly(path)
    path.unlink()
    with pytest.raises(FileError, match="no such file"):
        load_table(path)
    path.mkdir()
    with pytest.raises(FileError):
        load_table(path)


def test_other_contents(tmp_path):
    with h5py.File(tmp_path / "a.h5r", "w") as file:
        file["Other"] = 1
    shutil.copy(tmp_path / "a.h5r", tmp_path / "a_sml.mat")
    for name, match in (("a.h5r", "no table /FitResults"), ("a_sml.mat", "no table saveloc")):
        with pytest.raises(FileError, match=match):
            load_table(tmp_path / name)
    with h5py.File(tmp_path / "a.h5r", "w") as file:
        file["FitResults"] = np.zeros(3, [("tIndex", "i4"), ("fitResults", [("A", "f4")])])
    with pytest.raises(FileError, match=r"no fitResults\.x0"):
        load_table(tmp_path / "a.h5r")
    (tmp_path / "b.mat").write_bytes(b"MATLAB 5.0 MAT-file, Platform".ljust(600))
    with pytest.raises(FileError, match=r"before version 7\.3"):
        load_table(tmp_path / "b.mat")
    for changes, match in (
        ({"format_version": "3.0"}, r"version 3\.0"),
        ({"files": []}, "no table"),
        ({"formats": {}}, "does not fit"),
        ({"files": 3}, "does not fit"),
    ):
        with pytest.raises(FileError, match=match):
            load_table(write_smlm(tmp_path, **changes))
    for rows in (2, 4, -1):
        with pytest.raises(FileError, match="bytes, not"):
            load_table(write_smlm(tmp_path, rows))
    with pytest.raises(FileError, match="are not known"):
        load_table(tmp_path / "a.xyz")
    assert not is_table(tmp_path / "a.xyz")


def test_parquet_of_others_and_without_the_package(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"t": [1, 2], "x [nm]": [100.0, 200], "y [nm]": [50.0, 50]}).to_parquet(path)
    locs = load_table(path, pixel_size_nm=100)
    np.testing.assert_allclose(locs["x"], [0.5, 1.5])
    np.testing.assert_array_equal(locs["frame"], [0, 1])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(FileError, match="pip install pyarrow"):
        load_table(path)


def test_smap_positions_on_the_chip(tmp_path):
    path = write_smap(tmp_path)
    with h5py.File(path, "r+") as file:
        loc = file["saveloc/loc"]
        loc["xnm"][...] += 30 * PIXEL
        loc["ynm"][...] += 20 * PIXEL
        file["saveloc/file/info/roi"] = np.array([[30.0], [20], [128], [64]])
    locs = load_table(path)
    np.testing.assert_allclose(locs["x"], X, atol=1e-4)
    np.testing.assert_allclose(locs["y"], Y, atol=1e-4)
    for odd in ([], [np.nan, 0, 1, 1], [-3, 0, 1, 1], [1, 2]):
        with h5py.File(path, "r+") as file:
            del file["saveloc/file/info/roi"]
            file["saveloc/file/info/roi"] = np.array(odd, float)
        np.testing.assert_allclose(load_table(path)["x"], X + 30, atol=1e-4)


def test_smlm_frames_from_zero(tmp_path):
    path = write_smlm(tmp_path)
    first = load_quietly(path)["frame"]
    with zipfile.ZipFile(path) as archive:
        names = {n: archive.read(n) for n in archive.namelist()}
    table = bytearray(names["t.bin"])
    step = len(table) // 3
    for k in range(3):
        table[k * step : k * step + 4] = int(first[k] if k else 0).to_bytes(4, "little")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", names["manifest.json"])
        archive.writestr("t.bin", bytes(table))
    np.testing.assert_array_equal(load_quietly(path)["frame"], [0, *first[1:]])


def test_convert(tmp_path, capsys):
    source = save_table(some_table(20), tmp_path / "a.hdf5")
    target = tmp_path / "b.csv"
    assert main(["convert", str(source), str(target)]) == 0
    assert "20 molecules" in capsys.readouterr().out
    assert main(["convert", str(source), str(target)]) == 1
    assert "--force" in capsys.readouterr().err
    assert main(["convert", str(source), str(target), "--force", "--format", "plain"]) == 0
    assert target.read_text().startswith("frame,x [px]")
    np.testing.assert_array_equal(load_table(target)["x"], some_table(20)["x"])
    (tmp_path / "c.csv").write_text("x [nm],y [nm]\n100,200\n")
    assert main(["convert", str(tmp_path / "c.csv"), str(tmp_path / "c.hdf5")]) == 0
    said = capsys.readouterr().err
    assert "130 nm is taken" in said and "without the column photons" in said
    assert main(["convert", str(tmp_path / "no.csv"), str(tmp_path / "d.csv")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_convert_says_what_is_lost(tmp_path, capsys):
    source = save_table(some_table(20), tmp_path / "a.hdf5")
    assert main(["convert", str(source), str(tmp_path / "b.txt")]) == 0
    out, err = capsys.readouterr()
    assert "b.txt: this format does not hold sx, sy, iterations, group;" in err
    assert "b.txt: without the column sx one cannot filter by the width of the spots." in err
    assert f"{len(some_table(20).columns) - 4} columns" in out
    assert main(["convert", str(source), str(tmp_path / "c.csv"), "--format", "plain"]) == 0
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    "options", [{}, {"chunks": (999,)}, {"compression": "gzip"}, {"big": True}]
)
def test_large_tables_come_in_blocks(tmp_path, options):
    from limelight.io.hdf5 import read_columns

    rng = np.random.default_rng(1)
    order = ">" if options.pop("big", False) else "<"
    fields = [("frame", f"{order}u4"), ("x", f"{order}f4"), ("b", "?"), ("v", "u1", (3,))]
    rows = np.zeros(300_000, fields)
    rows["frame"], rows["x"] = rng.integers(0, 99, len(rows)), rng.random(len(rows))
    rows["b"], rows["v"] = rows["x"] > 0.5, rng.integers(0, 9, (len(rows), 3))
    path = tmp_path / "a.hdf5"
    with h5py.File(path, "w") as file:
        file.create_dataset("locs", data=rows, **options)
    with h5py.File(path) as file:
        columns = read_columns(path, file["locs"])
        for name in rows.dtype.names:
            np.testing.assert_array_equal(columns[name], rows[name])
    with h5py.File(path, "w") as file:
        file["locs"] = rows[0]
    with pytest.raises(FileError, match="no table of rows"):
        load_quietly(path)


def test_smap_error_along_z_under_either_name(tmp_path):
    path = write_smap(tmp_path)
    with h5py.File(path, "r+") as file:
        file["saveloc/loc/znmerr"] = np.full((1, 3), 31.0)
    np.testing.assert_allclose(load_table(path)["lpz"], 31.0)
    with h5py.File(path, "r+") as file:
        file["saveloc/loc/locprecznm"] = np.full((1, 3), 25.0)
    locs = load_table(path)  # two that differ are both kept
    np.testing.assert_allclose(locs["lpz"], 25.0)
    np.testing.assert_allclose(locs["znmerr"], 31.0)
    again = load_table(save_table(locs, tmp_path / "again_sml.mat"))
    np.testing.assert_allclose(again["znmerr"], 31.0)
    fewer = locs.with_table(locs.table.drop(columns="znmerr"), {})
    only = save_table(fewer, tmp_path / "only_sml.mat")
    with h5py.File(only) as file:
        np.testing.assert_allclose(file["saveloc/loc/znmerr"], 25.0)
    assert "znmerr" not in load_table(only)
