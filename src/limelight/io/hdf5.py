"""HDF5 files: opened, walked and read so that what is wrong with them is said in one sentence."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from limelight.core.errors import FileError, LimelightError
from limelight.core.pool import each, thread_count
from limelight.io.shared_file import SharedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["attributes", "explaining", "open_file", "read_columns", "read_whole", "text_of"]

_MOST_TIMES = 2000  # deflate packs about 1000 to 1
_SLACK = 1 << 26
_BLOCK_BYTES = 1 << 21
_THREADS = 4
_SCANNED = 64 << 20


@contextmanager
def explaining(path: str | Path) -> Iterator[None]:
    """Turn what the HDF5 library says of a damaged file into one sentence."""
    try:
        yield
    except LimelightError:
        raise
    except BlockingIOError as error:
        raise FileError(
            path, "another program is still writing it.", "Open it when that has ended."
        ) from error
    except MemoryError as error:
        raise FileError(
            path, "it does not fit into memory.", "Close other programs, or copy the file again."
        ) from error
    except (
        *(OSError, RuntimeError, LookupError, ValueError, TypeError),
        *(AttributeError, OverflowError),
    ) as error:
        text = str(error)
        if "plugin" in text or ("filter" in text and "not" in text):
            raise FileError(
                path,
                "it is compressed in a way that needs another package.",
                "Install it with: pip install hdf5plugin.",
            ) from error
        if "lock" in text and "unable to" in text.lower():
            raise FileError(
                path, "another program is still writing it.", "Open it when that has ended."
            ) from error
        raise FileError(
            path,
            "it is not an HDF5 file, or a damaged or incomplete one.",
            "Copy it again, or wait until the program that writes it has ended.",
        ) from error


def _check_heaps(path: Path) -> None:
    """Raise where a heap of texts is damaged, over which the HDF5 library would never end.

    A heap is ``GCOL``, version 1, its size, then objects: number, references, size, content padded
    to 8 bytes; number 0 is the free rest (HDF5 file format, III.E).  Only files small enough to
    be looked through at once are checked.
    """
    if path.stat().st_size > _SCANNED:
        return
    body = path.read_bytes()
    place = body.find(b"GCOL\x01")
    while place >= 0:
        end = place + int.from_bytes(body[place + 8 : place + 16], "little")
        item = place + 16
        while item + 16 <= min(end, len(body)):
            number = int.from_bytes(body[item : item + 2], "little")
            size = int.from_bytes(body[item + 8 : item + 16], "little")
            item += size if number == 0 else 16 + size + -size % 8
            if (number == 0 and size < 16) or item > end:
                raise FileError(path, "its texts are damaged.", "Copy the file again.")
        place = body.find(b"GCOL\x01", place + 5)


def open_file(path: str | Path) -> h5py.File:
    """Open an HDF5 file for reading.

    Raises
    ------
    FileError
        If it cannot be read or is none.
    """
    SharedFile(path).close()  # says plainly what is wrong with a file that cannot be opened
    with contextlib.suppress(ImportError):
        import hdf5plugin  # noqa: F401  (blosc and others)
    with explaining(path):
        _check_heaps(Path(path))
        return h5py.File(path, "r")


def text_of(value: Any) -> str:
    """Return an attribute as text; Imaris and MATLAB keep texts as arrays of single letters."""
    if isinstance(value, h5py.Empty):
        return ""
    array = np.asarray(value)
    if array.dtype.kind == "S":
        return b"".join(array.reshape(-1).tolist()).decode("utf-8", errors="replace").strip("\0")
    if array.dtype.kind in "ui" and array.size > 1:
        letters = (chr(int(c)) for c in array.reshape(-1).tolist() if 0 < int(c) < 0x110000)
        return "".join(letters)
    item = array.reshape(-1)[0] if array.size else ""
    return item.decode("utf-8", errors="replace") if isinstance(item, bytes) else str(item)


def attributes(item: Any) -> dict[str, Any]:
    """Return the attributes that are numbers and texts.

    Objects that Python programs pickled into attributes are left out: to read them would be to
    run what is in the file.
    """
    found: dict[str, Any] = {}
    for name in item.attrs:
        try:
            value = item.attrs[name]
        except (OSError, TypeError, ValueError, KeyError):
            continue
        if isinstance(value, bytes | str | np.bytes_):
            text = value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value
            if not (text.startswith(("\x80", "(", "c", "I", "F", "S'")) and text.endswith(".")):
                found[name] = text
        elif isinstance(value, np.generic):
            found[name] = value.item()
        elif isinstance(value, np.ndarray) and value.dtype.kind in "uifb" and value.size <= 64:
            found[name] = value.tolist()
    return found


def _is_sound(dtype: np.dtype[Any]) -> bool:
    """Tell whether the fields of a compound type lie behind each other, inside of it."""
    base = dtype.base
    end = 0
    for field, offset in sorted(
        ((f[0], f[1]) for f in (base.fields or {}).values()), key=lambda pair: pair[1]
    ):
        if offset < end or not _is_sound(field):
            return False
        end = offset + field.itemsize
    return end <= base.itemsize


def _check_sound(path: Path, dataset: h5py.Dataset) -> None:
    """Raise where a data set cannot be sound, before the library reads it.

    It may promise more than the file can hold, or have fields that overlap: the library then
    writes beyond its memory, and the process ends.
    """
    if not _is_sound(dataset.dtype):
        raise FileError(
            path, f"the columns of its data set {dataset.name} overlap.", "Copy the file again."
        )
    count = 1
    for length in dataset.shape or ():
        count *= int(length)
    if count * dataset.dtype.itemsize > _MOST_TIMES * path.stat().st_size + _SLACK:
        raise FileError(
            path,
            f"its data set {dataset.name} promises more than the file can hold.",
            "It is damaged: copy it again.",
        )


def read_whole(path: str | Path, dataset: h5py.Dataset) -> NDArray[Any]:
    """Read a data set of a table.

    Raises
    ------
    FileError
        If it is damaged, or promises far more than the file can hold.
    """
    with explaining(path):
        if dataset.shape is None:
            return np.empty(0)
        _check_sound(Path(path), dataset)
        values: NDArray[Any] = dataset[()]
        return values


def read_columns(path: str | Path, dataset: h5py.Dataset) -> dict[str, NDArray[Any]]:
    """Read a compound data set column by column.

    It is read in blocks that stay in the processor's cache while they are taken apart, by several
    threads; the rows are never in memory as a whole.

    Parameters
    ----------
    path : path
        The file, for messages and for reading what lies in a row in it.
    dataset : h5py.Dataset
        1D, of a compound type.

    Returns
    -------
    dict of str to array
        Every field, in order; fields that are no single numbers keep their shape and type.

    Raises
    ------
    FileError
        If it is damaged, or promises far more than the file can hold.
    """
    path = Path(path)
    with explaining(path):
        if dataset.shape is None or len(dataset.shape) != 1:
            raise FileError(
                path, f"its data set {dataset.name} is no table of rows.", "Save the table again."
            )
        _check_sound(path, dataset)
        dtype, rows = dataset.dtype, int(dataset.shape[0])
        columns = {
            name: np.empty((rows, *dtype[name].shape), dtype[name].base.newbyteorder("="))
            for name in dtype.names or ()
        }
        step = max(1, _BLOCK_BYTES // dtype.itemsize)
        if dataset.chunks is not None:
            step = -(-step // dataset.chunks[0]) * int(dataset.chunks[0])
        plain = dataset.chunks is None and not dataset.external and not dataset.is_virtual
        # The file's own type may be laid out otherwise than numpy's (padding, order).
        plain = plain and dataset.id.get_type().get_size() == dtype.itemsize and not dtype.hasobject
        offset = dataset.id.get_offset() if plain and not dataset.file.userblock_size else None
        shared = SharedFile(path) if offset is not None else None

        def take(start: int) -> None:
            stop = min(start + step, rows)
            if shared is not None and offset is not None:
                block = np.empty(stop - start, dtype)
                if (
                    shared.read_into(offset + start * dtype.itemsize, block.view("u1"))
                    < block.nbytes
                ):
                    raise FileError(path, f"{dataset.name} is cut off.", "Copy the file again.")
            else:
                block = dataset[start:stop]
            for name, column in columns.items():
                column[start:stop] = block[name]

        try:
            each(take, range(0, rows, step), min(_THREADS, thread_count(None)))
        finally:
            if shared is not None:
                shared.close()
        return columns
