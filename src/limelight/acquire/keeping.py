"""Keeping: what processors find is on the disk within a second, whatever happens to the process."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from limelight.acquire.journal import Journal, read_blocks
from limelight.acquire.results import Results
from limelight.acquire.storage.output import explain
from limelight.core.errors import FileError, LimelightError
from limelight.io.in_progress import JOURNAL, unfinished

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Keeping", "read_results", "recover_results"]

_EVERY = 1.0  # seconds between two looks at what is new


class Keeping:
    """Writes results into a journal in the data set's folder, and files from it at the end.

    The journal is there only while the acquisition runs, or when its process was killed.  Where
    the acquisition goes on in another folder, a new journal there begins with all results.

    Parameters
    ----------
    results : Results
        What processors find.
    folder : callable
        Returns the data set's folder; None as long as there is none on a disk.
    say : callable
        Called with messages for a person.

    Attributes
    ----------
    failed : bool
        Whether the files that stay could not be written.
    """

    def __init__(
        self, results: Results, folder: Callable[[], Path | None], say: Callable[[str], None]
    ) -> None:
        self._results, self._folder, self._say = results, folder, say
        self._journal: Journal | None = None
        self._marks: dict[tuple[str, ...], int] = {}
        self._old: list[Path] = []
        self._told = False
        self.failed = False
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look for results, once per second, in a thread."""
        self._thread = threading.Thread(target=self._run, name="limelight-results", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ending.wait(_EVERY):
            self.keep()

    def keep(self) -> bool:
        """Write what is new; a disk that does not take it is told once, and asked again.

        Returns
        -------
        bool
            Whether all that was found is in the journal.
        """
        folder = self._folder()
        if folder is None:
            return False
        path = folder / JOURNAL
        try:
            if self._journal is not None and (self._journal.path != path or self._journal.is_gone):
                self._old.append(self._journal.path)
                self._close()
            for block, key, mark in self._results.blocks(self._marks):
                if self._journal is None:
                    self._journal = Journal(path)
                self._journal.append(*block)
                self._marks[key] = mark
        except OSError as error:
            if not self._told:
                self._told = True
                self._say(
                    "What processors find cannot be written now, and is kept in memory. "
                    f"{explain(path, error)}"
                )
            return False
        return True

    def _close(self) -> None:
        if self._journal is not None:
            with contextlib.suppress(OSError):
                self._journal.close()
        self._journal = None
        self._marks = {}

    def finish(self) -> None:
        """Write the files that stay, and remove the journal; again after that failed, if asked.

        Raises
        ------
        LimelightError
            If something could not be written; what was found is in memory then, and in the
            journal as far as that came.
        """
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        folder = self._folder()
        if folder is not None:
            try:
                self._results.save(folder)
            except LimelightError as error:
                self.failed = True
                more = "It is in memory: results.save(folder) of the acquisition writes it."
                if self.keep():
                    more += " It is beside the images, too: recover_results(folder) writes it."
                raise LimelightError(f"{error} {more}") from error
            finally:
                journal = self._journal
                self._close()
            self.failed = False
            for path in [*self._old, *([journal.path] if journal is not None else [])]:
                with contextlib.suppress(OSError):
                    path.unlink()
        self._close()


def recover_results(folder: str | Path) -> Results:
    """Write the tables of an acquisition whose process was killed, from its journal.

    Molecules go into ``<name>_locs.hdf5``, readings and features into CSV files, as at the end of
    every acquisition; the molecules' provenance says that they were recovered.  The journal is
    removed when all of it is written.

    Parameters
    ----------
    folder : path
        The folder of the data set.

    Returns
    -------
    Results
        What the processors had found, but at most the last second of it; empty where the
        acquisition ended in order.

    Raises
    ------
    FileError
        If there is no such folder, the acquisition still runs, or the files cannot be written.
    """
    folder = Path(folder).expanduser()
    path = folder / JOURNAL
    if not folder.is_dir():
        raise FileError(folder, "there is no such folder.", "Give that of a data set.")
    state = unfinished(folder)
    if state is not None and state[1]:
        raise FileError(
            folder, "this acquisition still runs.", "Its results are written when it ends."
        )
    results = read_results(folder)
    if path.exists():
        note = "Recovered after an interruption: the last second of the acquisition may be missing."
        results.save(folder, note)
        with contextlib.suppress(OSError):
            path.unlink()
    return results


def read_results(folder: Path) -> Results:
    """Return what is in the journal of a folder, up to its last whole block.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    results = Results()
    path = folder / JOURNAL
    try:
        if path.exists():
            for block in read_blocks(path):
                results.restore(block)
    except OSError as error:
        raise FileError(
            path, f"it cannot be read ({error.strerror or error}).", "Copy the folder again."
        ) from error
    return results
