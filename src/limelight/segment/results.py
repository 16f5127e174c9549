"""Results: what is kept of a field, as TIFF and CSV or as OME-Zarr."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from limelight.core.errors import FileError, ParameterError, suggest
from limelight.io.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from limelight.segment.fields import Field
    from limelight.segment.pipes import SegmentedObjects

__all__ = ["FORMATS", "Format", "check_format", "is_kept", "keep", "read_labels", "zarr_of"]

Format = Literal["tiff", "ome-zarr", "into-input"]
FORMATS: tuple[Format, ...] = ("tiff", "ome-zarr", "into-input")
"""Label images as TIFF; image, labels and features as OME-Zarr; labels and features added to the
OME-Zarr that the images come from."""


def check_format(form: str, fields: Sequence[Field]) -> None:
    """Raise if results cannot be kept in that form.

    Raises
    ------
    ParameterError
        If there is no such form.
    FileError
        If labels are to go into images that are no OME-Zarr, or hold more than one field.
    """
    if form not in FORMATS:
        raise ParameterError(f"There is no format {form!r}. {suggest(form, FORMATS)}")
    if form != "into-input":
        return
    seen: set[str] = set()
    for one in fields:
        path = _input_of(one)
        if path in seen:
            raise FileError(
                path,
                "it holds several fields (time points or positions), and labels for one.",
                "Choose the format ome-zarr.",
            )
        seen.add(path)


def _input_of(one: Field) -> str:
    from limelight.io.ome_zarr import is_zarr

    paths = {plane.path for plane in one.channels.values()}
    path = sorted(paths)[0]
    if len(paths) > 1 or not is_zarr(path) or set(_places(one)) - {"channel"}:
        raise FileError(
            path,
            "labels can be added only to an OME-Zarr that holds one field with all channels.",
            "Choose the format ome-zarr, which makes a new one.",
        )
    return path


def _places(one: Field) -> list[str]:
    return [axis for plane in one.channels.values() for axis in plane.place]


def zarr_of(one: Field, folder: Path) -> Path:
    """Return where the OME-Zarr of a field goes; of a site on a plate it holds only labels.

    The images of a plate's sites are joined to one per well when all are done, and would be there
    twice else.
    """
    return folder / ("images" if one.site is None else "sites") / f"{one.name}.ome.zarr"


def read_labels(one: Field, name: str, folder: Path) -> NDArray[Any]:
    """Return the labels of a field that were kept as OME-Zarr.

    Raises
    ------
    FileError
        If they are damaged.
    """
    import zarr

    path = zarr_of(one, folder) / "labels" / name
    try:
        found = zarr.open_array(str(path / "0"), mode="r")
        return np.asarray(found[...])
    except Exception as error:  # zarr raises errors of many kinds
        raise FileError(
            path, f"the labels cannot be read ({error}).", "Segment this field again."
        ) from error


def keep(
    one: Field,
    images: Mapping[str, NDArray[Any]],
    objects: Mapping[str, SegmentedObjects],
    folder: Path,
    form: Format,
    described: str,
) -> dict[str, int]:
    """Keep the objects of a field.

    Parameters
    ----------
    one : Field
        The field.
    images : mapping
        Its images.
    objects : mapping
        Its objects, by name.
    folder : path
        Where the results go.
    form : {"tiff", "ome-zarr", "into-input"}
        In which form.
    described : str
        What the results depend on, so that they are not computed again.

    Returns
    -------
    dict
        Number of objects, by name.
    """
    from limelight.segment.fields import voxel_size

    scale = voxel_size(one)
    tables = {name: o.features.reset_index(names="label") for name, o in objects.items()}
    for name, table in tables.items():
        with replacing(folder / "tables" / f"{one.name}_{name}.csv") as temporary:
            table.to_csv(temporary, index=False)
    if form == "tiff":
        _keep_tiffs(one, objects, folder)
    else:
        from limelight.io.label_zarr import write_group, write_image, write_labels

        labels = {name: o.labels for name, o in objects.items()}
        plain = {name: _plain(table) for name, table in tables.items()}
        if form == "ome-zarr" and one.site is None:
            target = zarr_of(one, folder)
            write_image(target, images, labels, plain, scale=scale, name=one.name)
        elif form == "ome-zarr":
            target = zarr_of(one, folder)
            target.mkdir(parents=True, exist_ok=True)
            write_group(target, {})
            for name, found in labels.items():
                write_labels(target, name, found, scale=scale)
        else:
            for name, found in labels.items():
                write_labels(_input_of(one), name, found, plain[name], scale=scale)
    counts = {name: len(o) for name, o in objects.items()}
    # Written last: a field counts as done only when all of it is there.
    note = {
        "described": described,
        "counts": counts,
        "about": dict(one.about),
        "format": form,
        "shape": list(next(iter(images.values())).shape),
        "dtype": str(np.result_type(*images.values())),
        "scale": scale,
        "largest": max((int(o.ids[-1]) for o in objects.values() if len(o)), default=0),
    }
    with replacing(folder / "tables" / f"{one.name}.json") as temporary:
        temporary.write_text(json.dumps(note), encoding="utf-8")
    return counts


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with lists of neighbours as text: one type per column."""
    texts = {c: table[c].astype(str) for c in table.columns if table[c].dtype == object}
    return table.assign(**texts)


def _keep_tiffs(one: Field, objects: Mapping[str, SegmentedObjects], folder: Path) -> None:
    from limelight.io.tiff_writer import write_tiff

    for name, found in objects.items():
        labels = found.labels
        with replacing(folder / "labels" / f"{one.name}_{name}.tif") as temporary:
            write_tiff(temporary, labels if labels.ndim == 3 else labels[None])


def is_kept(one: Field, names: Sequence[str], folder: Path, form: Format) -> bool:
    """Tell whether the label images of a field are there."""
    if form == "tiff":
        return all((folder / "labels" / f"{one.name}_{name}.tif").is_file() for name in names)
    try:
        image = zarr_of(one, folder) if form == "ome-zarr" else Path(_input_of(one))
    except FileError:
        return False
    return image.is_dir() and all((image / "labels" / name).is_dir() for name in names)
