"""Files of every format with several axes, built from the format's description, small.

Every maker writes the same movie ``FRAMES`` (6 time points of 9 x 11 pixels, 2 channels) as far as
the format has channels; channel 0 is what `open_movie` gives.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[2] / "data"
FRAMES = np.random.default_rng(5).permutation(6 * 2 * 9 * 11).reshape(6, 2, 9, 11).astype("u2")


def letters(text: str) -> np.ndarray:
    """Return a text as Imaris keeps it."""
    return np.frombuffer(text.encode(), "S1")


def write_ims(folder: Path, frames: np.ndarray = FRAMES[:, :, None], **options) -> Path:
    """Write frames (T, C, Z, Y, X), padded to whole chunks, at two levels of resolution."""
    path = folder / "cells.ims"
    times, channels, depth, height, width = frames.shape
    with h5py.File(path, "w") as file:
        for level in range(2):
            for t in range(times):
                for c in range(channels):
                    group = file.create_group(
                        f"DataSet/ResolutionLevel {level}/TimePoint {t}/Channel {c}"
                    )
                    block = frames[t, c][:, :: level + 1, :: level + 1]
                    pad = [(0, -n % 4) for n in block.shape]
                    group.create_dataset(
                        "Data", data=np.pad(block, pad), chunks=(4, 4, 4), **options
                    )
                    for axis, size in zip("ZYX", block.shape, strict=True):
                        group.attrs[f"ImageSize{axis}"] = letters(str(size))
        image = file.create_group("DataSetInfo/Image")
        for axis, size in enumerate((0.1 * width, 0.1 * height, 0.3 * depth)):
            image.attrs[f"ExtMin{axis}"] = letters("0")
            image.attrs[f"ExtMax{axis}"] = letters(f"{size:.6f}")
        image.attrs["Unit"] = letters("um")
        info = file.create_group("DataSetInfo/TimeInfo")
        info.attrs["DatasetTimePoints"] = letters(str(times))
        for c in range(channels):
            file.create_group(f"DataSetInfo/Channel {c}").attrs["Name"] = letters("GR"[c] + "FP")
    return path


def write_pyme(folder: Path, frames: np.ndarray = FRAMES[:, 0]) -> Path:
    path = folder / "cells.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "ImageData", data=frames.transpose(0, 2, 1), chunks=(1, *frames.shape[:0:-1])
        )
        voxel = file.create_group("MetaData/voxelsize")
        voxel.attrs["x"], voxel.attrs["y"], voxel.attrs["units"] = 0.07, 0.07, "um"
        camera = file.create_group("MetaData/Camera")
        for key, value in {
            "ADOffset": 100.0,
            "ElectronsPerCount": 0.5,
            "TrueEMGain": 20.0,
            "ReadNoise": 40.0,
            "IntegrationTime": 0.03,
            "Name": "iXon",
        }.items():
            camera.attrs[key] = value
        camera.attrs["Pickled"] = np.bytes_(b"(dp0\nS'a'\np1\nI1\ns.")
        events = np.array(
            [(b"StartAq", b"0", 1.0), (b"ShiftMeasure", b"1, 2", 2.0)],
            [("EventName", "S32"), ("EventDescr", "S256"), ("Time", "f8")],
        )
        file.create_dataset("Events", data=events)
    return path


def write_hdf5(folder: Path, frames: np.ndarray = FRAMES[:, 0], **options) -> Path:
    path = folder / "plain.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("entry/data", data=frames, **options)
        file["entry"].create_dataset("dark", data=np.zeros((3, 4)))
    return path


def write_dax(folder: Path, frames: np.ndarray = FRAMES[:, 0], *, little: bool = False) -> Path:
    path = folder / "cells.dax"
    frames.astype("<u2" if little else ">u2").tofile(path)
    count, height, width = frames.shape
    path.with_suffix(".inf").write_text(
        "information file for\n"
        f"machine name = somewhere\nframe dimensions = {width} x {height}\n"
        f"number of frames = {count}\n"
        f"data type = 16 bit integers (binary, {'little' if little else 'big'} endian)\n"
        "binning = 1 x 1\nStage X = 12.5\nnotes = x = y\n"
    )
    return path


def _lite(name: str, value: object) -> bytes:
    """Return a value as ND2's metadata hold it: type, name, value."""
    head = bytes([0, len(name) + 1]) + (name + "\0").encode("utf-16-le")
    if isinstance(value, dict):
        items = b"".join(_lite(k, v) for k, v in value.items())
        length = len(head) + 12 + len(items)
        return (
            b"\x0b"
            + head[1:]
            + struct.pack("<IQ", len(value), length)
            + items
            + bytes(8 * len(value))
        )
    if isinstance(value, bool):
        return b"\x01" + head[1:] + bytes([value])
    if isinstance(value, int):
        return b"\x03" + head[1:] + struct.pack("<I", value)
    if isinstance(value, float):
        return b"\x06" + head[1:] + struct.pack("<d", value)
    return b"\x08" + head[1:] + (str(value) + "\0").encode("utf-16-le")


def write_nd2(
    folder: Path,
    frames: np.ndarray = FRAMES,
    *,
    lost: tuple[int, ...] = (),
    shape: tuple[int, int, int, int] | None = None,
) -> Path:
    """Write frames (T, C, Y, X) as an ND2 file of version 3; `lost` are not in its map.

    Where a shape is given instead of frames, pixels are left out: the file is sparse.
    """
    path = folder / "cells.nd2"
    times, channels, height, width = shape or frames.shape
    places: dict[bytes, tuple[int, int]] = {}
    file = path.open("wb")

    def chunk(name: bytes, data: bytes, reserve: int, rest: int = 0) -> None:
        file.seek(-file.tell() % 4096, 1)
        places[name] = (file.tell(), len(data) + rest)
        file.write(struct.pack("<IIQ", 0x0ABECEDA, reserve, len(data) + rest))
        file.write(name.ljust(reserve, b"\0") + data)
        file.seek(rest, 1)

    signature = b"ND2 FILE SIGNATURE CHUNK NAME01!"
    file.write(struct.pack("<IIQ", 0x0ABECEDA, 32, 64) + signature + b"Ver3.0".ljust(64, b"\0"))
    attributes = {
        "uiWidth": width,
        "uiWidthBytes": width * channels * 2,
        "uiHeight": height,
        "uiComp": channels,
        "uiBpcInMemory": 16,
        "uiBpcSignificant": 16,
        "uiSequenceCount": times,
        "eCompression": 2,
    }
    chunk(b"ImageAttributesLV!", _lite("SLxImageAttributes", attributes), 4080)
    loop = {"uiCount": times, "dStart": 0.0, "dPeriod": 50.0, "dDuration": 50.0 * times}
    experiment = {"eType": 1, "uLoopPars": loop}
    chunk(b"ImageMetadataLV!", _lite("SLxExperiment", experiment), 4080)
    spectrum = {"uiCount": 1, "pPoint": {"Point0": {"eType": 0, "dWavelength": 500.0}}}
    probe = {"m_ExcitationSpectrum": spectrum, "m_EmissionSpectrum": spectrum}
    planes = {
        f"a{c}": {
            "uiCompCount": 1,
            "sDescription": "GRB"[c] + "FP",
            "pFluorescentProbe": probe,
        }
        for c in range(channels)
    }
    picture = {
        "bCalibrated": True,
        "dCalibration": 0.11,
        "sPicturePlanes": {"uiCount": channels, "sPlaneNew": planes},
    }
    chunk(b"ImageMetadataSeqLV|0!", _lite("SLxPictureMetadata", picture), 4080)
    for k in range(times):
        pixels = b"" if shape else frames[k].transpose(1, 2, 0).astype("<u2").tobytes()
        rest = 2 * channels * height * width - len(pixels)
        chunk(f"ImageDataSeq|{k}!".encode(), struct.pack("<d", 50.0 * k) + pixels, 4072, rest)
    for k in lost:
        del places[f"ImageDataSeq|{k}!".encode()]
    file.seek(-file.tell() % 4096, 1)
    where = file.tell()
    end = b"ND2 CHUNK MAP SIGNATURE 0000001!"
    table = b"".join(n + struct.pack("<QQ", *p) for n, p in places.items())
    table += end + struct.pack("<Q", where)
    file.write(struct.pack("<IIQ", 0x0ABECEDA, 32, len(table)))
    file.write(b"ND2 FILEMAP SIGNATURE NAME 0001!" + table)
    file.close()
    return path


def write_ndtiff(folder: Path, frames: np.ndarray = FRAMES, entries: int | None = None) -> Path:
    """Write frames (T, C, Y, X) as an NDTiff data set; the index has the first entries only."""
    import json

    path = folder / "run_NDTiffStack.tif"
    summary = json.dumps({"PixelSize_um": 0.1, "Interval_ms": 20.0}).encode()
    body = bytearray(struct.pack("<2sHIIIIII", b"II", 42, 0, 483729, 3, 3, 2355492, len(summary)))
    body += summary
    index = bytearray()
    count = 0
    for t, c in np.ndindex(frames.shape[:2]):
        axes = json.dumps({"time": t, "channel": "GR"[c] + "FP"}).encode()
        about = json.dumps({"Exposure": 20.0, "Camera": "Prime", "Frame": t}).encode()
        pixels = len(body)
        body += frames[t, c].astype("<u2").tobytes()
        if entries is None or count < entries:
            for text in (axes, path.name.encode()):
                index += struct.pack("<I", len(text)) + text
            height, width = frames.shape[2:]
            index += struct.pack("<8I", pixels, width, height, 1, 0, len(body), len(about), 0)
        body += about
        count += 1
    path.write_bytes(bytes(body))
    (folder / "NDTiff.index").write_bytes(bytes(index))
    return path


def write_zarr(folder: Path, version: int = 2, frames: np.ndarray = FRAMES, **options) -> Path:
    """Write frames (T, C, Y, X) as OME-Zarr 0.4 (zarr 2) or 0.5 (zarr 3)."""
    import zarr

    path = folder / "cells.ome.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=version)
    array = group.create_array(
        "0", shape=frames.shape, dtype=frames.dtype, chunks=(1, 1, *frames.shape[2:]), **options
    )
    array[:] = frames
    half = group.create_array("1", shape=frames[..., ::2, ::2].shape, dtype=frames.dtype)
    half[:] = frames[..., ::2, ::2]
    image = {
        "name": "cells",
        "axes": [
            {"name": "t", "type": "time", "unit": "millisecond"},
            {"name": "c", "type": "channel"},
            {"name": "y", "type": "space", "unit": "micrometer"},
            {"name": "x", "type": "space", "unit": "nanometer"},
        ],
        "datasets": [
            {
                "path": str(k),
                "coordinateTransformations": [
                    {"type": "scale", "scale": [50.0, 1.0, 0.1 * f, 100.0 * f]}
                ],
            }
            for k, f in enumerate((1, 2))
        ],
    }
    omero = {"channels": [{"label": "GFP", "color": "00FF00"}, {"label": "RFP", "color": "FF0000"}]}
    if version == 2:
        group.attrs.update({"multiscales": [{**image, "version": "0.4"}], "omero": omero})
    else:
        group.attrs.update({"ome": {"version": "0.5", "multiscales": [image], "omero": omero}})
    return path


def unzip(name: str, folder: Path) -> Path:
    """Unpack a folder that another program wrote."""
    with zipfile.ZipFile(DATA / "zarr" / f"{name}.zip") as archive:
        archive.extractall(folder)
    return folder / name


@pytest.fixture
def movie_makers() -> dict[str, Callable[[Path], Path]]:
    """A writer of every format, by its name."""
    return {
        "ims": write_ims,
        "pyme": write_pyme,
        "hdf5": write_hdf5,
        "dax": write_dax,
        "nd2": write_nd2,
        "ndtiff": write_ndtiff,
        "zarr2": lambda folder: write_zarr(folder, 2),
        "zarr3": lambda folder: write_zarr(folder, 3),
    }
