"""Writing files so that there is never half a file that looks whole."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from limelight.core.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["leftovers", "replacing", "replacing_folder"]


def _explain(path: Path, error: OSError) -> FileError:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return FileError(
            path, "the disk is full; nothing was written.", "Free some space or save elsewhere."
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return FileError(
            path, f"there is no folder {path.parent}.", "Make it, or save somewhere else."
        )
    if isinstance(error, IsADirectoryError):
        return FileError(path, "there is a folder of that name.", "Choose another name.")
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return FileError(
            path,
            f"there is no permission to write into {path.parent}.",
            "Save somewhere else, or change the folder's permissions.",
        )
    return FileError(
        path, f"it cannot be written ({error.strerror or error}).", "Save somewhere else."
    )


def _prefix(path: Path) -> str:
    return f".{path.stem[:60]}-"


def leftovers(path: str | Path) -> list[Path]:
    """Return the temporary files of a process that was killed while it wrote that file.

    Only who knows that nobody writes the file now may remove them.
    """
    path = Path(path)
    name = re.compile(rf"{re.escape(_prefix(path))}[0-9a-f]{{12}}{re.escape(path.suffix)}")
    try:
        return [path.parent / n for n in os.listdir(path.parent) if name.fullmatch(n)]
    except OSError:
        return []


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary name in the same folder, which takes the file's place at the end.

    An error leaves what was there before, and no temporary file.

    Parameters
    ----------
    path : path
        The file to be written.

    Yields
    ------
    path
        The name to write to.

    Raises
    ------
    FileError
        If the folder is missing or read-only, or the disk is full.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        if path.is_dir():
            raise IsADirectoryError
        candidate = path.with_name(f"{_prefix(path)}{secrets.token_hex(6)}{path.suffix}")
        candidate.touch(exist_ok=False)
        temporary = candidate
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        temporary = None
        _sync_folder(path.parent)
    except OSError as error:
        raise _explain(path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextmanager
def replacing_folder(path: str | Path) -> Iterator[Path]:
    """Give a temporary folder beside another, which takes that one's place at the end.

    An error leaves what was there before, and no temporary folder.

    Parameters
    ----------
    path : path
        The folder to be written; the folders above it are made.

    Yields
    ------
    path
        The folder to write into; it is there, and empty.

    Raises
    ------
    FileError
        If the folder above is read-only, or the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f"{_prefix(path)}{secrets.token_hex(6)}{path.suffix}")
    old = path.with_name(f"{_prefix(path)}{secrets.token_hex(6)}{path.suffix}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if path.is_dir():
            os.replace(path, old)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        if old.is_dir() and not path.exists():
            os.replace(old, path)
        raise _explain(path, error) from error
    finally:
        for folder in (temporary, old):
            if path.exists() or folder is temporary:
                shutil.rmtree(folder, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    # The new name is on the disk only when the folder is; Windows cannot open folders.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
