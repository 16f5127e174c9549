"""Writing movies and pictures as TIFF files, frame by frame."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import tifffile

from limelight.core.errors import ParameterError
from limelight.core.movie import Movie
from limelight.io.atomic import replacing
from limelight.io.blocks import blocks_of
from limelight.io.documents import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["TiffWriter", "write_tiff"]

_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
_IMAGEJ_TYPES = ("uint8", "uint16", "float32")
_IMAGEJ_LIMIT = 4 << 30


class TiffWriter:
    """Writes frames to a TIFF file as they come; the file appears when it is complete.

    The number of frames has to be known, because the description comes before the first of them.

    Parameters
    ----------
    path : path
        The file; names that end with ``.ome.tif`` or ``.ome.tiff`` give an OME-TIFF.
    frames : int
        Number of frames that will be written.
    pixel_size_nm : float, optional
        Size of a pixel in the sample, nm.
    exposure_ms : float, optional
        Exposure time, ms.
    camera : str
        Name of the camera (OME-TIFF only).
    kind : {"ome", "imagej"}, optional
        By default as the name says, otherwise ImageJ's for what fits into it (< 4 GB of 8 or 16
        bit or float32), else OME's.
    compression : str, optional
        Such as ``"zlib"``; none by default, which is read fastest.

    Raises
    ------
    FileError
        If the file cannot be written.
    ParameterError
        If the frames differ in shape or type, or are fewer or more than announced.
    """

    def __init__(
        self,
        path: str | Path,
        frames: int,
        *,
        pixel_size_nm: float | None = None,
        exposure_ms: float | None = None,
        camera: str = "",
        kind: Literal["ome", "imagej"] | None = None,
        compression: str | None = None,
    ) -> None:
        if frames < 1:
            raise ParameterError(f"A movie needs at least one frame, not {frames}.")
        if pixel_size_nm is not None and not 0 < pixel_size_nm < float("inf"):
            raise ParameterError(f"The pixel size must be greater than 0 nm, not {pixel_size_nm}.")
        self.path = Path(path)
        self.frames = frames
        self.written = 0
        self._pixel_size_nm = pixel_size_nm
        self._exposure_ms = exposure_ms
        self._camera = camera
        self._kind = kind
        self._compression = compression
        self._shape: tuple[int, ...] = ()
        self._dtype: np.dtype[Any] = np.dtype("uint16")
        self._tiff: tifffile.TiffWriter | None = None
        self._stack = contextlib.ExitStack()
        self._temporary = self._stack.enter_context(replacing(self.path))

    def write(self, frames: NDArray[Any]) -> None:
        """Write one frame (Y, X) or several (N, Y, X)."""
        block = np.asarray(frames)
        block = block[None] if block.ndim == 2 else block
        if block.ndim != 3 or 0 in block.shape[1:]:
            raise ParameterError(
                f"Frames must have the shape (Y, X) or (N, Y, X), not {np.shape(frames)}."
            )
        if block.dtype == np.float16:
            block = block.astype(np.float32)
        if block.dtype.newbyteorder("=").name not in _TYPES:
            raise ParameterError(
                f"{block.dtype} cannot be written to a TIFF file; use one of {', '.join(_TYPES)}."
            )
        if self._tiff is None:
            self._shape, self._dtype = block.shape[1:], block.dtype.newbyteorder("=")
            self._start()
        if block.shape[1:] != self._shape or block.dtype.newbyteorder("=") != self._dtype:
            raise ParameterError(
                f"All frames must be alike: {self._shape}, {self._dtype}, not {block.shape[1:]}, "
                f"{block.dtype}."
            )
        if self.written + len(block) > self.frames:
            raise ParameterError(f"There are more frames than the {self.frames} announced.")
        assert self._tiff is not None
        for frame in block:
            self._tiff.write(frame, **self._arguments())
            self.written += 1

    def _start(self) -> None:
        size = self.frames * self._shape[0] * self._shape[1] * self._dtype.itemsize
        if self._kind is None:
            fits = self._dtype.name in _IMAGEJ_TYPES and size < _IMAGEJ_LIMIT - (64 << 20)
            named = self.path.name.lower().endswith((".ome.tif", ".ome.tiff"))
            self._kind = "imagej" if fits and not named else "ome"
        if self._kind == "imagej" and self._dtype.name not in _IMAGEJ_TYPES:
            raise ParameterError(
                f"ImageJ's files hold {', '.join(_IMAGEJ_TYPES)}, not {self._dtype}."
            )
        self._tiff = self._stack.enter_context(
            tifffile.TiffWriter(
                self._temporary,
                bigtiff=self._kind == "ome" and size >= _IMAGEJ_LIMIT - (64 << 20),
                byteorder="<",
            )
        )

    def _arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "photometric": "minisblack",
            "compression": self._compression,
            "contiguous": self._compression is None,
            "metadata": None,
        }
        if self._pixel_size_nm is not None:
            if self._kind == "imagej":
                per_um = 1000.0 / self._pixel_size_nm
                arguments |= {"resolution": (per_um, per_um), "resolutionunit": "NONE"}
            else:
                # The tag holds 32 bits; what does not fit is in the OME-XML anyway.
                per_cm = min(max(1e7 / self._pixel_size_nm, 1e-3), 4e9)
                arguments |= {"resolution": (per_cm, per_cm), "resolutionunit": "CENTIMETER"}
        if self.written == 0:
            text = self._imagej() if self._kind == "imagej" else self._ome()
            arguments["description"] = text.encode()
            arguments["software"] = "Limelight"
        return arguments

    def _imagej(self) -> str:
        unit = "" if self._pixel_size_nm is None else "unit=micron\n"
        exposure = "" if self._exposure_ms is None else f"exposure_ms={self._exposure_ms!r}\n"
        return (
            f"ImageJ=1.54f\nimages={self.frames}\nframes={self.frames}\nhyperstack=false\n"
            f"{unit}{exposure}loop=false\n"
        )

    def _ome(self) -> str:
        height, width = self._shape
        kinds = {"float32": "float", "float64": "double"}
        kind = kinds.get(self._dtype.name, self._dtype.name)
        size = instrument = setting = plane = ""
        if self._pixel_size_nm is not None:
            um = repr(self._pixel_size_nm / 1000)
            size = "".join(f' PhysicalSize{a}="{um}" PhysicalSize{a}Unit="&#181;m"' for a in "XY")
        if self._camera:
            name = _escape(self._camera)
            instrument = (
                f'<Instrument ID="Instrument:0"><Detector ID="Detector:0" Model="{name}"/>'
                "</Instrument>"
            )
            setting = '<InstrumentRef ID="Instrument:0"/>'
        if self._exposure_ms is not None:
            plane = (
                f'<Plane TheC="0" TheZ="0" TheT="0" ExposureTime="{self._exposure_ms!r}" '
                'ExposureTimeUnit="ms"/>'
            )
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            'xsi:schemaLocation="http://www.openmicroscopy.org/Schemas/OME/2016-06 '
            'http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd" Creator="Limelight">'
            f'{instrument}<Image ID="Image:0" Name="{_escape(self.path.name)}">{setting}'
            f'<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="{kind}" SizeX="{width}" '
            f'SizeY="{height}" SizeC="1" SizeZ="1" SizeT="{self.frames}"{size}>'
            '<Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
            f'<TiffData IFD="0" PlaneCount="{self.frames}"/>{plane}</Pixels></Image></OME>'
        )

    def close(self) -> None:
        """Complete the file and give it its name.

        Raises
        ------
        ParameterError
            If frames are missing.
        """
        if self.written != self.frames:
            error = ParameterError(
                f"{self.path.name}: {self.written} of {self.frames} frames were given; nothing "
                "was written."
            )
            self.__exit__(type(error), error, None)
            raise error
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None:
            self.close()
        else:
            self._stack.__exit__(kind, error, trace)


def _escape(text: str) -> str:
    from xml.sax.saxutils import escape

    clean = "".join(c if c.isprintable() and ord(c) < 0x10000 else "?" for c in text)
    return escape(clean, {'"': "&quot;"}).encode("ascii", "xmlcharrefreplace").decode()


def write_tiff(
    path: str | Path,
    source: Movie | NDArray[Any] | Iterable[NDArray[Any]],
    *,
    frames: int | None = None,
    pixel_size_nm: float | None = None,
    exposure_ms: float | None = None,
    camera: str | None = None,
    kind: Literal["ome", "imagej"] | None = None,
    compression: str | None = None,
) -> Path:
    """Write a movie or a picture to a TIFF file, in bounded memory.

    Parameters
    ----------
    path : path
        The file; see `TiffWriter` for what its name decides.
    source : Movie, array (T, Y, X) or (Y, X), or iterable of arrays (Y, X) or (N, Y, X)
        What to write.
    frames : int, optional
        Number of frames; needed for an iterable only.
    pixel_size_nm : float, optional
        Size of a pixel, nm; a movie brings its own.
    exposure_ms : float, optional
        Exposure time, ms; a movie may bring its own.
    camera : str, optional
        Name of the camera; a movie brings its own.
    kind, compression
        As in `TiffWriter`.

    Returns
    -------
    path
        The file.

    Raises
    ------
    FileError
        If it cannot be written; nothing is left of it then.
    ParameterError
        If the frames are not alike, or their number is not known.
    """
    if isinstance(source, Movie):
        pixel_size_nm = pixel_size_nm or source.camera.pixel_size_nm
        camera = source.camera.name if camera is None else camera
        exposure = plain(source.metadata.get("exposure_ms"))
        if exposure_ms is None and isinstance(exposure, int | float):
            exposure_ms = float(exposure)
    count, blocks = blocks_of(source)
    frames = frames if count is None else count
    if frames is None:
        raise ParameterError("Say how many frames there will be: write_tiff(..., frames=N).")
    with TiffWriter(
        path,
        frames,
        pixel_size_nm=pixel_size_nm,
        exposure_ms=exposure_ms,
        camera=camera or "",
        kind=kind,
        compression=compression,
    ) as writer:
        for block in blocks:
            writer.write(block)
    return Path(path)
