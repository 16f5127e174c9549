"""Which stack the PSF dock looks at: a layer of the viewer, or a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError
from limelight.reslice import open_stack
from limelight.widgets.layers import pixel_size_nm, steps_in_view

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer
    from numpy.typing import NDArray

__all__ = ["Source", "layers_with_z", "source_of_file", "source_of_layer"]

_PIXEL_NM = 100.0  # where nothing says how large a pixel is


@dataclass(frozen=True, eq=False)
class Source:
    """A stack and its scale.

    Parameters
    ----------
    volume : array (Z, Y, X)
        The slices.
    scale_um : tuple of float
        Distance of two voxels along z, y, x, µm.
    name : str
        For people.
    path : path, optional
        The file.
    remark : str
        What was assumed, where the file is silent.
    """

    volume: NDArray[Any]
    scale_um: tuple[float, float, float]
    name: str
    path: Path | None = None
    remark: str = ""


def layers_with_z(viewer: ViewerModel) -> list[Layer]:
    """Return the image layers of a viewer that may have a z axis, without the dock's own."""
    from napari.layers import Image

    return [
        x
        for x in viewer.layers
        if isinstance(x, Image) and x.ndim >= 3 and not x.rgb and "limelight_psf" not in x.metadata
    ]


def source_of_layer(layer: Any, viewer: ViewerModel, step_um: float) -> Source:
    """Return the stack of a layer, at the place of all other axes that is in view.

    Parameters
    ----------
    layer : Image
        The layer.
    viewer : ViewerModel
        Whose sliders count.
    step_um : float
        Distance of the slices where the layer does not tell it, µm.

    Raises
    ------
    ParameterError
        If it is no stack of planes.
    """
    axis = _z_axis(layer)
    steps: list[Any] = list(steps_in_view(layer, viewer))
    steps[axis] = slice(None)
    stack = np.asarray(layer.data[tuple(steps)])
    if stack.ndim != 3 or len(stack) < 2:
        raise ParameterError(
            f"{layer.name} has no stack of planes: choose a layer with several slices."
        )
    pixel = (pixel_size_nm(layer) or _PIXEL_NM) / 1000
    if str(layer.units[axis]) in ("micrometer", "um", "µm"):
        step_um = float(abs(layer.scale[axis])) or step_um
    path = getattr(getattr(layer, "source", None), "path", None)
    return Source(stack, (step_um, pixel, pixel), str(layer.name), Path(path) if path else None)


def source_of_file(path: str | Path, step_um: float) -> Source:
    """Return the stack of a file.

    Parameters
    ----------
    path : path
        The file.
    step_um : float
        Distance of the slices where the file does not tell it, µm.

    Raises
    ------
    FileError
        If it cannot be read.
    ParameterError
        If it has one slice.
    """
    stack = open_stack(path)
    if len(stack.volume) < 2:
        raise ParameterError(f"{stack.name} has one slice: choose a file with several.")
    step = abs(stack.step_nm or 1000 * step_um) / 1000
    pixel = (stack.pixel_nm or _PIXEL_NM) / 1000
    told = [
        f"{what} is taken as {value * 1000:g} nm"
        for what, value, known in (
            ("the step", step, stack.step_nm),
            ("a pixel", pixel, stack.pixel_nm),
        )
        if known is None
    ]
    remark = f"{stack.name} has no scale: {' and '.join(told)}." if told else ""
    return Source(stack.volume, (step, pixel, pixel), stack.name, stack.path, remark)


def _z_axis(layer: Any) -> int:
    labels = [str(a).lower() for a in layer.axis_labels[:-2]]
    return labels.index("z") if "z" in labels else len(labels) - 1
