"""File > Save: layers of napari to files; the work is done in `limelight.io`."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.core.errors import LimelightError, ParameterError
from limelight.core.movie import Movie
from limelight.core.remarks import collected, remark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from limelight.core.localizations import Localizations

__all__ = [
    "progress",
    "write_decode",
    "write_folder",
    "write_labels_ome_tiff",
    "write_labels_ome_zarr",
    "write_ome_tiff",
    "write_ome_zarr",
    "write_parquet",
    "write_picasso",
    "write_plain",
    "write_pyme",
    "write_rapidstorm",
    "write_smap",
    "write_smlm",
    "write_thunderstorm",
]

Meta = dict[str, Any]
_PATIENCE_MS = 700


def _table(meta: Meta, data: Any) -> Localizations:
    """Return the table of a points layer: the one behind it, or what its points tell."""
    from limelight.core.localizations import Localizations
    from limelight.io.points import points_to_localizations, shown_localizations
    from limelight.widgets.layers import MAX_POINTS, RESULT_KEY

    features = meta.get("features")
    behind = (meta.get("metadata") or {}).get(RESULT_KEY)
    if isinstance(behind, Localizations):
        return shown_localizations(behind, data, features, MAX_POINTS)
    return points_to_localizations(
        data,
        scale=meta.get("scale", ()),
        translate=meta.get("translate", ()),
        units=_units(meta),
        axes=meta.get("axis_labels") or (),
        features=features,
        name=str(meta.get("name", "points")),
    )


def _units(meta: Meta) -> tuple[str, ...]:
    return tuple(str(u) for u in meta.get("units") or ())


def _write_table(path: str, data: Any, meta: Meta, form: str, suffixes: tuple[str, ...]) -> str:
    """Write a table in one format; a suffix of another format that was typed is followed."""
    from limelight.io.tables.dispatch import TABLE_SUFFIXES, format_of, save_table

    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        target = target.with_name(target.name + suffixes[0])
    elif suffix not in suffixes:
        # An old file of that name must not decide what is written.
        form = format_of(Path(f"new{suffix}"))
    return str(save_table(_table(meta, data), target, form))


def _for_tables(form: str, *suffixes: str) -> Callable[[str, Any, Meta], list[str]]:
    def write(path: str, data: Any, meta: Meta) -> list[str]:
        with _speaking():
            return [_write_table(path, data, meta, form, suffixes)]

    write.__doc__ = f"Write a points layer as a table: {form}."
    return write


write_picasso = _for_tables("picasso", ".hdf5")
write_thunderstorm = _for_tables("thunderstorm", ".csv")
write_plain = _for_tables("plain", ".csv", ".tsv")
write_rapidstorm = _for_tables("rapidstorm", ".txt")
write_pyme = _for_tables("pyme", ".h5r")
write_smap = _for_tables("smap", "_sml.mat", ".mat")
write_decode = _for_tables("decode", ".h5")
write_smlm = _for_tables("smlm", ".smlm")
write_parquet = _for_tables("parquet", ".parquet")


def _write_image(path: str, data: Any, meta: Meta, suffix: str, *, segmentation: bool) -> str:
    """Write an image; a movie is streamed, and keeps what is known of its camera."""
    from limelight.io.image_writer import IMAGE_SUFFIXES, OutgoingImage, write_image
    from limelight.widgets.layers import MOVIE_KEY

    target = Path(path)
    if not target.name.lower().endswith(IMAGE_SUFFIXES):
        target = target.with_name(target.name + suffix)
    inside = meta.get("metadata") or {}
    movie = inside.get(MOVIE_KEY)
    # Of several levels of resolution the finest is written.
    pixels = data[0] if meta.get("multiscale") else data
    image = OutgoingImage(
        pixels,
        axes=tuple(map(str, meta.get("axis_labels") or ()))[: len(pixels.shape) - 2],
        scale=tuple(meta.get("scale", ())),
        units=_units(meta),
        translate=tuple(meta.get("translate", ())),
        name=str(meta.get("name", "image")),
        labels=inside.get("labels") or {},
        rgb=bool(meta.get("rgb")),
        segmentation=segmentation,
    )
    with progress(f"Writing {target.name}…") as tell:
        if isinstance(movie, Movie) and tuple(movie.shape) == image.shape:
            if not target.name.lower().endswith(".zarr"):
                return str(_write_movie(target, movie, image.um("x"), tell))
        return str(write_image(target, image, tell))


def _write_movie(
    target: Path, movie: Movie, um: float | None, tell: Callable[[int, int], None] | None
) -> Path:
    from limelight.io.blocks import blocks_of
    from limelight.io.tiff_writer import TiffWriter

    _, blocks = blocks_of(movie)
    exposure = movie.metadata.get("exposure_ms")
    with TiffWriter(
        target,
        len(movie),
        pixel_size_nm=None if um is None else um * 1000,
        exposure_ms=float(exposure) if isinstance(exposure, int | float) else None,
        camera=movie.camera.name,
        kind="ome",
    ) as writer:
        for block in blocks:
            writer.write(block)
            if tell is not None:
                tell(writer.written, len(movie))
    return target


def _for_images(suffix: str, segmentation: bool) -> Callable[[str, Any, Meta], list[str]]:
    def write(path: str, data: Any, meta: Meta) -> list[str]:
        with _speaking():
            return [_write_image(path, data, meta, suffix, segmentation=segmentation)]

    kind = "labels" if segmentation else "image"
    write.__doc__ = f"Write a layer ({kind}) with its axes, scale and units: {suffix}."
    return write


write_ome_tiff = _for_images(".ome.tif", False)
write_ome_zarr = _for_images(".ome.zarr", False)
write_labels_ome_tiff = _for_images(".ome.tif", True)
write_labels_ome_zarr = _for_images(".ome.zarr", True)


def write_folder(path: str, layers: list[tuple[Any, Meta, str]]) -> list[str]:
    """Write every layer to a file of its own in a folder: OME-TIFF, and tables for Picasso."""
    from limelight.io.atomic import replacing

    folder = Path(path)
    if not folder.exists():
        with replacing(folder):  # says what is wrong with the place
            pass
        folder.unlink()
    folder.mkdir(exist_ok=True)
    written: list[str] = []
    taken: set[str] = set()
    for data, meta, kind in layers:
        name = _file_name(str(meta.get("name", kind)), taken)
        target = str(folder / name)
        if kind == "points":
            written += write_picasso(f"{target}.hdf5", data, meta)
        elif kind == "labels":
            written += write_labels_ome_tiff(f"{target}.ome.tif", data, meta)
        else:
            written += write_ome_tiff(f"{target}.ome.tif", data, meta)
    return written


def _file_name(name: str, taken: set[str]) -> str:
    plain = "".join("_" if c in '<>:"/\\|?*' or ord(c) < 32 else c for c in name).strip(" .")
    base = unique = plain or "layer"
    count = 1
    while unique.lower() in taken:
        count += 1
        unique = f"{base} {count}"
    taken.add(unique.lower())
    return unique


@contextmanager
def _speaking() -> Iterator[None]:
    """Let errors and warnings reach the person.

    While it saves, napari takes a ValueError for 'there is no writer', and keeps warnings back.
    """
    from limelight.widgets import reader

    try:
        with collected() as said:
            yield
    except ParameterError as error:
        raise LimelightError(str(error)) from error
    for text in said:
        if reader.can_ask():
            from napari.utils.notifications import show_warning

            show_warning(text)
        else:
            remark(text, stacklevel=3)


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show how far a long work is, with a button that ends it; nothing without a window.

    Parameters
    ----------
    title : str
        What is done.

    Yields
    ------
    callable or None
        To be told how much is done, and of how much; raises where the person cancels.

    Raises
    ------
    LimelightError
        If the person cancels.
    """
    try:
        from qtpy.QtWidgets import QApplication, QProgressDialog
    except Exception:  # qtpy raises errors of its own where no Qt is installed
        yield None
        return
    in_main_thread = threading.current_thread() is threading.main_thread()
    if QApplication.instance() is None or not in_main_thread:
        yield None
        return
    from qtpy.QtCore import Qt

    dialog = QProgressDialog(title, "Cancel", 0, 1000, QApplication.activeWindow())
    dialog.setWindowTitle("Limelight")
    # The window takes no clicks meanwhile, so that nothing changes under the writer.
    dialog.setWindowModality(Qt.WindowModality.ApplicationModal)
    dialog.setMinimumDuration(_PATIENCE_MS)
    dialog.setAutoClose(False)

    def tell(done: int, total: int) -> None:
        dialog.setValue(min(999, 1000 * done // max(1, total)))
        if dialog.wasCanceled():
            raise LimelightError(f"{title.rstrip('…')}: cancelled; nothing was written.")

    try:
        yield tell
    finally:
        dialog.close()
        dialog.deleteLater()
