"""Uncompressed planes of an HDF5 data set, read where they lie in the file.

The HDF5 library reads one thing at a time in a process, and copies every chunk twice.  For data
sets without filters it is asked once where the pixels are; they are then read by as many threads
as there are.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from limelight.core.errors import FileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.io.shared_file import SharedFile

__all__ = ["Hdf5Planes", "moved", "shorter"]

_MOST_CHUNKS = 1_000_000


def _places(
    dataset: h5py.h5d.DatasetID, shape: tuple[int, ...], chunks: tuple[int, ...], itemsize: int
) -> NDArray[np.int64] | None:
    """Return the place of every piece in the file, -1: never written; None: not to be told."""
    size = int(np.prod(chunks, dtype=np.int64)) * itemsize
    grid = tuple(-(-n // c) for n, c in zip(shape, chunks, strict=True))
    if (offset := dataset.get_offset()) is not None:
        whole = dataset.get_storage_size() == size and set(grid) == {1}
        return np.full(grid, int(offset), np.int64) if whole else None
    layout = dataset.get_create_plist()
    if layout.get_nfilters() or layout.get_layout() != h5py.h5d.CHUNKED:
        return None
    if layout.get_chunk() != chunks or int(np.prod(grid, dtype=np.int64)) > _MOST_CHUNKS:
        return None
    places = np.full(grid, -1, np.int64)
    sound = True

    def note(info: Any) -> None:
        nonlocal sound
        at = tuple(k // c for k, c in zip(info.chunk_offset, chunks, strict=True))
        if info.byte_offset is None or info.size != size or info.filter_mask:
            sound = False
        elif all(k < n for k, n in zip(at, grid, strict=True)):
            places[at] = info.byte_offset

    dataset.chunk_iter(note)
    return places if sound else None


def moved(place: tuple[int, ...], axis: int, by: int) -> tuple[int, ...]:
    """Return the place that many planes further along an axis."""
    return (*place[:axis], place[axis] + by, *place[axis + 1 :])


def shorter(shared: SharedFile) -> FileError:
    """Return what is raised where a file ends before its planes do."""
    return FileError(shared.path, "it became shorter after it was opened.", "Open it again.")


class Hdf5Planes:
    """Where the planes of a data set lie in the file.

    The last two axes are those of a plane.

    Parameters
    ----------
    shape : tuple of int
        Shape of the data set, two axes or more.
    chunks : tuple of int
        Shape of the pieces that lie in one place; the edge pieces are whole too.
    dtype : dtype
        Type of the pixels in the file.
    places : array of int64
        Place of every piece in the file, bytes, -1 for those that were never written; one axis
        per axis of the data set.
    fill : number, optional
        Value of the pixels that were never written; needed only where there are such.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        chunks: tuple[int, ...],
        dtype: np.dtype[Any],
        places: NDArray[np.int64],
        fill: Any = None,
    ) -> None:
        self.shape, self.chunks, self.dtype, self.fill = shape, chunks, dtype, fill
        self.places = places
        self._plane_bytes = chunks[-2] * chunks[-1] * dtype.itemsize
        self._chunk_bytes = int(np.prod(chunks, dtype=np.int64)) * dtype.itemsize

    @classmethod
    def of(
        cls, dataset: h5py.Dataset, height: int | None = None, width: int | None = None
    ) -> Hdf5Planes | None:
        """Return where the planes are; None where only the library can tell what they are.

        That is the case where they are compressed, are in another file, or in very many pieces.

        Parameters
        ----------
        dataset : h5py.Dataset
            Of numbers, two axes or more.
        height, width : int, optional
            How much of a plane there is to be read; else all.
        """
        if dataset.external or dataset.is_virtual or dataset.file.userblock_size:
            return None
        if dataset.shape is None or len(dataset.shape) < 2:
            return None
        dtype = dataset.dtype
        # The file's own type may be laid out otherwise than numpy's, such as 12 bits of 16.
        if dtype.kind not in "uif" or not dataset.id.get_type().equal(h5py.h5t.py_create(dtype)):
            return None
        chunks = dataset.chunks or dataset.shape
        places = _places(dataset.id, dataset.shape, chunks, dtype.itemsize)
        if places is None:
            return None
        rows, columns = dataset.shape[-2:]
        shape = (*dataset.shape[:-2], height or rows, width or columns)
        # Asked for only where it is needed: over a damaged one the library ends the process.
        fill = dataset.fillvalue if (places < 0).any() else None
        return cls(shape, chunks, dtype, places, fill)

    def like(self, other: h5py.h5d.DatasetID) -> Hdf5Planes | None:
        """Return where the planes of a data set of the same shape and type are."""
        shape = tuple(n * c for n, c in zip(self.places.shape, self.chunks, strict=True))
        places = _places(other, shape, self.chunks, self.dtype.itemsize)
        if places is None or (self.fill is None and (places < 0).any()):
            return None
        return Hdf5Planes(self.shape, self.chunks, self.dtype, places, self.fill)

    @property
    def end(self) -> int:
        """Place behind the last piece, bytes."""
        return int(self.places.max(initial=-1)) + self._chunk_bytes

    def read(
        self, shared: SharedFile, place: tuple[int, ...], axis: int | None, target: NDArray[Any]
    ) -> None:
        """Fill an array with planes that follow each other along an axis.

        Parameters
        ----------
        shared : SharedFile
            The file.
        place : tuple of int
            Place of the first one on every axis but the last two.
        axis : int or None
            Which axis they are along; None: one plane.
        target : array (count, rows, columns), C-contiguous, of the type in the file
            Filled.

        Raises
        ------
        FileError
            If the file became shorter.
        """
        outer = self.chunks[:-2]
        starts = self.starts(place, axis, len(target))
        if starts is not None:
            self._read_pieces(shared, starts, target)
            return
        if axis is None or any(n > 1 for n in outer[axis + 1 :]):
            # Planes that follow each other are apart in the file.
            for k, plane in enumerate(target):
                there = place if axis is None else moved(place, axis, k)
                self._read_joined(shared, there, plane[None])
            return
        done, count = 0, len(target)
        while done < count:
            there = moved(place, axis, done)
            step = min(outer[axis] - there[axis] % outer[axis], count - done)
            self._read_joined(shared, there, target[done : done + step])
            done += step

    def starts(
        self, place: tuple[int, ...], axis: int | None, count: int
    ) -> NDArray[np.int64] | None:
        """Return where planes begin, -1: never written; None where a plane is in several pieces.

        Parameters are those of `read`.
        """
        if self.chunks[-2:] != self.shape[-2:]:
            return None
        index = np.array(place, np.int64)[:, None].repeat(count, axis=1)
        if axis is not None:
            index[axis] += np.arange(count)
        outer = self.chunks[:-2]
        inside = np.zeros(count, np.int64)
        row = np.zeros(count, np.int64)
        for k, n in enumerate(outer):
            inside = inside * n + index[k] % n
            row = row * self.places.shape[k] + index[k] // n
        pieces = self.places[..., 0, 0].reshape(-1)[row]
        return np.where(pieces < 0, -1, pieces + inside * self._plane_bytes)

    def _inside(self, place: tuple[int, ...]) -> int:
        """Return how many planes come before one in its piece."""
        index = 0
        for k, n in zip(place, self.chunks[:-2], strict=True):
            index = index * n + k % n
        return index

    def _read_pieces(
        self, shared: SharedFile, starts: NDArray[np.int64], target: NDArray[Any]
    ) -> None:
        """Read planes that begin at certain places."""
        written = starts >= 0
        whole = bool(written.all())
        block = target if whole else np.empty((int(written.sum()), *target.shape[1:]), target.dtype)
        if shared.read_pieces(starts[written], block) < len(block):
            raise shorter(shared)
        if not whole:
            target[written], target[~written] = block, self.fill

    def _read_joined(
        self, shared: SharedFile, place: tuple[int, ...], target: NDArray[Any]
    ) -> None:
        """Read planes that are behind each other in the same pieces."""
        at = tuple(k // n for k, n in zip(place, self.chunks[:-2], strict=True))
        rows, columns = self.chunks[-2:]
        skip = self._inside(place) * self._plane_bytes
        single = columns == self.shape[-1] and len(target) == 1
        scratch = None
        for i, j in itertools.product(*map(range, self.places.shape[-2:])):
            piece = target[:, i * rows : (i + 1) * rows, j * columns : (j + 1) * columns]
            if not piece.size:
                continue
            start = int(self.places[(*at, i, j)])
            if start < 0:
                piece[...] = self.fill
                continue
            if single or piece.shape[1:] == target.shape[1:] == (rows, columns):
                if shared.read_into(start + skip, piece) < piece.nbytes:
                    raise shorter(shared)
                continue
            if scratch is None:
                scratch = np.empty((len(target), rows, columns), target.dtype)
            if shared.read_into(start + skip, scratch) < scratch.nbytes:
                raise shorter(shared)
            piece[...] = scratch[:, : piece.shape[1], : piece.shape[2]]
