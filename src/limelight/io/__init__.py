"""Files to the five words and back; one file per format.  Every public name loads on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limelight.io.array import LazyImage, open_array
    from limelight.io.calibration import load_calibration, save_calibration
    from limelight.io.camera_config import (
        CameraConfig,
        CameraEntry,
        find_camera_config,
        load_camera_config,
    )
    from limelight.io.file_movie import FileMovie
    from limelight.io.finding import find_movies
    from limelight.io.lazy import LazyFrames
    from limelight.io.opening import open_movie
    from limelight.io.raw import RawSpecification, read_specification, write_raw
    from limelight.io.tables.dispatch import (
        is_table,
        load_localizations,
        load_table,
        save_localizations,
        save_table,
    )
    from limelight.io.tables.mapping import TableMapping, guess_mapping
    from limelight.io.tiff_writer import TiffWriter, write_tiff

_HOMES = {
    "CameraConfig": "camera_config",
    "CameraEntry": "camera_config",
    "FileMovie": "file_movie",
    "LazyFrames": "lazy",
    "LazyImage": "array",
    "RawSpecification": "raw",
    "TableMapping": "tables.mapping",
    "TiffWriter": "tiff_writer",
    "find_camera_config": "camera_config",
    "find_movies": "finding",
    "load_calibration": "calibration",
    "load_camera_config": "camera_config",
    "guess_mapping": "tables.mapping",
    "is_table": "tables.dispatch",
    "load_localizations": "tables.dispatch",
    "load_table": "tables.dispatch",
    "open_array": "array",
    "open_movie": "opening",
    "read_specification": "raw",
    "save_calibration": "calibration",
    "save_localizations": "tables.dispatch",
    "save_table": "tables.dispatch",
    "write_raw": "raw",
    "write_tiff": "tiff_writer",
}

__all__ = [
    "CameraConfig",
    "CameraEntry",
    "FileMovie",
    "LazyFrames",
    "LazyImage",
    "RawSpecification",
    "TableMapping",
    "TiffWriter",
    "find_camera_config",
    "find_movies",
    "guess_mapping",
    "is_table",
    "load_calibration",
    "load_camera_config",
    "load_localizations",
    "load_table",
    "open_array",
    "open_movie",
    "read_specification",
    "save_calibration",
    "save_localizations",
    "save_table",
    "write_raw",
    "write_tiff",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"limelight.io.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'limelight.io' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
