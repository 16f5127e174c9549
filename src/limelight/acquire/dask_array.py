"""A data set as one dask array, image by image."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from limelight.core.errors import ParameterError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from limelight.acquire.dataset import Dataset

__all__ = ["as_array"]


def as_array(
    dataset: Dataset,
    axes: Sequence[str] | None,
    stitched: bool,
    fixed: Mapping[str, int | str],
) -> Any:
    """Return the images of a data set as one dask array; see `Dataset.as_array`."""
    import dask.array as da

    positions = dataset.axes
    dtype, shape = dataset.dtype, dataset.image_shape
    for name in (*(axes or ()), *fixed):
        if name not in positions:
            raise ParameterError(
                f"{dataset.path.name}: there is no axis {name!r}. {suggest(name, positions)}"
            )
    names = [n for n in (positions if axes is None else axes) if n not in fixed]
    fixed = dict(fixed)
    grid: tuple[list[int], list[int]] | None = None
    cut = (0, 0)
    if stitched:
        if not {"row", "column"} <= set(positions):
            raise ParameterError(
                f"{dataset.path.name}: there are no tiles to stitch: it has no axes row and "
                "column. Leave stitched out."
            )
        rows, columns = ([int(v) for v in positions[n]] for n in ("row", "column"))
        grid = list(range(rows[0], rows[-1] + 1)), list(range(columns[0], columns[-1] + 1))
        names = [n for n in names if n not in ("row", "column")]
        for name in ("row", "column"):
            fixed.pop(name, None)
        summary = dataset.summary_metadata
        cut = (
            int(summary.get("GridPixelOverlapY") or 0),
            int(summary.get("GridPixelOverlapX") or 0),
        )
    left_out = [
        n
        for n, values in positions.items()
        if len(values) > 1 and n not in names and n not in fixed
        if not (stitched and n in ("row", "column"))
    ]
    if left_out:
        raise ParameterError(
            f"{dataset.path.name}: there are several positions on {' and '.join(left_out)}. Add "
            "the axis to axes, or choose a position on it."
        )
    tile = (shape[0] - cut[0], shape[1] - cut[1])
    height, width = tile if grid is None else (tile[0] * len(grid[0]), tile[1] * len(grid[1]))
    last = (height, width, *shape[2:])
    values = [positions[n] for n in names]
    read = partial(_read, dataset, names, values, fixed, grid, cut, last, dtype)
    chunks = (*((1,) * len(v) for v in values), *((n,) for n in last))
    map_blocks: Any = da.map_blocks
    return map_blocks(
        read,
        dtype=dtype,
        chunks=chunks,
        meta=np.empty((0,) * len(chunks), dtype),
        name=f"images-{uuid4().hex}",
    )


def _read(
    dataset: Dataset,
    names: Sequence[str],
    values: Sequence[Sequence[int | str]],
    fixed: Mapping[str, int | str],
    grid: tuple[list[int], list[int]] | None,
    cut: tuple[int, int],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    block_id: tuple[int, ...] = (),
) -> NDArray[Any]:
    """Return one block: an image, or all tiles beside each other; zeros where none was taken."""
    axes = {**fixed, **{n: values[k][block_id[k]] for k, n in enumerate(names)}}
    block = np.zeros((1,) * len(names) + tuple(shape), dtype)
    target = block.reshape(shape)
    if grid is None:
        found = dataset._locate(axes)
        if found is not None:
            _into(target, found[0].read(found[1]))
        return block
    height, width = shape[0] // len(grid[0]), shape[1] // len(grid[1])
    top, left = cut[0] // 2, cut[1] // 2
    for j, row in enumerate(grid[0]):
        for k, column in enumerate(grid[1]):
            found = dataset._locate({**axes, "row": row, "column": column})
            if found is not None:
                tile = found[0].read(found[1])
                _into(
                    target[j * height : (j + 1) * height, k * width : (k + 1) * width],
                    tile[top : top + height, left : left + width],
                )
    return block


def _into(target: NDArray[Any], image: NDArray[Any]) -> None:
    if image.shape != target.shape:
        raise ParameterError(
            f"The images differ in size ({image.shape[:2]} and {target.shape[:2]} pixels), and "
            "make no array. Read them one by one."
        )
    target[...] = image
