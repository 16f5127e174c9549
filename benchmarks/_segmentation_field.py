"""The field of cells that segmentation and features are measured on, and the peers beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _peer import peer_python

from limelight.core.simulate import simulate_cells

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

SIZE, CELLS = 2048, 520
PACKAGES = ("cp-measure", "scikit-image", "mahotas", "centrosome")
GROUP = "+".join(PACKAGES)


class Peer:
    """The peers in their own process, one call at a time."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.folder = folder
        script = Path(__file__).with_name("_segmentation_peer.py")
        self.process = subprocess.Popen(
            [str(python), str(script), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._line()

    def _line(self) -> str:
        line = self.process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise SystemExit("The peer's process ended; its message is above.")
        return line

    def seconds(self, name: str, *arguments: str, repeats: int = 1) -> float:
        """Return the median time of a call."""
        self.process.stdin.write(json.dumps([name, arguments, repeats]) + "\n")  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]
        return float(json.loads(self._line())["seconds"])

    def result(self, name: str, *arguments: str) -> dict[str, Any]:
        """Return what the call wrote."""
        with np.load(self.folder / f"{'_'.join([name, *arguments])}.npz") as file:
            return {key: file[key] for key in file.files}


def add_peer(parser: argparse.ArgumentParser) -> None:
    """Let a benchmark know ``--peer`` and ``--no-peer``."""
    parser.add_argument("--peer", help=f"Python of an environment with {', '.join(PACKAGES)}")
    parser.add_argument("--no-peer", action="store_true", help="measure Limelight only")


def _python(named: str | None) -> Path | None:
    if named:
        return Path(named)
    os.environ.pop("LIMELIGHT_PEER_PYTHON", None)  # that of another program
    try:
        return peer_python(GROUP)
    except SystemExit as problem:
        print(f"without peers: {problem}", file=sys.stderr)
        return None


@contextmanager
def field_and_peer(options: argparse.Namespace) -> Iterator[tuple[Any, Peer | None]]:
    """Simulate the field and start the peers."""
    field = simulate_cells(SIZE, CELLS)
    peer = None
    with tempfile.TemporaryDirectory() as folder:
        if not options.no_peer:
            arrays = {n: getattr(field, n) for n in field.__dataclass_fields__}
            np.savez(Path(folder) / "field.npz", **arrays)
            python = _python(options.peer)
            peer = Peer(python, Path(folder)) if python else None
        try:
            yield field, peer
        finally:
            if peer is not None:
                peer.process.stdin.close()  # type: ignore[union-attr]
                peer.process.wait(60)
