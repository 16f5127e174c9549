"""Quality while molecules are still coming: bounded cost, however long it goes on."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import LimelightError, ParameterError
from limelight.core.localizations import Localizations
from limelight.core.locs.assess import frc_measures, medians, nena_measures
from limelight.core.locs.precision import nena
from limelight.core.locs.resolution import frc
from limelight.core.locs.result import Measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["LiveQuality"]

_KEPT = ("frame", "x", "y", "lpx", "lpy")
_GROWTH = 1.25  # more molecules than last time, by this factor, before precision is measured again
_LEAST = 1_000  # molecules before it is measured at all


class LiveQuality:
    """Figures of a table that grows, from the blocks of molecules as they come.

    `add` costs a few microseconds per hundred molecules.  `current` gives counts and the medians
    of the newest molecules at once.  `precise` measures NeNA and FRC on all frames so far, within
    a square in the middle of the field that shrinks so that it never holds more than ``most``
    molecules: its cost is bounded, and it is done anew only when the table has grown by a quarter.

    Parameters
    ----------
    pixel_size_nm : float, optional
        Size of a camera pixel; what the blocks say by default.
    most : int
        Most molecules for NeNA and FRC.
    recent : int
        Newest molecules that the medians are of.

    Examples
    --------
    >>> live = LiveQuality(100.0)
    >>> block = {"frame": [0, 0, 1], "x": [1.0, 5.0, 1.1], "y": [2.0, 3.0, 2.0]}
    >>> live.add(Localizations.from_columns(block))
    >>> live.current()[0].value, live.locs_per_frame.tolist()
    (3.0, [2, 1])
    """

    def __init__(
        self, pixel_size_nm: float | None = None, *, most: int = 100_000, recent: int = 20_000
    ) -> None:
        if most < _LEAST or recent < 1:
            raise ParameterError(
                f"live quality: most must be at least {_LEAST} and recent at least 1, not {most} "
                f"and {recent}."
            )
        self._pixel_size_nm = pixel_size_nm
        self._most, self._recent = most, recent
        self._lock = threading.Lock()
        self._molecules = 0
        self._counts = np.zeros(1024, np.int64)
        self._frames = 0
        self._newest: deque[Localizations] = deque()
        self._newest_rows = 0
        self._held: list[dict[str, NDArray[Any]]] = []
        self._held_rows = 0
        self._square: tuple[float, float, float] | None = None  # x, y, half a side
        self._measured_at = 0
        self._precise: tuple[Measure, ...] = ()

    def __len__(self) -> int:
        return self._molecules

    @property
    def locs_per_frame(self) -> NDArray[np.int64]:
        """Molecules of each frame so far."""
        with self._lock:
            return self._counts[: self._frames].copy()

    def add(self, locs: Localizations) -> None:
        """Take the next molecules; rows without a finite position are left out."""
        if len(locs) == 0:
            return
        columns = {name: locs[name] for name in _KEPT if name in locs}
        good = np.isfinite(columns["x"]) & np.isfinite(columns["y"])
        if not good.all():
            columns = {name: values[good] for name, values in columns.items()}
        frame = columns["frame"].astype(np.int64)
        if len(frame) == 0:
            return
        with self._lock:
            if self._pixel_size_nm is None and locs.find("Pixelsize") is not None:
                self._pixel_size_nm = locs.pixel_size_nm
            self._molecules += len(frame)
            self._count(frame)
            self._newest.append(locs)
            self._newest_rows += len(locs)
            while self._newest_rows - len(self._newest[0]) >= self._recent:
                self._newest_rows -= len(self._newest.popleft())
            self._hold(columns)

    def _count(self, frame: NDArray[np.int64]) -> None:
        last = int(frame.max()) + 1
        if last > len(self._counts):
            grown = np.zeros(max(last, 2 * len(self._counts)), np.int64)
            grown[: len(self._counts)] = self._counts
            self._counts = grown
        first = int(frame.min())
        self._counts[first:last] += np.bincount(frame - first, minlength=last - first)
        self._frames = max(self._frames, last)

    def _hold(self, columns: dict[str, NDArray[Any]]) -> None:
        """Keep what lies in the square, and make that smaller when it is full."""
        if self._square is not None:
            inside = _inside(columns, self._square)
            columns = {name: values[inside] for name, values in columns.items()}
        self._held.append(columns)
        self._held_rows += len(columns["x"])
        if self._held_rows <= 2 * self._most:
            return
        held = self._joined()
        x, y = held["x"].astype(np.float64), held["y"].astype(np.float64)
        if self._square is None:
            centre = float(np.median(x)), float(np.median(y))
        else:
            centre = self._square[:2]
        distance = np.maximum(np.abs(x - centre[0]), np.abs(y - centre[1]))
        self._square = (*centre, float(np.partition(distance, self._most)[self._most]))
        inside = _inside(held, self._square)
        self._held = [{name: values[inside] for name, values in held.items()}]
        self._held_rows = int(np.count_nonzero(inside))

    def _joined(self) -> dict[str, NDArray[Any]]:
        common = set.intersection(*(set(part) for part in self._held))
        names = [name for name in _KEPT if name in common]
        return {name: np.concatenate([part[name] for part in self._held]) for name in names}

    def current(self) -> tuple[Measure, ...]:
        """Return counts, and medians of the newest molecules; quick."""
        with self._lock:
            newest = list(self._newest)
            molecules, frames = self._molecules, self._frames
        measures = [Measure("n_locs", "Molecules", float(molecules), "")]
        if not newest:
            return tuple(measures)
        first = min(int(part["frame"].min()) for part in newest)
        rate = sum(map(len, newest)) / max(frames - first, 1)
        measures.append(Measure("locs_per_frame", "Molecules per frame", rate, "1/frame"))
        names = set.intersection(*(set(part.columns) for part in newest))

        def column(name: str) -> NDArray[Any] | None:
            return np.concatenate([part[name] for part in newest]) if name in names else None

        return (*measures, *medians(column))

    def due(self) -> bool:
        """Tell whether `precise` would measure anew."""
        return self._molecules >= max(_LEAST, _GROWTH * self._measured_at)

    def precise(self, *, threads: int | None = None) -> tuple[Measure, ...]:
        """Return NeNA and FRC of what there is so far; measured anew when it has grown enough.

        Call it off the thread that adds.  At most ``2 * most`` molecules are looked at.  The
        drift is not taken out.
        """
        if not self.due():
            return self._precise
        with self._lock:
            at = self._molecules
            held = self._joined()
        locs = Localizations.from_columns(held, [{"Pixelsize": self._pixel_size_nm or 130.0}])
        found, why = _try(lambda: nena(locs, threads=threads))
        measures = nena_measures(found, why)
        found, why = _try(lambda: frc(locs, threads=threads))
        self._precise = (*measures, *frc_measures(found, why))
        self._measured_at = at
        return self._precise

    @property
    def measured(self) -> tuple[Measure, ...]:
        """NeNA and FRC as they were last measured; none before the first time."""
        return self._precise

    def readings(self) -> dict[str, float]:
        """Return the trustworthy figures by title and unit, as a live curve names them."""
        return {
            f"{m.title} ({m.unit})" if m.unit else m.title: m.value
            for m in (*self.current(), *self._precise)
            if m.value is not None and m.reliable
        }


def _inside(
    columns: dict[str, NDArray[Any]], square: tuple[float, float, float]
) -> NDArray[np.bool_]:
    x, y, half = square
    inside: NDArray[np.bool_] = (np.abs(columns["x"] - x) <= half) & (
        np.abs(columns["y"] - y) <= half
    )
    return inside


def _try(measure: Callable[[], Any]) -> tuple[Any, str]:
    try:
        return measure(), ""
    except LimelightError as error:
        return None, str(error)
