"""What napari shows of a file that is dropped onto it: movies, plates, tables of molecules."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError
from limelight.core.remarks import collected, remark

if TYPE_CHECKING:
    from collections.abc import Callable

    from limelight.core.localizations import Localizations
    from limelight.core.movie import Movie
    from limelight.io.file_movie import FileMovie

__all__ = [
    "ask_again",
    "can_ask",
    "contrast_of",
    "get_reader",
    "localizations_layer",
    "movie_layer",
]

LayerData = tuple[Any, ...]
Paths = str | list[str]

_MOST_POINTS = 200_000
_POINT = "#35d0ff"
_SAMPLED = 5  # frames that are looked at for the contrast


def get_reader(path: Paths) -> Callable[[Paths], list[LayerData]] | None:
    """Return the reader of a file or folder; None for what others read.

    Left to others are colour images, single images, arrays that are no movies, and tables and
    HDF5 files without molecules or frames.  A damaged movie is not: reading it tells what is
    wrong.

    Parameters
    ----------
    path : str or list of str
        What was dropped.  Several files that are to be stacked are left to others.
    """
    if isinstance(path, list):
        if len(path) != 1:
            return None
        path = path[0]
    file = Path(path)
    suffix = file.suffix.lower()
    from limelight.io.opening import MOVIE_SUFFIXES
    from limelight.io.tables.dispatch import TABLE_SUFFIXES

    if suffix in TABLE_SUFFIXES and file.is_file() and _is_table(file):
        return _read_table
    if suffix == ".raw":
        return _read_movie
    if suffix == ".hdf5":
        import h5py

        return _read_movie if h5py.is_hdf5(file) and _is_movie(file) else None
    if file.is_dir() and _is_plate(file):
        return _read_plate
    if suffix in MOVIE_SUFFIXES or file.is_dir() or "::" in str(file):
        return _read_movie if _is_movie(file) else None
    return None


def _is_table(file: Path) -> bool:
    from limelight.io.tables.dispatch import is_table
    from limelight.io.tables.preview import preview_table
    from limelight.io.tables.rapidstorm import is_rapidstorm

    if file.suffix.lower() in (".csv", ".tsv", ".txt"):
        return is_rapidstorm(file) or preview_table(file, 2) is not None
    return is_table(file)


def _is_movie(file: Path) -> bool:
    from limelight.io.file_movie import NotAMovieError
    from limelight.io.opening import open_movie

    try:
        # What there is to say is said when it is read.
        with collected(), open_movie(file) as movie:
            return len(movie) > 1 or movie.problem is not None or bool(movie.choices)
    except NotAMovieError:
        return False
    except FileError:
        return True


def _is_plate(file: Path) -> bool:
    from limelight.io.plate_view import has_objects

    return has_objects(file)


def _read_plate(path: Paths) -> list[LayerData]:
    from limelight.widgets.plate_layers import plate_layers

    return plate_layers(_one(path))


def _one(path: Paths) -> Path:
    return Path(path[0] if isinstance(path, list) else path)


def _read_movie(path: Paths) -> list[LayerData]:
    file = _one(path)
    with collected() as said:
        movie = _open(file)
    for text in said:
        if "the movie is that of" not in text:  # of a choice: all of it is shown
            remark(text, stacklevel=2)
    if movie is None:
        return [(None,)]
    if movie.problem is not None:
        remark(str(movie.problem), stacklevel=2)
    if movie.choices:
        from limelight.widgets.axes_layers import axes_layers

        movie.close()
        return axes_layers(file)
    return [movie_layer(movie)]


def _open(file: Path) -> FileMovie | None:
    """Open a movie; ask for what a raw file does not tell. None: the person cancelled."""
    from limelight.io.opening import open_movie

    if file.suffix.lower() == ".raw":
        from limelight.io.raw import specification_path

        if not specification_path(file).exists() and file.is_file() and can_ask():
            from limelight.widgets.raw_dialog import ask_specification

            specification = ask_specification(file)
            return None if specification is None else open_movie(file, raw=specification)
    return open_movie(file)


def can_ask() -> bool:
    """Tell whether there is a window to ask in."""
    try:
        from qtpy.QtWidgets import QApplication
    except Exception:  # qtpy raises errors of its own where no Qt is installed
        return False
    in_main_thread = threading.current_thread() is threading.main_thread()
    return QApplication.instance() is not None and in_main_thread


def movie_layer(movie: Movie) -> LayerData:
    """Return a movie as the data of an image layer.

    The layer is in µm where the pixel size is known, else in pixels.  Its metadata hold what the
    file says, and the `Movie` itself under ``movie``.
    """
    from limelight.io.lazy import LazyFrames

    known = movie.metadata.get("Pixelsize")
    um = float(known) / 1000 if isinstance(known, int | float) and known > 0 else None
    metadata: dict[str, Any] = {**movie.metadata, "movie": movie}
    if summary := getattr(movie, "summary", None):
        metadata["Micro-Manager Summary"] = summary
    if problem := getattr(movie, "problem", None):
        metadata["problem"] = str(problem)
    if um is None:
        metadata["note"] = "The file does not tell the pixel size: the layer is in pixels."
    arguments: dict[str, Any] = {
        "name": movie.name.removesuffix(".ome"),
        "scale": (1.0, um or 1.0, um or 1.0),
        "units": ("pixel", "um", "um") if um else ("pixel", "pixel", "pixel"),
        "axis_labels": ("time", "y", "x"),
        "contrast_limits": contrast_of(movie),
        "metadata": metadata,
        "rgb": False,
        "multiscale": False,
    }
    return LazyFrames(movie), arguments, "image"


def contrast_of(movie: Movie) -> tuple[float, float]:
    """Return limits that show the spots: from the darkest to nearly the brightest pixels."""
    indices = np.unique(np.linspace(0, movie.shape[0] - 1, _SAMPLED).astype(int))
    frames = np.stack([movie.read(int(i), int(i) + 1)[0] for i in indices]).astype(np.float32)
    values = frames[np.isfinite(frames)]
    if not len(values):
        return 0.0, 1.0
    low, high = (float(q) for q in np.quantile(values, (0.001, 0.9995)))
    return (low, high) if high > low else (low, low + 1.0)


def _read_table(path: Paths) -> list[LayerData]:
    from limelight.io.tables.dispatch import load_table
    from limelight.io.tables.preview import preview_table

    file = _one(path)
    mapping = None
    preview = preview_table(file)
    if preview is not None and preview.questions:
        if can_ask():
            from limelight.widgets.columns_dialog import ask_columns

            mapping = ask_columns(preview)
            if mapping is None:
                return [(None,)]
        elif preview.mapping.missing:
            raise preview.explain()
    return [localizations_layer(load_table(file, mapping), file)]


def localizations_layer(locs: Localizations, path: Path) -> LayerData:
    """Return a table as the data of a points layer in µm, each point with its row.

    Of very large tables a sample is shown, and the name says so; the whole table is in the
    layer's metadata under ``localizations``.
    """
    table, name = locs.table, path.stem
    placed = np.isfinite(table[["y", "x"]].to_numpy()).all(axis=1)
    if not placed.all():
        table = table[placed]  # a point without a place cannot be drawn
        name = f"{name} ({len(table):,} of {len(locs):,} have a place)"
    if len(table) > _MOST_POINTS:
        rows = np.linspace(0, len(table) - 1, _MOST_POINTS).astype(int)
        table = table.iloc[rows]
        name = f"{name} ({_MOST_POINTS:,} of {len(locs):,})"
    um = locs.pixel_size_nm / 1000
    size = 0.3
    if "lpx" in table.columns and len(table):
        precision = float(np.nanmedian(table["lpx"]))
        size = float(np.clip(2 * precision, 0.05, 1.0)) if np.isfinite(precision) else size
    arguments: dict[str, Any] = {
        "name": name,
        "scale": (um, um),
        "units": ("um", "um"),
        "axis_labels": ("y", "x"),
        "features": table.reset_index(drop=True),
        "size": size,
        "face_color": _POINT,
        # Of small points hardly more than the border is seen, even of one without width.
        "border_color": _POINT,
        "border_width": 0,
        "metadata": {"localizations": locs, "provenance": locs.provenance},
    }
    return table[["y", "x"]].to_numpy(np.float32), arguments, "points"


def ask_again() -> None:
    """Forget how files are to be read without asking; the last answers are still offered."""
    from limelight.widgets.axes_dialog import forget_axes
    from limelight.widgets.columns_dialog import forget_columns

    forget_columns()
    forget_axes()
