"""A data set along one of its axes, as a movie that can grow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.camera import Camera
from limelight.core.errors import ParameterError, suggest
from limelight.core.frame import Frame
from limelight.core.movie import resolve_index
from limelight.core.remarks import remark
from limelight.io import micromanager

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from limelight.acquire.dataset import Dataset
    from limelight.io.frame_store import FrameStore

__all__ = ["DatasetMovie"]


class DatasetMovie:
    """The images of a data set along one axis, as a movie.

    Parameters
    ----------
    dataset : Dataset
        The images.
    along : str, optional
        The axis that is taken as time.
    fixed : mapping
        Positions on the other axes.
    camera : Camera, optional
        Used instead of what the metadata say.

    Raises
    ------
    ParameterError
        If there is no such axis, or no image at these positions.
    """

    def __init__(
        self,
        dataset: Dataset,
        along: str | None,
        fixed: Mapping[str, int | str],
        camera: Camera | None = None,
    ) -> None:
        axes = dataset.axes
        for name in (*fixed, *([along] if along else [])):
            if name not in axes:
                raise ParameterError(
                    f"{dataset.path.name}: there is no axis {name!r}. {suggest(name, axes)}"
                )
        free = [name for name in axes if name not in fixed]
        if along is None and free:
            along = max(
                free, key=lambda n: (n == "time" and len(axes[n]) > 1, len(axes[n]), n == "time")
            )
        others = {name: axes[name][0] for name in free if name != along}
        several = [name for name in others if len(axes[name]) > 1]
        if several:
            said = " and ".join(f"{name} {others[name]}" for name in several)
            remark(
                f"{dataset.path.name}: the movie is that of {said}. Give "
                f"{several[0]}=... to choose another one.",
                stacklevel=3,
            )
        self.dataset = dataset
        self.along = along
        self.fixed: dict[str, int | str] = {**others, **fixed}
        self._stores: list[FrameStore] = []
        self._frames: list[tuple[int | str, int, int]] = []
        self._collect()
        if not self._frames:
            raise ParameterError(
                f"{dataset.path.name}: there is no image at {self.fixed}. Choose other positions."
            )
        self.dtype, shape = dataset._first()
        if len(shape) != 2:
            raise ParameterError(
                f"{dataset.path.name}: its images are in colour, and no movie. Choose another one."
            )
        self._size = (shape[0], shape[1])
        first = self.frame_metadata(0)
        summary = dataset.summary_metadata
        size = micromanager.pixel_size_nm(first, summary)
        known = {
            "Micro-Manager Metadata": first,
            "Micro-Manager Summary": summary,
            "Pixelsize": size,
            "exposure_ms": micromanager.exposure_ms(first),
            "Camera": micromanager.camera_name(first),
        }
        self.metadata: dict[str, Any] = {k: v for k, v in known.items() if v}
        self.camera = camera or Camera(
            name=micromanager.camera_name(first), pixel_size_nm=size or 130.0
        )

    def _collect(self) -> None:
        stores = self.dataset._stores
        frames: dict[int | str, tuple[int, int]] = {}
        for number, store in enumerate(stores):
            values, rows = store.index.run(self.along, self.fixed)
            frames.update(zip(values, ((number, row) for row in rows.tolist()), strict=True))
        found = [(value, *where) for value, where in frames.items()]
        if len(stores) > 1 and all(isinstance(f[0], int) for f in found):
            found.sort(key=lambda f: int(f[0]))
        self._stores, self._frames = stores, found

    @property
    def name(self) -> str:
        """Name of the folder; where another than the first place is fixed, with that place."""
        parts = [self.dataset.path.name]
        for axis, places in self.dataset.axes.items():
            place = self.fixed.get(axis, places[0])
            if place != places[0]:
                plain = "".join(c if c.isalnum() or c in "-." else "-" for c in str(place))
                parts.append(plain if isinstance(place, str) else f"{axis}{plain}")
        return "_".join(parts)

    @property
    def path(self) -> Path:
        """The folder."""
        return self.dataset.path

    @property
    def opened_as(self) -> tuple[str, dict[str, Any]]:
        """What `limelight.open_movie` opens the same movie by."""
        choices: dict[str, Any] = {}
        for axis in ("channel", "z", "position"):
            places = self.dataset.axes.get(axis, [])
            if axis in self.fixed and len(places) > 1:
                place = self.fixed[axis]
                choices[axis] = place if isinstance(place, str) else places.index(place)
        if self.along not in (None, "time"):
            choices["time_axis"] = self.along
        return str(self.path), choices

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height, width."""
        return len(self._frames), *self._size

    @property
    def problem(self) -> str | None:
        """What is missing of the data set; None if nothing is."""
        return self.dataset.problem

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> Frame:
        index = resolve_index(index, len(self))
        value = self._frames[index][0]
        axes = {**self.fixed, **({self.along: value} if self.along else {})}
        return Frame(self.read(index, index + 1)[0], index, axes, self.frame_metadata(index))

    def frame_metadata(self, index: int) -> dict[str, Any]:
        """Return the metadata of a frame."""
        _, store, row = self._frames[resolve_index(index, len(self))]
        return self._stores[store].metadata(row)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Return the counts of frames start to stop - 1, shape (stop - start, Y, X)."""
        if not 0 <= start <= stop <= len(self):
            raise ParameterError(
                f"{self.name}: there are no frames {start} to {stop}; it has {len(self)}."
            )
        target = np.empty((stop - start, *self._size), self.dtype)
        wanted = self._frames[start:stop]
        first = 0
        while first < len(wanted):
            last = first
            while last < len(wanted) and wanted[last][1] == wanted[first][1]:
                last += 1
            rows = np.array([row for _, _, row in wanted[first:last]], np.int64)
            self._stores[wanted[first][1]].read_many(rows, target[first:last])
            first = last
        return target

    def refresh(self) -> bool:
        """Look for frames that came since; tell if there are any."""
        before = len(self)
        self.dataset._refresh()
        self._collect()
        return len(self) > before

    def close(self) -> None:
        """Close the files."""
        self.dataset.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return DatasetMovie, (self.dataset, self.along, self.fixed, self.camera)
