"""Journal: rows on the disk that wait to be added to the database.

Every row is a file of its own, written under a temporary name and renamed.  Hence any number of
processes add rows and take rows out at once without a lock, a crash leaves no half row, and a row
is taken out only after it was added.  To add one twice does no harm: rows have identities.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import time
from typing import TYPE_CHECKING

import numpy as np

from limelight.core.errors import LimelightError
from limelight.core.report import RunRecord
from limelight.io.atomic import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Journal", "png_of"]

_SUFFIX = ".row.json"


def png_of(preview: NDArray[np.uint8] | bytes | None) -> bytes | None:
    """Return a preview as PNG."""
    if preview is None or isinstance(preview, bytes):
        return preview
    import imagecodecs

    return bytes(imagecodecs.png_encode(np.ascontiguousarray(preview), level=6))


class Journal:
    """A folder of rows that wait.

    Parameters
    ----------
    folder : path
        Where; it is made when the first row is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, record: RunRecord) -> Path:
        """Write a row; it is on the disk when this returns.

        Raises
        ------
        FileError
            If it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        png = png_of(record.preview)
        content = {
            **record.to_dict(),
            "preview": None if png is None else base64.b64encode(png).decode("ascii"),
            "stamp": time.time(),
        }
        # by time, so that rows are added in the order in which they were reported
        name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
        path = self.folder / name
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(content), encoding="utf-8")
        return path

    def __len__(self) -> int:
        return len(self._files())

    def _files(self) -> list[Path]:
        try:
            names = [n for n in os.listdir(self.folder) if n.endswith(_SUFFIX) and n[0] != "."]
        except OSError:
            return []
        return [self.folder / name for name in sorted(names)]

    def rows(self) -> Iterator[tuple[Path, RunRecord, float]]:
        """Yield file, record and time of reporting, oldest first; a damaged file is put aside."""
        for path in self._files():
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
                stamp = float(content.pop("stamp"))
                if content.get("preview") is not None:
                    content["preview"] = base64.b64decode(content["preview"])
                record = RunRecord.from_dict(content)
            except FileNotFoundError:
                continue  # another process has added it
            except OSError:
                continue  # it can perhaps be read later
            except (ValueError, KeyError, TypeError, AttributeError, LimelightError):
                with contextlib.suppress(OSError):
                    path.rename(path.with_name(path.name + ".damaged"))
                continue
            yield path, record, stamp

    @staticmethod
    def remove(path: Path) -> None:
        """Take out a row that was added."""
        with contextlib.suppress(OSError):
            path.unlink()
