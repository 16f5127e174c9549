"""Saving: the data sets of one acquisition, and what happens when the disk does not take more."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.core.errors import LimelightError, ParameterError, StorageError

if TYPE_CHECKING:
    from limelight.acquire.acquisition import Acquisition
    from limelight.core.frame import Frame
    from limelight.core.stream import Stream

__all__ = ["FORMATS", "Saving"]

FORMATS = ("ndtiff", "ome-zarr", "ome-tiff", "ram", "none")


class Saving:
    """Opens the data set with the first frame, and another one when that cannot be written on.

    Parameters
    ----------
    acquisition : Acquisition
        Is told what went wrong, held, or ended.
    directory : path, optional
        Where data sets are made.
    name : str
        Their name.
    format : str
        One of `FORMATS`.
    policy : {"stop", "pause"} or path
        What to do when a frame cannot be written.

    Raises
    ------
    ParameterError
        If the arguments contradict each other.
    StorageError
        If the directory cannot be written to.
    """

    def __init__(
        self,
        acquisition: Acquisition,
        directory: str | Path | None,
        name: str,
        format: str | None,
        policy: str | Path,
    ) -> None:
        if format is None:
            format = "ndtiff" if directory is not None else "ram"
        if format not in FORMATS:
            raise ParameterError(f"format must be one of {', '.join(FORMATS)}, not {format!r}.")
        if directory is None and format not in ("ram", "none"):
            raise ParameterError(f"To save as {format}, give the directory to save in.")
        self._acquisition = acquisition
        self.directory = Path(directory).expanduser() if directory is not None else None
        self.name, self.format = name, format
        self.writers: list[Any] = []
        self.there = threading.Condition()
        self.error: Exception | None = None
        self._policy = policy
        self._changed = threading.Condition()
        self._new_writer: Any = None
        self._giving_up = False
        self._stream: Stream | None = None
        if self.on_disk:
            assert self.directory is not None
            check_directory(self.directory)

    @property
    def on_disk(self) -> bool:
        """Whether images are written to a disk."""
        return self.format not in ("ram", "none")

    @property
    def path(self) -> Path | None:
        """Folder of the data set, the last one where it went on in another."""
        return self.writers[-1].path if self.writers and self.on_disk else None

    def write(self, frame: Frame) -> None:
        """Begin the data set with its first frame; those that follow go to its writer."""
        acquisition = self._acquisition
        assert acquisition.stream is not None and acquisition.pipeline is not None
        stream = acquisition.stream
        # Processors may have changed size, type and number.
        stream = replace(
            stream,
            shape=frame.shape,
            dtype=frame.pixels.dtype,
            length=None if acquisition.pipeline.stages else stream.length,
        )
        writer = self._create(stream)
        acquisition.pipeline.writer = writer
        writer.write(frame)

    def _create(self, stream: Stream, continues: Any = None) -> Any:
        self._stream = stream
        if self.format == "ram":
            from limelight.acquire.storage.ram import RamWriter

            writer: Any = RamWriter(stream, stream.metadata)
        else:
            from limelight.acquire import storage

            assert self.directory is not None
            writer = storage.create(
                self.directory,
                self.name,
                self.format,
                stream=stream,
                summary=stream.metadata,
                continues=continues,
            )
        with self.there:
            self.writers.append(writer)
            self.there.notify_all()
        return writer

    def _continued(self, directory: str | Path) -> Any:
        directory = Path(directory).expanduser()
        check_directory(directory)
        self.directory = directory
        assert self._stream is not None
        return self._create(self._stream, self.writers[-1] if self.writers else None)

    def dataset(self, timeout: float | None) -> Any:
        """Return the data set; waits for its first image if one is to come."""
        acquisition = self._acquisition
        end = None if timeout is None else time.monotonic() + timeout
        with self.there:
            while not self.writers and acquisition.is_expecting:
                if end is not None and time.monotonic() > end:
                    break
                self.there.wait(0.1)
            if not self.writers:
                raise LimelightError(
                    "There is no data set: the acquisition was made without saving."
                    if self.format == "none"
                    else "There is no data set: no image was saved yet."
                )
            if len(self.writers) == 1:
                return self.writers[0].dataset()
        from limelight.acquire.dataset import Dataset

        return Dataset(list(self.writers))

    def give_up(self) -> None:
        """Wait no longer for another folder."""
        with self._changed:
            self._giving_up = True
            self._changed.notify_all()

    def trouble(self, error: Exception) -> Any:
        """Decide what happens after a frame could not be written; return the writer to go on."""
        if self._giving_up:
            return None
        acquisition = self._acquisition
        saved = acquisition.pipeline.saved if acquisition.pipeline is not None else 0
        mendable = isinstance(error, StorageError | OSError)
        if self._stream is None and acquisition.stream is not None:
            self._stream = acquisition.stream
        if mendable and self._policy not in ("stop", "pause"):
            directory, self._policy = self._policy, "stop"  # one other folder, not ever another
            try:
                writer = self._continued(directory)
            except LimelightError as second:
                error = second
            else:
                acquisition.say(f"{error} The acquisition goes on in {writer.path}.")
                return writer
        if mendable and self._policy == "pause":
            with self._changed:
                self.error, self._new_writer = error, None
            acquisition.pause(True)
            acquisition.say(
                f"{error} The acquisition is held after {saved} saved images. Choose another "
                "folder to go on, or cancel."
            )
            with self._changed:
                while self._new_writer is None and not self._giving_up:
                    self._changed.wait(0.5)
                writer, self._new_writer = self._new_writer, None
            if writer is not None:
                return writer
        with self._changed:
            self.error = error if mendable else None
            self._giving_up = True
        rest = (
            "those on the way are held in memory: continue_in(folder) saves them."
            if mendable
            else "those on the way are held in memory (Acquisition.unsaved)."
        )
        acquisition.say(f"{error} The acquisition was ended after {saved} saved images; {rest}")
        acquisition.fail(error)
        return None

    def continue_in(self, directory: str | Path) -> None:
        """Go on in another folder; see `Acquisition.continue_in`."""
        acquisition = self._acquisition
        pipeline = acquisition.pipeline
        if self.error is None or pipeline is None:
            raise ParameterError("Nothing is wrong with the storage; there is nothing to continue.")
        writer = self._continued(directory)
        with self._changed:
            if not self._giving_up:
                self.error = None
                self._new_writer = writer
                self._changed.notify_all()
                acquisition.pause(False)
                return
        acquisition.await_end()
        kept, pipeline.unsaved = sorted(pipeline.unsaved, key=lambda f: f.index), []
        try:
            for position, frame in enumerate(kept):
                try:
                    writer.write(frame)
                except (LimelightError, OSError) as error:
                    pipeline.unsaved = kept[position:]
                    self.error = error
                    raise
                pipeline.saved += 1
            self.error = None
        finally:
            writer.finish(acquisition.note())
        if acquisition.keeping.failed:
            acquisition.keeping.finish()
        acquisition.say(
            f"The {len(kept)} images that were held in memory are saved in {writer.path}."
        )


def check_directory(directory: Path) -> None:
    """Make a folder, or raise.

    Raises
    ------
    StorageError
        If it cannot be made or written to.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            directory, f"the folder cannot be made ({error.strerror}).", "Choose another one."
        ) from error
    if not os.access(directory, os.W_OK):
        raise StorageError(directory, "the folder cannot be written to.", "Choose another one.")
