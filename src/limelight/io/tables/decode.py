"""Tables of DECODE: ``.h5`` with the groups ``/data`` and ``/meta``.

``xyz`` (N, 3) has the place along the rows first (x and y are swapped, TuragaLab/DECODE issue 42),
in pixels or nm, the centre of the first pixel at 0; frames (``frame_ix``) count from 0; z is in
nm; ``xyz_sig`` (N, 3) has the precisions, ``phot`` the photons, ``bg`` the background per pixel.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from limelight.core.errors import FileError
from limelight.io.atomic import replacing
from limelight.io.hdf5 import explaining, open_file, read_whole, text_of
from limelight.io.tables.companion import read_companion, write_companion
from limelight.io.tables.mapping import Source, TableMapping, export_column, to_localizations

if TYPE_CHECKING:
    from limelight.core.localizations import Localizations

__all__ = ["is_decode", "read_decode", "write_decode"]

_SINGLE = {
    "frame_ix": "frame",
    "phot": "photons",
    "bg": "bg",
    "phot_sig": "photons_unc",
    "bg_sig": "bg_unc",
}
_OTHERS = ("id", "prob")


def is_decode(path: str | Path) -> bool:
    """Tell whether a file is a table of DECODE."""
    try:
        with h5py.File(path, "r") as file:
            return isinstance(file.get("data/xyz"), h5py.Dataset)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        return False


def read_decode(
    path: str | Path, mapping: TableMapping | None = None, pixel_size_nm: float | None = None
) -> Localizations:
    """Read a table of DECODE.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    path = Path(path)
    raw: dict[str, Any] = {}
    with open_file(path) as file:
        with explaining(path):
            group, meta = file.get("data"), file.get("meta")
            if not isinstance(group, h5py.Group) or "xyz" not in group:
                raise FileError(path, "there is no table /data/xyz in it.", "Choose another file.")
            attributes = dict(meta.attrs) if meta is not None else {}
            names = ("xyz", "xyz_sig", *_SINGLE, *_OTHERS)
            items = {n: group[n] for n in names if n in group}
            there = {
                n: d
                for n, d in items.items()
                if isinstance(d, h5py.Dataset) and d.shape is not None
            }
            if "xyz" not in there:
                raise FileError(path, "there is no table /data/xyz in it.", "Choose another file.")
        for name, dataset in there.items():
            raw[name] = read_whole(path, dataset)
    unit = text_of(attributes.get("xy_unit", "px"))
    if unit not in ("px", "nm"):
        raise FileError(path, f"its unit {unit!r} is not known.", "px and nm are.")
    xyz = raw.pop("xyz")
    if xyz.ndim != 2 or xyz.shape[1] != 3 or xyz.dtype.kind not in "uif":
        raise FileError(path, f"the shape of its positions is {xyz.shape}.", "Save it again.")
    raw |= {"y": xyz[:, 0], "x": xyz[:, 1], "z": xyz[:, 2]}
    columns = {"x": Source("x", unit), "y": Source("y", unit), "z": Source("z", "nm")}
    sigma = raw.pop("xyz_sig", None)
    if sigma is not None and sigma.shape == xyz.shape:
        raw |= {"lpy": sigma[:, 0], "lpx": sigma[:, 1], "lpz": sigma[:, 2]}
        columns |= {"lpx": Source("lpx", unit), "lpy": Source("lpy", unit)}
        columns["lpz"] = Source("lpz", "nm")
    units = {"photons": "photons", "photons_unc": "photons"}
    for theirs, ours in _SINGLE.items():
        if theirs in raw:
            fallback = "photons/px" if ours.startswith("bg") else ""
            columns[ours] = Source(theirs, units.get(ours, fallback))
    size = attributes.get("px_size")
    told = None
    if size is not None and np.size(size) and np.asarray(size).dtype.kind in "uif":
        told = float(np.asarray(size).reshape(-1)[0])
        told = told if 0 < told < 1e6 else None
    mapping = mapping or TableMapping(columns, told)
    if pixel_size_nm is not None:
        mapping = mapping.replace(pixel_size_nm=pixel_size_nm)
    return to_localizations(path, raw, mapping, form="DECODE", provenance=read_companion(path))


def write_decode(locs: Localizations, path: str | Path) -> Path:
    """Write a table as DECODE writes it; columns that it does not know are left out."""
    path = Path(path)
    zeros = np.zeros(len(locs), np.float32)

    def three(y: str, x: str, z: str) -> Any:
        names = (y, x, z)
        return np.stack([locs[n].astype(np.float32) if n in locs else zeros for n in names], 1)

    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        meta = file.create_group("meta")
        meta.attrs["xy_unit"] = "px"
        meta.attrs["px_size"] = np.array([locs.pixel_size_nm] * 2, np.float32)
        file.create_group("decode").attrs["version"] = "written by Limelight"
        data = file.create_group("data")
        data.create_dataset("xyz", data=three("y", "x", "z"))
        if "lpx" in locs and "lpy" in locs:
            data.create_dataset("xyz_sig", data=three("lpy", "lpx", "lpz"))
        else:
            data.create_dataset("xyz_sig", data=h5py.Empty("f"))
        for theirs, ours in _SINGLE.items():
            if ours in locs:
                kind = np.int64 if ours == "frame" else np.float32
                data.create_dataset(theirs, data=export_column(locs, ours).astype(kind))
            else:
                data.create_dataset(theirs, data=h5py.Empty("f"))
        data.create_dataset("id", data=np.full(len(locs), -1, np.int64))
        probability = locs["prob"] if "prob" in locs else np.ones(len(locs))
        data.create_dataset("prob", data=probability.astype(np.float32))
    write_companion(path, locs.provenance)
    return path
