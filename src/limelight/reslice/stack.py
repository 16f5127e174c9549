"""One z-stack out of a file, a layer or an array, with its scale."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.camera import Camera
from limelight.core.errors import FileError, ParameterError, suggest
from limelight.core.remarks import collected

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Stack", "open_stack"]

_LARGEST = 16 << 30


@dataclass(frozen=True, eq=False)
class Stack:
    """A z-stack in memory.

    Parameters
    ----------
    volume : array (Z, Y, X)
        Counts, slices in the order of the stage.
    step_nm, pixel_nm : float, optional
        Distance of the slices and size of a pixel, nm; None: nobody said.
    camera : Camera
        What turns counts into photons.
    name : str
        Name to show, and to name results after.
    path : path, optional
        Where it came from.
    """

    volume: NDArray[Any]
    step_nm: float | None = None
    pixel_nm: float | None = None
    camera: Camera = field(default_factory=Camera)
    name: str = "stack"
    path: Path | None = None

    def __post_init__(self) -> None:
        for name in ("step_nm", "pixel_nm"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value != 0):
                raise ParameterError(f"{name} must be a distance in nm, not {value}.")

    def need_step(self) -> float:
        """Return the distance of the slices, nm.

        Raises
        ------
        ParameterError
            If it is not known.
        """
        if self.step_nm is None:
            raise ParameterError(
                f"{self.name}: the distance of the slices is not known. Give it: --step-nm 100 "
                "on the command line, step_nm=100 in a script."
            )
        return self.step_nm

    def need_pixel(self) -> float:
        """Return the size of a pixel, nm.

        Raises
        ------
        ParameterError
            If it is not known.
        """
        if self.pixel_nm is None:
            raise ParameterError(
                f"{self.name}: the size of a pixel is not known. Give it: --pixel-size 108 "
                "(nm in the sample) on the command line, pixel_nm=108 in a script."
            )
        return self.pixel_nm

    @property
    def scale_um(self) -> tuple[float, float, float]:
        """Distance of two voxels along z, y, x, µm.

        Raises
        ------
        ParameterError
            If it is not known.
        """
        step, pixel = abs(self.need_step()) / 1000, self.need_pixel() / 1000
        return step, pixel, pixel


def open_stack(
    source: Any,
    *,
    step_nm: float | None = None,
    pixel_nm: float | None = None,
    camera: Camera | None = None,
    channel: int | str | None = None,
    position: int | str | None = None,
    time: int | None = None,
) -> Stack:
    """Read a z-stack.

    Parameters
    ----------
    source : path, array (Z, Y, X) or Stack
        A file with a z axis, or one whose frames are the slices.
    step_nm, pixel_nm : float, optional
        Used instead of what the file says, nm.
    camera : Camera, optional
        Used instead of what the file says.
    channel, position : int or str, optional
        Which one, from 0 or by name, where the file has several.
    time : int, optional
        Which time point, where the file has z and time.

    Raises
    ------
    FileError
        If it cannot be read.
    ParameterError
        If there is no such channel, position or time point.
    """
    from dataclasses import replace

    given: dict[str, Any] = {
        k: v
        for k, v in (("step_nm", step_nm), ("pixel_nm", pixel_nm), ("camera", camera))
        if v is not None
    }
    if isinstance(source, Stack):
        return replace(source, **given)
    if not isinstance(source, str | Path):
        return Stack(np.asarray(source), **given)
    from limelight.io import open_array

    path = Path(source).expanduser()
    with collected():  # a file cut short has the slices before
        image = open_array(path)
    try:
        slices = "z" if "z" in image.axes else "time"
        wanted = {"channel": channel, "position": position, "time": time}
        key: list[int | slice] = []
        for axis, size in zip(image.axes, image.array.shape, strict=True):
            if axis in (slices, "y", "x"):
                key.append(slice(None))
            else:
                key.append(_place(path, axis, size, wanted.get(axis), image.labels.get(axis, ())))
        part = image.array[tuple(key)]
        if part.nbytes > _LARGEST:
            raise FileError(
                path,
                f"its stack of {part.shape} does not fit into memory.",
                "Crop it to the beads first.",
            )
        volume = np.asarray(part)
        known: dict[str, Any] = {}
        step = image.scale[image.axes.index(slices)] if slices in image.axes else 0.0
        if slices == "z" and image.units[image.axes.index("z")] == "um" and step:
            known["step_nm"] = abs(step) * 1000
        if image.units[-1] == "um":
            known["pixel_nm"] = image.scale[-1] * 1000
        of_source = image.source.camera if image.source is not None else None
        if of_source is not None:
            known["camera"] = of_source
    finally:
        image.close()
    return Stack(volume, **(known | given), name=image.name, path=path)


def _place(
    path: Path, axis: str, size: int, wanted: int | str | None, labels: tuple[str, ...]
) -> int:
    if wanted is None:
        return 0
    if isinstance(wanted, str) and wanted in labels:
        return labels.index(wanted)
    try:
        place = int(wanted)
    except ValueError:
        hint = suggest(str(wanted), labels)
        raise ParameterError(f"{path.name}: there is no {axis} {wanted!r}. {hint}") from None
    if not 0 <= place < size:
        raise ParameterError(
            f"{path.name}: there is no {axis} {place}. Choose one of 0 to {size - 1}."
        )
    return place
