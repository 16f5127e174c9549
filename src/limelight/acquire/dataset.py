"""Dataset: the images of an acquisition by their axes, while it runs and afterwards."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from limelight.acquire.storage.writer import Writer
from limelight.core.errors import FileError, ParameterError, suggest
from limelight.io.frame_store import FrameStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from limelight.acquire.dataset_movie import DatasetMovie

__all__ = ["Dataset"]

_ORDER = {"row": 7, "column": 6, "position": 5, "time": 4, "channel": 3, "z": 2}
_OTHER = 3.5
_LOOK_EVERY = 0.02  # seconds between two looks at a data set that another process writes


class Dataset:
    """The images of an acquisition, by their positions on its axes.

    It reads what Limelight, Micro-Manager and Pycro-Manager write as NDTiff, and Limelight's
    OME-TIFF and OME-Zarr; finished, interrupted, or while they are written, by this process or
    another one.

    Parameters
    ----------
    dataset_path : path, Writer, or sequence of these
        The folder.  Several folders are read as one data set: an acquisition that went on in
        another folder because a disk was full.

    Raises
    ------
    FileError
        If it cannot be read.

    Examples
    --------
    >>> dataset = Dataset("data/name_1")  # doctest: +SKIP
    >>> dataset.read_image(time=0, z=3)  # doctest: +SKIP
    """

    def __init__(self, dataset_path: str | Path | Writer | Sequence[str | Path | Writer]) -> None:
        single = isinstance(dataset_path, str | Path | Writer)
        sources: list[Any] = [dataset_path] if single else list(dataset_path)  # type: ignore[arg-type]
        if not sources:
            raise ParameterError("A Dataset needs a folder.")
        self._writers = [s for s in sources if isinstance(s, Writer)]
        self._stores = [
            FrameStore(s.path, s.index, s.metadata_file)
            if isinstance(s, Writer)
            else FrameStore(Path(s).expanduser())
            for s in sources
        ]
        self._summary = self._writers[0].summary if single and self._writers else None
        self._lock = threading.Lock()
        self._seen = 0

    # What there is

    @property
    def path(self) -> Path:
        """The folder, the first of several."""
        return self._stores[0].folder

    @property
    def summary_metadata(self) -> dict[str, Any]:
        """What holds for all images."""
        if self._summary is None:
            self._summary = self._stores[0].summary
        return dict(self._summary)

    @property
    def axes(self) -> dict[str, list[int | str]]:
        """Name of every axis, and the positions on it that have an image.

        Whole numbers ascend, words are in the order in which they appeared.
        """
        self._refresh()
        found: dict[str, list[int | str]] = {}
        for store in self._stores:
            for name, values in store.index.axes.items():
                known = found.setdefault(name, [])
                fresh = set(known)
                known += [v for v in values if v not in fresh]
        for values in found.values():
            if all(isinstance(v, int) for v in values):
                values.sort(key=int)
        names = sorted(found, key=lambda name: -_ORDER.get(name, _OTHER))
        return {name: found[name] for name in names}

    @property
    def axes_types(self) -> dict[str, type]:
        """Whether the positions on an axis are whole numbers or words."""
        return {name: type(values[0]) for name, values in self.axes.items()}

    def __len__(self) -> int:
        self._refresh()
        return sum(len(store.index) for store in self._stores)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}: {len(values)}" for name, values in self.axes.items())
        return f"Dataset({self.path.name}: {len(self)} images; {sizes})"

    def _first(self) -> tuple[np.dtype[Any], tuple[int, ...]]:
        self._refresh()
        for store in self._stores:
            if len(store.index):
                return store.kind(store.index.place(0))
        raise FileError(self.path, "there is no image in it yet.", "Wait for the first one.")

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels."""
        return self._first()[0]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of an image: (Y, X), or (Y, X, 3) in colour."""
        return self._first()[1]

    @property
    def image_height(self) -> int:
        """Height of an image, pixels."""
        return self.image_shape[0]

    @property
    def image_width(self) -> int:
        """Width of an image, pixels."""
        return self.image_shape[1]

    @property
    def problem(self) -> str | None:
        """What is missing, and why; None if nothing is."""
        self._refresh()
        said = [
            text
            for store in self._stores
            if not (store.live and not self.is_finished()) and (text := store.problem())
        ]
        return " ".join(said) or None

    def get_channel_names(self) -> list[str]:
        """Return the names of the channels."""
        channels = self.axes.get("channel", [])
        if channels and all(isinstance(c, str) for c in channels):
            return [str(c) for c in channels]
        names = self.summary_metadata.get("ChNames")
        if isinstance(names, list) and names:
            return [str(n) for n in names]
        return [str(c) for c in channels]

    def get_index_keys(self) -> list[dict[str, int | str]]:
        """Return the axes of every image, in the order in which they were taken."""
        self._refresh()
        return [axes for store in self._stores for axes in store.index.positions()]

    get_image_coordinates_list = get_index_keys

    # Reading

    def _find(self, axes: Mapping[str, Any]) -> tuple[FrameStore, int] | None:
        for store in reversed(self._stores):
            if (row := store.index.find(axes)) >= 0:
                return store, row
        return None

    def _locate(self, given: Mapping[str, Any]) -> tuple[FrameStore, int] | None:
        axes = self._positions(given)
        found = self._find(axes)
        if found is None:
            self._refresh()
            found = self._find(self._positions(given)) or self._find(self._filled(axes))
        return found

    def _positions(self, given: Mapping[str, Any]) -> dict[str, int | str]:
        """Return what was asked for, numbers of words replaced by the words."""
        axes: dict[str, int | str] = {}
        for name, value in given.items():
            if value is None:
                continue
            key = "column" if name == "col" else name
            if isinstance(value, int | np.integer) and not isinstance(value, bool):
                number = int(value)
                words = next((w for s in self._stores if (w := s.index.words(key))), [])
                axes[key] = words[number] if 0 <= number < len(words) else number
            elif isinstance(value, str):
                axes[key] = value
            else:
                raise ParameterError(
                    f"The position {value!r} on the axis {key!r} is neither a whole number nor a "
                    "word."
                )
        return axes

    def _filled(self, axes: Mapping[str, int | str]) -> dict[str, int | str]:
        """Return the axes with those that were left out and have one position only."""
        single = {n: v[0] for n, v in self.axes.items() if len(v) == 1}
        return {**single, **axes}

    def _required(self, given: Mapping[str, Any]) -> tuple[FrameStore, int]:
        found = self._locate(given)
        if found is not None:
            return found
        axes = self.axes
        asked = self._positions(given)
        wrong = [name for name in asked if name not in axes]
        if wrong:
            raise ParameterError(
                f"{self.path.name}: there is no axis {wrong[0]!r}. {suggest(wrong[0], axes)}"
            )
        open_ = [name for name, values in axes.items() if name not in asked and len(values) > 1]
        if open_:
            raise ParameterError(
                f"{self.path.name}: say also which {' and '.join(open_)}: there are several."
            )
        raise ParameterError(
            f"{self.path.name}: there is no image at {asked}. The axes are "
            + ", ".join(f"{n}: {_listed(v)}" for n, v in axes.items())
            + "."
        )

    def has_image(
        self,
        channel: int | str | None = None,
        z: int | None = None,
        time: int | None = None,
        position: int | str | None = None,
        row: int | None = None,
        column: int | None = None,
        **axes: int | str | None,
    ) -> bool:
        """Tell whether there is an image at that position.

        Parameters are those of `read_image`.
        """
        named = _named(channel, z, time, position, row, column)
        return self._locate({**named, **axes}) is not None

    def read_image(
        self,
        channel: int | str | None = None,
        z: int | None = None,
        time: int | None = None,
        position: int | str | None = None,
        row: int | None = None,
        column: int | None = None,
        memmapped: bool = False,
        **axes: int | str | None,
    ) -> NDArray[Any]:
        """Return the pixels of an image.

        Parameters
        ----------
        channel, z, time, position, row, column : int or str, optional
            Position on these axes; an axis with one position only may be left out.
        memmapped : bool
            Whether to map the file instead of reading it.
        **axes
            Positions on other axes.

        Returns
        -------
        array (Y, X), or (Y, X, 3) in colour

        Raises
        ------
        ParameterError
            If there is no such image.
        FileError
            If it cannot be read.
        """
        store, number = self._required({**_named(channel, z, time, position, row, column), **axes})
        return store.mapped(number) if memmapped else store.read(number)

    def read_metadata(
        self,
        channel: int | str | None = None,
        z: int | None = None,
        time: int | None = None,
        position: int | str | None = None,
        row: int | None = None,
        column: int | None = None,
        **axes: int | str | None,
    ) -> dict[str, Any]:
        """Return the metadata of an image.

        Parameters are those of `read_image`.
        """
        store, number = self._required({**_named(channel, z, time, position, row, column), **axes})
        return store.metadata(number)

    def as_array(
        self, axes: Sequence[str] | None = None, stitched: bool = False, **kwargs: int | str
    ) -> Any:
        """Return all images as one dask array; nothing is read before it is asked for.

        Parameters
        ----------
        axes : sequence of str, optional
            Axes to stack along, the slowest first; by default all, in the order row, column,
            position, time, channel, z.
        stitched : bool
            Whether to lay tiles (axes row and column) out beside each other.
        **kwargs
            Positions on axes to slice along.

        Returns
        -------
        dask array (..., Y, X)
            Zeros where no image was taken.

        Raises
        ------
        ParameterError
            If there is no such axis.
        """
        from limelight.acquire.dask_array import as_array

        return as_array(self, axes, stitched, kwargs)

    def movie(self, along: str | None = None, **fixed: int | str) -> DatasetMovie:
        """Return the images along one axis as a movie.

        Parameters
        ----------
        along : str, optional
            The axis that is taken as time; by default ``time`` if it is there, else the longest.
        **fixed
            Positions on the other axes; the first one where none is given.

        Returns
        -------
        DatasetMovie
            Its ``refresh`` looks for new frames.
        """
        from limelight.acquire.dataset_movie import DatasetMovie

        return DatasetMovie(self, along, self._positions(fixed))

    # Growing

    def _refresh(self) -> None:
        for store in self._stores:
            store.refresh()

    def _changes(self) -> int:
        self._refresh()
        return sum(store.index.changes for store in self._stores)

    def has_new_image(self) -> bool:
        """Tell whether an image came since this was last asked."""
        changes = self._changes()
        with self._lock:
            fresh = changes > self._seen
            self._seen = changes
        return fresh

    def await_new_image(self, timeout: float | None = None) -> bool:
        """Wait until an image came since it was last asked for new ones.

        Parameters
        ----------
        timeout : float, optional
            Longest time to wait, seconds.

        Returns
        -------
        bool
            False if none came in time, or the data set is finished.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self.has_new_image():
            if self.is_finished():
                return self.has_new_image()
            left = _LOOK_EVERY if end is None else min(_LOOK_EVERY, end - time.monotonic())
            if left <= 0:
                return False
            if self._writers:
                with self._writers[-1].arrived:
                    self._writers[-1].arrived.wait(left)
            else:
                time.sleep(left)
        return True

    def is_finished(self) -> bool:
        """Tell whether no image will come any more."""
        return all(writer.is_finished for writer in self._writers) and not any(
            store.is_growing for store in self._stores if not store.live
        )

    def close(self) -> None:
        """Close the files; they open again when something is read."""
        for store in self._stores:
            store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        paths = [str(store.folder) for store in self._stores]
        return Dataset, (paths if len(paths) > 1 else paths[0],)


def _named(
    channel: int | str | None,
    z: int | None,
    time: int | None,
    position: int | str | None,
    row: int | None,
    column: int | None,
) -> dict[str, int | str | None]:
    return {
        "channel": channel,
        "z": z,
        "time": time,
        "position": position,
        "row": row,
        "column": column,
    }


def _listed(values: Sequence[int | str]) -> str:
    if len(values) > 6:
        return f"{values[0]} to {values[-1]}"
    return ", ".join(map(str, values))
