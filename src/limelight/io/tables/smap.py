"""Tables of SMAP: ``_sml.mat``, MATLAB 7.3 files, which are HDF5.

The columns are the fields of ``saveloc.loc``: lengths in nm, the centre of the first pixel at one
pixel (MATLAB counts from 1), frames from 1 (as Picasso, too, reads them).  Positions are those on
the camera's chip: SMAP adds the corner of the region that was read out (``roi``), which is taken
off here, so that molecules lie on their movie.  Region and pixel size (µm) are in
``saveloc.file.info``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from limelight.core.errors import FileError
from limelight.io.atomic import replacing
from limelight.io.hdf5 import explaining, open_file, read_whole
from limelight.io.shared_file import SharedFile
from limelight.io.tables.companion import read_companion, write_companion
from limelight.io.tables.mapping import Source, TableMapping, export_column, to_localizations

if TYPE_CHECKING:
    from limelight.core.localizations import Localizations

__all__ = ["read_smap", "write_smap"]

_FIELDS = {
    "frame": ("frame", ""),
    "x": ("xnm", "nm"),
    "y": ("ynm", "nm"),
    "z": ("znm", "nm"),
    "photons": ("phot", "photons"),
    "bg": ("bg", "photons/px"),
    "sx": ("PSFxnm", "nm"),
    "sy": ("PSFynm", "nm"),
    "lpx": ("xnmerr", "nm"),
    "lpy": ("ynmerr", "nm"),
    "lpz": ("locprecznm", "nm"),
    "photons_unc": ("photerr", "photons"),
    "bg_unc": ("bgerr", "photons/px"),
    "iterations": ("iterations", ""),
}
_BLOCK = 512
_WIDEST = 1e5  # pixels


def read_smap(
    path: str | Path, mapping: TableMapping | None = None, pixel_size_nm: float | None = None
) -> Localizations:
    """Read a table of SMAP.

    Raises
    ------
    FileError
        If it cannot be read, or is a MATLAB file of before version 7.3.
    """
    path = Path(path)
    head = SharedFile(path)
    old = head.read(0, 20).startswith(b"MATLAB 5.0 MAT-file")
    head.close()
    if old:
        raise FileError(
            path,
            "it is a MATLAB file of before version 7.3.",
            "Save it in SMAP, or in MATLAB with: save(name, 'saveloc', '-v7.3').",
        )
    with open_file(path) as file:
        with explaining(path):
            group = file.get("saveloc/loc")
            if not isinstance(group, h5py.Group):
                raise FileError(
                    path,
                    "there is no table saveloc.loc in it.",
                    "Choose a file of SMAP (_sml.mat).",
                )
            datasets = {n: d for n, d in group.items() if isinstance(d, h5py.Dataset)}
            told, corner = _pixel_size(file), _corner(file)
            numbers = {
                n: d
                for n, d in datasets.items()
                if d.dtype.kind in "uif" and "MATLAB_empty" not in d.attrs
            }
        raw: dict[str, Any] = {n: read_whole(path, d).reshape(-1) for n, d in numbers.items()}
    rows = len(raw["xnm"]) if "xnm" in raw else 0
    raw = {n: v for n, v in raw.items() if len(v) == rows}
    size = pixel_size_nm if pixel_size_nm is not None else told
    if mapping is None and size is not None:
        for name, pixels in zip(("xnm", "ynm"), corner, strict=True):
            if pixels and name in raw:
                raw[name] = raw[name] - pixels * size
    columns = {o: Source(t, u) for o, (t, u) in _FIELDS.items() if t in raw}
    if "locprecnm" in raw:
        columns.setdefault("lpx", Source("locprecnm", "nm"))
        columns.setdefault("lpy", Source("locprecnm", "nm"))
    left_out = ["locprecnm", "filenumber"]
    if "znmerr" in raw:
        # The same under the name of the fit's columns, which is all that some programs know.
        columns.setdefault("lpz", Source("znmerr", "nm"))
        if "locprecznm" in raw and np.array_equal(raw["znmerr"], raw["locprecznm"], True):
            left_out.append("znmerr")
    if "sx" in columns:
        columns.setdefault("sy", columns["sx"])
    mapping = mapping or TableMapping(columns, told, 1.0, 1)
    if pixel_size_nm is not None:
        mapping = mapping.replace(pixel_size_nm=pixel_size_nm)
    return to_localizations(
        path,
        raw,
        mapping,
        form="SMAP",
        provenance=read_companion(path),
        left_out=tuple(left_out),
    )


def _told(file: h5py.File, name: str) -> list[float]:
    """Return numbers that are told of the movie; none where they are hidden behind references."""
    item = file.get(f"saveloc/file/info/{name}")
    if item is None:
        infos = file.get("saveloc/file/info")
        if isinstance(infos, h5py.Dataset) and infos.dtype.kind == "O" and infos.size:
            first = file[infos[()].reshape(-1)[0]]
            item = first.get(name) if isinstance(first, h5py.Group) else None
    if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "uif" or not 0 < item.size < 9:
        return []
    if "MATLAB_empty" in item.attrs:
        return []
    return [float(v) for v in item[()].reshape(-1)]


def _pixel_size(file: h5py.File) -> float | None:
    """Return the pixel size, nm; None where it is not told."""
    um = next(iter(_told(file, "cam_pixelsize_um")), 0.0)
    return um * 1000 if 0 < um < 1e3 else None


def _corner(file: h5py.File) -> tuple[float, float]:
    """Return the corner (x, y) of the region of the chip that was read out, pixels."""
    roi = _told(file, "roi")
    good = len(roi) == 4 and all(0 <= v < _WIDEST for v in roi)
    return (roi[0], roi[1]) if good else (0.0, 0.0)


def write_smap(locs: Localizations, path: str | Path) -> Path:
    """Write a table as SMAP writes it; columns that it does not know keep our names."""
    path = Path(path)

    def put(group: h5py.Group, name: str, values: Any) -> None:
        array = np.atleast_2d(np.asarray(values))
        array = array.astype(np.float32 if array.dtype == np.float32 else np.float64)
        dataset = group.create_dataset(name, data=array)
        kind = "single" if array.dtype == np.float32 else "double"
        dataset.attrs["MATLAB_class"] = np.bytes_(kind)

    with replacing(path) as temporary:
        with h5py.File(temporary, "w", userblock_size=_BLOCK) as file:
            for name in ("saveloc", "saveloc/loc", "saveloc/file", "saveloc/file/info"):
                file.create_group(name).attrs["MATLAB_class"] = np.bytes_("struct")
            for ours in locs.columns:
                theirs, unit = _FIELDS.get(ours, (ours, ""))
                if theirs in ("locprecnm", "filenumber"):
                    continue  # written below
                unit = "" if unit in ("photons", "photons/px") else unit
                values = export_column(locs, ours, unit, origin=1.0, first_frame=1)
                put(file["saveloc/loc"], theirs, values)
            if "lpx" in locs and "lpy" in locs:
                lpx, lpy = (export_column(locs, n, "nm") for n in ("lpx", "lpy"))
                put(file["saveloc/loc"], "locprecnm", np.sqrt((lpx**2 + lpy**2) / 2))
            if "lpz" in locs and "znmerr" not in locs:
                put(file["saveloc/loc"], "znmerr", export_column(locs, "lpz", "nm"))
            put(file["saveloc/loc"], "filenumber", np.ones(len(locs)))
            put(file["saveloc/file/info"], "cam_pixelsize_um", [locs.pixel_size_nm / 1000] * 2)
        with temporary.open("r+b") as raw:
            text = b"MATLAB 7.3 MAT-file, Platform: any, HDF5 schema 1.00 ."
            raw.write(text.ljust(116) + bytes(8) + b"\x00\x02IM")
    write_companion(path, locs.provenance)
    return path
