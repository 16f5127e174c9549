"""Readings: the numbers that were measured on a stream, as curves."""

from __future__ import annotations

import threading
from array import array
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray

    from limelight.core.stream import Reading

__all__ = ["Readings"]

_WORD = 1 << 62  # places on an axis from there on are words


class Readings:
    """Numbers by name and frame, growing while they are looked at from other threads.

    A number takes 16 bytes, and so does the position of its frame on each axis.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._curves: dict[str, tuple[array[int], array[float]]] = {}
        self._axes: dict[str, tuple[array[int], array[int]]] = {}
        self._words: list[str] = []
        self._codes: dict[str, int] = {}

    def add(self, reading: Reading) -> None:
        """Keep the numbers of one frame."""
        index = int(reading.index)
        with self._lock:
            for name, value in reading.values.items():
                self._curve(name, [index], [float(value)])
            for name, place in reading.axes.items():
                self._place(name, index, place)

    def extend(self, name: str, frames: Iterable[int], values: Iterable[float]) -> None:
        """Add numbers to a curve, such as those that `curve` gave."""
        with self._lock:
            self._curve(name, frames, values)

    def extend_axis(self, name: str, frames: Iterable[int], places: Iterable[int | str]) -> None:
        """Add where frames are on an axis, such as `places` gave it."""
        with self._lock:
            for frame, place in zip(frames, places, strict=True):
                self._place(name, int(frame), place)

    def _curve(self, name: str, frames: Iterable[int], values: Iterable[float]) -> None:
        curve = self._curves.get(name)
        if curve is None:
            curve = self._curves[name] = (array("q"), array("d"))
        curve[0].extend(map(int, frames))
        curve[1].extend(map(float, values))

    def _place(self, name: str, index: int, place: int | str) -> None:
        kept = self._axes.get(name)
        if kept is None:
            kept = self._axes[name] = (array("q"), array("q"))
        if kept[0] and kept[0][-1] == index:
            return
        if isinstance(place, str):
            code = self._codes.setdefault(place, len(self._words))
            if code == len(self._words):
                self._words.append(place)
            place = _WORD + code
        kept[0].append(index)
        kept[1].append(int(place))

    @property
    def names(self) -> list[str]:
        """Names of the curves, in the order in which they came."""
        with self._lock:
            return list(self._curves)

    def __len__(self) -> int:
        with self._lock:
            return max((len(frames) for frames, _ in self._curves.values()), default=0)

    @property
    def axes(self) -> list[str]:
        """Names of the axes on which the frames are."""
        with self._lock:
            return list(self._axes)

    def places(self, axis: str, start: int = 0) -> tuple[NDArray[np.int64], list[int | str]]:
        """Return frames, and where they are on an axis; from the ``start``-th on."""
        with self._lock:
            frames, codes = self._axes.get(axis, (array("q"), array("q")))
            found = [c if c < _WORD else self._words[c - _WORD] for c in codes[start:]]
            return np.array(frames[start:], np.int64), found

    def curve(
        self, name: str, last: int | None = None, start: int = 0
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the frames and the values of a curve.

        Parameters
        ----------
        name : str
            Which curve; an unknown one is empty.
        last : int, optional
            Only so many of the newest values.
        start : int
            Only those from the ``start``-th on.
        """
        with self._lock:
            frames, values = self._curves.get(name, (array("q"), array("d")))
            begin = start if last is None else max(len(frames) - last, start)
            return np.array(frames[begin:], np.int64), np.array(values[begin:], np.float64)

    def latest(self) -> dict[str, float]:
        """Return the newest value of every curve."""
        with self._lock:
            return {name: values[-1] for name, (_, values) in self._curves.items() if values}

    def table(self, axes: bool = False) -> pd.DataFrame:
        """Return all numbers: a row per frame, a column per name, NaN where there is none.

        Where two processors gave the same name for a frame, the later one counts.

        Parameters
        ----------
        axes : bool
            Whether the first columns tell where the frame is on each axis.
        """
        import pandas as pd

        columns: dict[str, pd.Series[Any]] = {}
        for axis in self.axes if axes else []:
            frames, places = self.places(axis)
            numbers = all(isinstance(place, int) for place in places)
            columns[axis] = pd.Series(places, frames, "Int64" if numbers else "object")
        for name in self.names:
            frames, values = self.curve(name)
            columns[name] = pd.Series(values, index=frames)
        once = {name: c[~c.index.duplicated(keep="last")] for name, c in columns.items()}
        return pd.DataFrame(once).sort_index().rename_axis("frame")
