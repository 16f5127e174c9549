"""What can go wrong, said well.

Every message names what was wrong, where (file, frame, parameter) and what to do next.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "CameraConfigError",
    "FileError",
    "LimelightError",
    "ParameterError",
    "PartError",
    "PipelineFileError",
    "TruncatedError",
    "suggest",
]


class LimelightError(Exception):
    """Base of all errors that Limelight raises on purpose."""


class ParameterError(LimelightError, ValueError):
    """A value that a person or a script gave is of no use."""


class PartError(LimelightError):
    """A contributed part (detector, fitter, ...) is unknown or fails to load."""


class FileError(LimelightError):
    """A file cannot be read or written.

    Parameters
    ----------
    path : path
        The file.
    reason : str
        What is wrong with it.
    remedy : str
        What the person can do about it.
    """

    def __init__(self, path: str | Path, reason: str, remedy: str = "") -> None:
        self.path = Path(path)
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{self.path.name}: {reason}" + (f" {remedy}" if remedy else ""))

    def __reduce__(self) -> tuple[type[FileError], tuple[str, str, str]]:
        return type(self), (str(self.path), self.reason, self.remedy)


class TruncatedError(FileError):
    """Frames that a file promises are not in it.

    Parameters
    ----------
    path : path
        The file.
    first_bad : int
        Index of the first frame that cannot be read.
    readable : int
        Number of frames before it, all of which can be read.
    """

    def __init__(self, path: str | Path, first_bad: int, readable: int) -> None:
        self.first_bad = first_bad
        self.readable = readable
        super().__init__(
            path,
            f"the file is damaged or incomplete: frame {first_bad} cannot be read.",
            f"The {readable} frames before it are offered; copy the file again to get the rest.",
        )

    def __reduce__(self) -> tuple[type[FileError], tuple[str, int, int]]:  # type: ignore[override]
        return type(self), (str(self.path), self.first_bad, self.readable)


class StorageError(FileError):
    """An acquisition cannot be written on: the disk is full, the folder is gone, no rights.

    What was written before is still there and readable, and the image that could not be written
    is not half there.
    """


class CameraConfigError(FileError):
    """A camera configuration is wrong; the message says in which line and key."""


class PipelineFileError(FileError):
    """A pipeline's file is wrong; the message says in which line and key."""


def suggest(word: str, known: Iterable[str]) -> str:
    """Say what was perhaps meant.

    Parameters
    ----------
    word : str
        The unknown word.
    known : iterable of str
        The words that would have done.

    Returns
    -------
    str
        ``"Did you mean 'x'?"`` or, without a near match, the list of what there is.
    """
    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else f"There is: {', '.join(names) or 'nothing'}."
