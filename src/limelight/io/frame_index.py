"""Which image of an acquisition is where, in memory: found by its position on any axes."""

from __future__ import annotations

import threading
from array import array
from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import ParameterError
from limelight.io.frame_entries import KINDS, Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["FrameIndex"]

_MOST_CELLS = 4  # places of a table per image, beyond which a dictionary is smaller
_TABLE = 1 << 16


class _Positions:
    """The positions on one axis, in order of appearance; code 0 means: not on this axis.

    Whole numbers that come as 0, 1, 2, ... take no memory.
    """

    def __init__(self, name: str, first: int | str) -> None:
        self.name = name
        self.words = isinstance(first, str)
        self._count = 0
        self._codes: dict[int | str, int] | None = {} if self.words else None
        self._values: list[str] | array[int] = [] if self.words else array("q")

    def __len__(self) -> int:
        return self._count

    def check(self, value: int | str) -> None:
        if isinstance(value, str) != self.words:
            old, new = ("words", "numbers") if self.words else ("numbers", "words")
            raise ParameterError(
                f"The positions on the axis {self.name!r} are {old} so far, and now it is "
                f"{value!r}. Use only {old} or only {new} on one axis."
            )
        if not self.words and not -(1 << 63) <= int(value) < 1 << 63:
            raise ParameterError(f"The position {value} on the axis {self.name!r} is too far away.")

    def find(self, value: int | str) -> int:
        if self._codes is not None:
            return self._codes.get(value, -1)
        return int(value) + 1 if isinstance(value, int) and 0 <= value < self._count else -1

    def add(self, value: int | str) -> int:
        code = self.find(value)
        if code > 0:
            return code
        if self._codes is None and value != self._count:
            self._codes = {k: k + 1 for k in range(self._count)}
            self._values = array("q", range(self._count))
        self._count += 1
        if self._codes is not None:
            self._codes[value] = self._count
            self._values.append(value)  # type: ignore[arg-type]
        return self._count

    def value(self, code: int) -> int | str:
        return code - 1 if self._codes is None else self._values[code - 1]

    def all(self) -> list[int | str]:
        """Return the positions: whole numbers in their order, words as they appeared."""
        if self._codes is None:
            return list(range(self._count))
        return list(self._values) if self.words else sorted(self._values)


_ROW = np.dtype(
    [
        ("file", "u4"),
        ("height", "u4"),
        ("width", "u4"),
        ("kind", "u4"),
        ("pixels", "u8"),
        ("metadata", "u8"),
        ("length", "u4"),
    ]
)


class FrameIndex:
    """Where every image of an acquisition is, by its position on the axes.

    It takes some 60 bytes per image, so that an acquisition of hours fits.  It is safe to use from
    several threads.

    Attributes
    ----------
    changes : int
        Number of images that were added, those that took the place of another included.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._axes: dict[str, _Positions] = {}
        self._files: dict[str, int] = {}
        self._names: list[str] = []
        self._rows = np.zeros(256, _ROW)
        self._codes = np.zeros((256, 0), np.int32)
        self._count = 0
        self._table: NDArray[np.int32] | None = np.full((), -1, np.int32)
        self._sparse: dict[tuple[int, ...], int] = {}
        self.changes = 0

    def __len__(self) -> int:
        return self._count

    @property
    def axes(self) -> dict[str, list[int | str]]:
        """Positions on every axis."""
        with self._lock:
            return {name: positions.all() for name, positions in self._axes.items()}

    def words(self, axis: str) -> list[str]:
        """Return the positions on an axis if they are words, else nothing."""
        with self._lock:
            positions = self._axes.get(axis)
            return (
                [] if positions is None or not positions.words else list(map(str, positions.all()))
            )

    def check(self, axes: Mapping[str, int | str]) -> None:
        """Raise if positions on an axis are numbers and words.

        Raises
        ------
        ParameterError
            If they are.
        """
        for name, value in axes.items():
            if name in self._axes:
                self._axes[name].check(value)

    def add(self, axes: Mapping[str, int | str], place: Place) -> int:
        """Add an image; one at the same position takes its place.

        Returns
        -------
        int
            Its number, in the order in which the positions were first seen.
        """
        with self._lock:
            known = self._axes
            for name, value in axes.items():
                if name not in known:
                    self._add_axis(name, value)
            key = tuple(
                [
                    positions.add(axes[name]) if name in axes else 0
                    for name, positions in known.items()
                ]
            )
            row = self._find(key)
            if row < 0:
                row = self._append(key)
            file, pixels, height, width, kind, metadata, length = place
            number = self._files.get(file)
            if number is None:
                number = self._files[file] = len(self._names)
                self._names.append(file)
            self._rows[row] = (number, height, width, kind, pixels, metadata, length)
            self.changes += 1
            return row

    def _add_axis(self, name: str, value: int | str) -> None:
        self._axes[name] = _Positions(name, value)
        self._codes = np.pad(self._codes, ((0, 0), (0, 1)))
        if self._table is not None:
            self._table = self._table[..., None]
        self._sparse = {(*k, 0): v for k, v in self._sparse.items()}

    def _append(self, key: tuple[int, ...]) -> int:
        row = self._count
        if row == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
            self._codes = np.concatenate([self._codes, np.zeros_like(self._codes)])
        self._codes[row] = key
        self._enter(key, row)
        self._count += 1
        return row

    def _enter(self, key: tuple[int, ...], row: int) -> None:
        table = self._table
        if table is None:
            self._sparse[key] = row
            return
        try:
            table[key] = row
            return
        except IndexError:
            pass
        shape = tuple(
            n if k < n else max(k + 1, 2 * n) if n > 1 else k + 1
            for k, n in zip(key, table.shape, strict=True)
        )
        if np.prod(shape, dtype=float) > _MOST_CELLS * (row + 1) + _TABLE:
            self._table = None
            self._sparse = {tuple(c): k for k, c in enumerate(self._codes[: self._count].tolist())}
            self._sparse[key] = row
            return
        grown = np.full(shape, -1, np.int32)
        grown[tuple(slice(n) for n in table.shape)] = table
        self._table = grown
        grown[key] = row

    def _find(self, key: tuple[int, ...]) -> int:
        if self._table is None:
            return self._sparse.get(key, -1)
        try:
            return int(self._table[key])
        except IndexError:
            return -1

    def find(self, axes: Mapping[str, int | str]) -> int:
        """Return the number of the image at that position; -1 where there is none."""
        with self._lock:
            if any(name not in self._axes for name in axes):
                return -1
            key = []
            for name, positions in self._axes.items():
                code = positions.find(axes[name]) if name in axes else 0
                if code < 0:
                    return -1
                key.append(code)
            return self._find(tuple(key))

    def place(self, row: int) -> Place:
        """Return where the image of that number is."""
        with self._lock:
            file, height, width, kind, pixels, metadata, length = self._rows[row].tolist()
            return Place(self._names[file], pixels, height, width, kind, metadata, length)

    def run(
        self, axis: str | None, fixed: Mapping[str, int | str]
    ) -> tuple[list[int | str], NDArray[np.int64]]:
        """Return positions along an axis, and the numbers of the images there.

        Parameters
        ----------
        axis : str or None
            The axis; None: there is one image at most.
        fixed : mapping
            Positions on all other axes; an image is on no axis that is not named.
        """
        with self._lock:
            codes = self._codes[: self._count]
            keep = np.ones(self._count, bool)
            along: int | None = None
            for k, (name, positions) in enumerate(self._axes.items()):
                if name == axis:
                    along = k
                    keep &= codes[:, k] > 0
                else:
                    keep &= codes[:, k] == (positions.find(fixed[name]) if name in fixed else 0)
            if not set(fixed) <= set(self._axes) or (axis is not None and along is None):
                keep[:] = False
            rows = np.flatnonzero(keep)
            if axis is None or along is None:
                return [0] * len(rows), rows
            positions = self._axes[axis]
            values = [positions.value(c) for c in codes[rows, along].tolist()]
            if not positions.words and np.any(np.diff(np.array(values, np.int64)) < 0):
                order = np.argsort(np.array(values, np.int64), kind="stable")
                values, rows = [values[k] for k in order.tolist()], rows[order]
            return values, rows

    def ordinals(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Return the place of every image on some axes, counted from 0, shape (n, axes).

        The places on an axis are counted in the order of `axes`; an image that is not on an axis
        is at its first place.
        """
        with self._lock:
            found = np.zeros((self._count, len(names)), np.int64)
            for k, name in enumerate(names):
                if name not in self._axes:
                    continue
                positions = self._axes[name]
                rank = np.zeros(len(positions) + 1, np.int64)
                order = {value: n for n, value in enumerate(positions.all())}
                for code in range(1, len(positions) + 1):
                    rank[code] = order[positions.value(code)]
                j = list(self._axes).index(name)
                found[:, k] = rank[self._codes[: self._count, j]]
            return found

    @property
    def files(self) -> list[str]:
        """Names of the files."""
        with self._lock:
            return list(self._names)

    def ends(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the number of the file, and the end of the pixels in it, of some images."""
        with self._lock:
            some = self._rows[rows]
            sizes = np.zeros(max(KINDS) + 1, np.int64)
            for kind, (dtype, colours) in KINDS.items():
                sizes[kind] = np.dtype(dtype).itemsize * colours
            pixel = sizes[np.minimum(some["kind"], max(KINDS))]
            area = some["height"].astype(np.int64) * some["width"].astype(np.int64)
            return some["file"].astype(np.int64), some["pixels"].astype(np.int64) + area * pixel

    def kinds(self) -> set[tuple[int, int, int]]:
        """Return the sizes and types of the images: height, width, kind."""
        with self._lock:
            rows = np.unique(self._rows[["height", "width", "kind"]][: self._count])
            return {tuple(row) for row in rows.tolist()}

    def position(self, row: int) -> dict[str, int | str]:
        """Return the axes of the image of that number."""
        with self._lock:
            return self._position(row)

    def _position(self, row: int) -> dict[str, int | str]:
        codes = self._codes[row].tolist()
        return {
            name: positions.value(code)
            for (name, positions), code in zip(self._axes.items(), codes, strict=True)
            if code
        }

    def positions(self) -> list[dict[str, int | str]]:
        """Return the axes of all images, in the order in which they came."""
        with self._lock:
            return [self._position(row) for row in range(self._count)]
