"""Tables of PYME: ``.h5r`` files, HDF5 with the nested table ``/FitResults``.

Positions are in nm from the centre of the first pixel, frames (``tIndex``) from 0, and the fit's
amplitude ``A`` and background are in A/D counts, which the camera's numbers in ``/MetaData`` turn
into photoelectrons: photons = 2 pi A (sigma / pixel)^2 ElectronsPerCount / TrueEMGain.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from limelight.core.errors import FileError
from limelight.io.atomic import replacing
from limelight.io.hdf5 import explaining, open_file, read_whole
from limelight.io.hdf5_movie import _collect
from limelight.io.tables.companion import read_companion, write_companion
from limelight.io.tables.mapping import Source, TableMapping, export_column, to_localizations

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations

__all__ = ["read_h5r", "write_h5r"]

_FIT = {"x0": "x", "y0": "y", "z0": "z", "sigma": "sx"}
_KEPT = ("tIndex", "resultCode", "nchi2", "subtractedBackground")


def _flat(path: Path, results: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return the columns of the nested table as ``fitResults.x0`` and so on."""
    found: dict[str, NDArray[Any]] = {}
    for name in results.dtype.names or ():
        inner = results.dtype[name].names
        if inner and name in ("fitResults", "fitError"):
            for part in inner:
                if results.dtype[name][part].shape == ():
                    found[f"{name}.{part}"] = results[name][part]
        elif not inner and name in _KEPT and results.dtype[name].shape == ():
            found[name] = results[name]
    missing = [n for n in ("fitResults.x0", "fitResults.y0") if n not in found]
    if missing:
        raise FileError(
            path,
            f"its table /FitResults has no {missing[0]}.",
            "It is of a fit that does not give positions: fit the movie again.",
        )
    return {n: np.ascontiguousarray(v) for n, v in found.items()}


def read_h5r(
    path: str | Path, mapping: TableMapping | None = None, pixel_size_nm: float | None = None
) -> Localizations:
    """Read a table of PYME.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    path = Path(path)
    with open_file(path) as file:
        with explaining(path):
            dataset = file.get("FitResults")
            settings: dict[str, Any] = {}
            if isinstance(file.get("MetaData"), h5py.Group):
                _collect(file["MetaData"], "", settings)
            if not isinstance(dataset, h5py.Dataset) or not dataset.dtype.names:
                raise FileError(
                    path,
                    "there is no table /FitResults in it.",
                    "Choose a file of results of PYME.",
                )
        raw: dict[str, Any] = dict(_flat(path, read_whole(path, dataset)))

    def number(key: str) -> float | None:
        value = settings.get(key)
        good = isinstance(value, int | float) and 0 < value < float("inf")
        return float(value) if good and value is not None else None

    um = number("voxelsize.x")
    pixel_nm = pixel_size_nm or (um * 1000 if um else None)
    columns = {
        ours: Source(f"fitResults.{theirs}", "nm")
        for theirs, ours in _FIT.items()
        if f"fitResults.{theirs}" in raw
    }
    if "tIndex" in raw:
        columns["frame"] = Source("tIndex")
    for theirs, ours in (("x0", "lpx"), ("y0", "lpy"), ("z0", "lpz"), ("sigma", "sx_unc")):
        if f"fitError.{theirs}" in raw:
            columns[ours] = Source(f"fitError.{theirs}", "nm")
    if "sx" in columns:
        columns["sy"] = columns["sx"]
    per_count = number("Camera.ElectronsPerCount")
    if per_count and pixel_nm and {"fitResults.A", "fitResults.sigma"} <= set(raw):
        to_electrons = per_count / (number("Camera.TrueEMGain") or 1.0)
        area = 2 * np.pi * (raw["fitResults.sigma"].astype(np.float64) / pixel_nm) ** 2
        raw["photons"] = raw["fitResults.A"] * area * to_electrons
        columns["photons"] = Source("photons", "photons")
        for name in ("fitResults.background", "fitResults.backgroundM"):
            if name in raw:
                raw["bg"] = raw[name] * to_electrons
                columns["bg"] = Source("bg", "photons/px")
                break
    mapping = mapping or TableMapping(columns, pixel_nm)
    if pixel_size_nm is not None:
        mapping = mapping.replace(pixel_size_nm=pixel_size_nm)
    used = {s.column for s in mapping.columns.values()}
    if "photons" in used:
        raw.pop("fitResults.A")
    if "bg" in used:
        raw = {n: v for n, v in raw.items() if not n.startswith("fitResults.background")}
    short = {n: n.replace("fitResults.", "").replace("fitError.", "error_") for n in raw}
    renamed = {n if n in used else short[n]: v for n, v in raw.items()}
    return to_localizations(
        path, renamed, mapping, form="PYME .h5r", provenance=read_companion(path)
    )


def write_h5r(locs: Localizations, path: str | Path) -> Path:
    """Write a table as PYME writes it; photons become amplitudes of a camera of 1 e per count."""
    path = Path(path)
    pixel = locs.pixel_size_nm
    inner: list[tuple[str, str]] = [("A", "<f4"), ("x0", "<f4"), ("y0", "<f4")]
    inner += [("z0", "<f4")] if "z" in locs else []
    inner += [("sigma", "<f4"), ("background", "<f4")]
    rows = np.zeros(
        len(locs),
        [("tIndex", "<i4"), ("fitResults", inner), ("fitError", inner), ("resultCode", "<i4")],
    )
    rows["tIndex"], rows["resultCode"] = locs["frame"], 1
    results, errors = rows["fitResults"], rows["fitError"]
    for theirs, ours in _FIT.items():
        if ours in locs:
            results[theirs] = export_column(locs, ours, "nm")
    if "sx" in locs and "sy" in locs:
        sx, sy = (export_column(locs, n, "nm") for n in ("sx", "sy"))
        results["sigma"] = np.sqrt(sx * sy)
    elif "sx" not in locs:
        results["sigma"] = pixel  # unknown; one pixel, so that amplitudes are finite
    for theirs, ours in (("x0", "lpx"), ("y0", "lpy"), ("z0", "lpz"), ("sigma", "sx_unc")):
        if ours in locs and theirs in (errors.dtype.names or ()):
            errors[theirs] = export_column(locs, ours, "nm")
    if "photons" in locs:
        area = 2 * np.pi * (results["sigma"].astype(np.float64) / pixel) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            results["A"] = export_column(locs, "photons") / area
    if "bg" in locs:
        results["background"] = export_column(locs, "bg")
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        file.create_dataset("FitResults", data=rows)
        voxel = file.create_group("MetaData/voxelsize")
        voxel.attrs["x"] = voxel.attrs["y"] = pixel / 1000
        voxel.attrs["units"] = "um"
        camera = file.create_group("MetaData/Camera")
        camera.attrs["ElectronsPerCount"] = camera.attrs["TrueEMGain"] = 1.0
        camera.attrs["ADOffset"] = 0.0
    write_companion(path, locs.provenance)
    return path
