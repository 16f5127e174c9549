"""Readings: the numbers that were measured on a stream, as curves."""

from __future__ import annotations

import threading
from array import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from limelight.core.stream import Reading

__all__ = ["Readings"]


class Readings:
    """Numbers by name and frame, growing while they are looked at from other threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._curves: dict[str, tuple[array[int], array[float]]] = {}

    def add(self, reading: Reading) -> None:
        """Keep the numbers of one frame."""
        with self._lock:
            for name, value in reading.values.items():
                curve = self._curves.get(name)
                if curve is None:
                    curve = self._curves[name] = (array("q"), array("d"))
                curve[0].append(int(reading.index))
                curve[1].append(float(value))

    @property
    def names(self) -> list[str]:
        """Names of the curves, in the order in which they came."""
        with self._lock:
            return list(self._curves)

    def __len__(self) -> int:
        with self._lock:
            return max((len(frames) for frames, _ in self._curves.values()), default=0)

    def curve(self, name: str, last: int | None = None) -> tuple[NDArray[np.int64], NDArray]:  # type: ignore[type-arg]
        """Return the frames and the values of a curve.

        Parameters
        ----------
        name : str
            Which curve; an unknown one is empty.
        last : int, optional
            Only so many of the newest values.
        """
        with self._lock:
            frames, values = self._curves.get(name, (array("q"), array("d")))
            begin = 0 if last is None else max(len(frames) - last, 0)
            return np.array(frames[begin:], np.int64), np.array(values[begin:], np.float64)

    def latest(self) -> dict[str, float]:
        """Return the newest value of every curve."""
        with self._lock:
            return {name: values[-1] for name, (_, values) in self._curves.items() if values}

    def table(self) -> pd.DataFrame:
        """Return all numbers: a row per frame, a column per name, NaN where there is none.

        Where two processors gave the same name for a frame, the later one counts.
        """
        import pandas as pd

        columns = {}
        for name in self.names:
            frames, values = self.curve(name)
            column = pd.Series(values, index=frames)
            columns[name] = column[~column.index.duplicated(keep="last")]
        return pd.DataFrame(columns).sort_index().rename_axis("frame")
