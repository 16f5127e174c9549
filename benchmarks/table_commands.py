"""The commands for tables as a person types them: ``limelight link`` beside ``picasso link``.

    python benchmarks/table_commands.py [--json FILE] [--molecules 1000000] [--repeats 3]

Starting, reading and writing are included.  The table is that of ``locs_tools.py``; both programs
get the same file and the same settings, in turns.  Each figure is the median.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _peer import peer_python
from _report import Row, arguments, report
from locs_tools import LINK, RADIUS, SAMPLES, molecules

from limelight.io import save_table

COMMANDS: dict[str, tuple[list[str], list[str] | None]] = {
    "link": (
        ["--max-distance", str(LINK[0]), "--dark-frames", str(LINK[1])],
        ["-d", str(LINK[0]), "-t", str(LINK[1])],
    ),
    "undrift": (["--method", "rcc", "--segment-frames", "1000"], ["-s", "1000"]),
    "dbscan": (
        ["--radius", str(RADIUS), "--min-samples", str(SAMPLES), "--min-locs", "10"],
        [str(RADIUS), str(SAMPLES), "100"],
    ),
    "nena": ([], None),
    "frc": ([], None),
    "quality": ([], None),
}


def seconds(words: list[str], environment: dict[str, str]) -> float:
    """Return how long a command takes."""
    start = time.perf_counter()
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}\n{done.stderr}")
    return time.perf_counter() - start


def main() -> None:
    parser = arguments("The commands for tables of a million molecules.")
    parser.add_argument("--molecules", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-peer", action="store_true", help="measure Limelight alone")
    options = parser.parse_args()
    environment = {**os.environ, "MPLBACKEND": "agg", "LIMELIGHT_DB": "none"}
    python = None if options.no_peer else str(peer_python("picassosr"))
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        table = save_table(molecules(options.molecules)[0], Path(name) / "ours_locs.hdf5")
        for suffix in (".hdf5", ".yaml"):
            shutil.copy(table.with_suffix(suffix), table.with_name(f"theirs_locs{suffix}"))
        other = table.with_name("theirs_locs.hdf5")
        for command, (ours, theirs) in COMMANDS.items():
            own = [sys.executable, "-m", "limelight", command, str(table), *ours, "--quiet"]
            peer = None
            if python and theirs is not None:
                positional = not theirs[0].startswith("-")
                given = [str(other), *theirs] if positional else [*theirs, str(other)]
                peer = [python, "-m", "picasso", command, *given]
            mine, others = [], []
            for turn in range(options.repeats + 1):  # the first fills caches
                mine.append(seconds(own, environment))
                if peer:
                    others.append(seconds(peer, environment))
                if turn == 0:
                    mine.clear()
                    others.clear()
            middle = statistics.median(mine)
            far = statistics.median(others) if others else None
            ratio = far / middle if far else None
            rows.append(Row(f"limelight {command}", middle, far, "s", "", ratio))
    report("table_commands", rows, options)


if __name__ == "__main__":
    main()
