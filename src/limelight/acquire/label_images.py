"""Label images of objects that are found while an acquisition runs, in files beside the data set.

.. code-block:: text

    DATA SET/labels/Nuclei/
    ├── Nuclei_000004_time2_position0.tif   named after the frame that completed the field
    └── index.jsonl                         a line per file: frame and axes; written after it

Each file takes its name when it is whole, and each line is added after its file, so that a process
that is killed leaves all but the last few images readable.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.acquire.storage.output import explain
from limelight.core.errors import FileError, LimelightError, suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from limelight.core.stream import Objects

__all__ = ["FOLDER", "LabelImages", "LabelWriter"]

FOLDER = "labels"
_INDEX = "index.jsonl"
_MOST_BYTES = 256 << 20  # of images that wait for the disk; one is always let in


class LabelWriter:
    """Writes label images in a thread of its own.

    Whoever brings one waits where too many wait already: that is the processor that finds them,
    which then passes over frames, and never the camera or the writing of frames.

    Parameters
    ----------
    folder : callable
        Returns the data set's folder; None as long as there is none on a disk.
    say : callable
        Called with messages for a person.
    limit : int
        Bytes that may wait.
    """

    def __init__(
        self,
        folder: Callable[[], Path | None],
        say: Callable[[str], None],
        limit: int = _MOST_BYTES,
    ) -> None:
        self._folder, self._say, self._limit = folder, say, limit
        self._waiting: deque[tuple[str, Objects]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._ending = self._given_up = False
        self._thread: threading.Thread | None = None
        self.written = 0
        self.lost = 0

    def add(self, by: str, objects: Objects) -> None:
        """Take a label image to be written; waits while too many do.

        Parameters
        ----------
        by : str
            The processor that found the objects.
        objects : Objects
            The objects; nothing is done where they are not to be saved.
        """
        if not objects.save:
            return
        size = int(objects.labels.nbytes)
        with self._changed:
            while self._bytes and self._bytes + size > self._limit and not self._given_up:
                self._changed.wait(1.0)
            if self._given_up:
                self.lost += 1
                return
            self._waiting.append((by, objects))
            self._bytes += size
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="limelight-labels", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                # The first objects may be there before the first frame is on the disk.
                while not self._waiting or (self._folder() is None and not self._ending):
                    if self._ending and not self._waiting:
                        return
                    self._changed.wait(0.2)
                by, objects = self._waiting[0]
            folder = self._folder()
            try:
                if folder is not None and not self._given_up:
                    self._write(folder, by, objects)
                else:
                    self.lost += 1
            except (LimelightError, OSError) as error:
                if not self.lost and folder is not None:
                    told = error if isinstance(error, LimelightError) else explain(folder, error)
                    self._say(f"Label images cannot be written: {told}")
                self.lost += 1
            finally:
                with self._changed:
                    self._waiting.popleft()
                    self._bytes -= int(objects.labels.nbytes)
                    self._changed.notify_all()

    def _write(self, folder: Path, by: str, objects: Objects) -> None:
        from limelight.io.tiff_writer import TiffWriter

        del by
        kind = folder / FOLDER / _safe(objects.name)
        kind.mkdir(parents=True, exist_ok=True)
        place = "".join(f"_{_safe(str(a))}{_safe(str(v))}" for a, v in objects.axes.items())
        stem = f"{_safe(objects.name)}_{objects.index:06d}{place}"
        path = kind / f"{stem}.tif"
        again = 1
        while path.exists():  # another processor finds objects of the same name
            again += 1
            path = kind / f"{stem}_{again}.tif"
        labels = objects.labels
        stack = labels if labels.ndim == 3 else labels[None]
        with TiffWriter(path, len(stack), kind="ome", compression="zlib") as file:
            file.write(stack.astype(np.int32, copy=False))
        about = {"axes": dict(objects.axes), "shape": list(labels.shape)}
        line = {"file": path.name, "index": objects.index, **about}
        with (kind / _INDEX).open("a", encoding="utf-8") as index:
            index.write(json.dumps(line) + "\n")
        self.written += 1

    def finish(self, patience: float = 60.0) -> None:
        """Write what waits, for so many seconds at most; tells what could not be written."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(patience)
            if self._thread.is_alive():
                with self._changed:
                    self._given_up = True
                    self._changed.notify_all()
        left = len(self._waiting)
        if (self.lost or left) and self._folder() is not None:
            self._say(f"{self.lost + left:,} label images could not be written.")


class LabelImages:
    """The label images of a kind of objects in a data set.

    Parameters
    ----------
    folder : path
        The data set's folder.
    name : str
        What the objects are, such as ``"Nuclei"``.

    Raises
    ------
    FileError
        If there are none.

    Examples
    --------
    >>> nuclei = LabelImages("data/mitoses_1", "Nuclei")   # doctest: +SKIP
    >>> nuclei.read(time=2, position=0)                    # doctest: +SKIP
    """

    def __init__(self, folder: str | Path, name: str) -> None:
        self.path = Path(folder).expanduser() / FOLDER / _safe(name)
        there = self.names(folder)
        if self.path.name not in there:
            raise FileError(
                Path(folder),
                f"it has no label images of {name!r}.",
                suggest(name, there) if there else "Was a segmentation part of the acquisition?",
            )
        self._entries: list[dict[str, Any]] = []
        with contextlib.suppress(OSError):
            for line in (self.path / _INDEX).read_text(encoding="utf-8").splitlines():
                # the last line of a process that was killed may be cut
                with contextlib.suppress(ValueError):
                    entry = json.loads(line)
                    if isinstance(entry, dict) and (self.path / str(entry.get("file"))).is_file():
                        self._entries.append(entry)

    @staticmethod
    def names(folder: str | Path) -> list[str]:
        """Return the kinds of objects that a data set has label images of."""
        inside = Path(folder).expanduser() / FOLDER
        return sorted(p.name for p in inside.iterdir() if p.is_dir()) if inside.is_dir() else []

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def axes(self) -> list[Mapping[str, int | str]]:
        """The axes of each image, in the order in which they were written."""
        return [dict(e["axes"]) for e in self._entries]

    @property
    def indices(self) -> list[int]:
        """Index of the frame that completed each field."""
        return [int(e["index"]) for e in self._entries]

    @property
    def files(self) -> list[Path]:
        """The files."""
        return [self.path / str(e["file"]) for e in self._entries]

    def read(self, index: int | None = None, **axes: int | str) -> NDArray[np.int32]:
        """Return the labels of a field.

        Parameters
        ----------
        index : int, optional
            Index of the frame that completed it.
        **axes
            Instead: its place on the axes, as many as tell it from others.

        Raises
        ------
        LimelightError
            If there is no such field.
        """
        from limelight.io import open_array

        fitting = [
            e
            for e in self._entries
            if index in (None, int(e["index"]))
            and all(e["axes"].get(a) == v for a, v in axes.items())
        ]
        # a field that was taken again has an axis more than the first time
        fitting.sort(key=lambda e: len(e["axes"]))
        if fitting:
            image = open_array(self.path / str(fitting[0]["file"]))
            try:
                pixels: NDArray[np.int32] = np.asarray(image.array).astype(np.int32, copy=False)
            finally:
                image.close()
            return pixels.reshape(fitting[0]["shape"])
        wanted = ", ".join(f"{a}={v}" for a, v in axes.items()) or f"frame {index}"
        raise LimelightError(
            f"There is no label image of {self.path.name} for {wanted}; there are {len(self)}, "
            f"such as {self.axes[0] if self._entries else 'none'}."
        )


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", name) or "objects"
