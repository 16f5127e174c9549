"""Tables of molecules go to Picasso and back, field for field.

    python benchmarks/picasso_files.py

Picasso's command localizes a simulated movie, and Limelight reads the result; Limelight localizes
the same movie, and Picasso reads the result.  Compared are names, types and values of all columns,
and the documents of the YAML file.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import h5py
import numpy as np
from _peer import peer_python
from _report import Row, arguments, report

import limelight
from limelight.core.simulate import scene
from limelight.io import write_raw

LOAD = """
import json, sys
from picasso import io
locs, information = io.load_locs(sys.argv[1])
columns = {name: [str(locs[name].dtype), locs[name].astype(float).tolist()] for name in locs}
print(json.dumps([columns, information]))
"""


def picasso_reads(python: Path, path: Path) -> tuple[dict[str, list], list[dict]]:
    """Return columns (type and values) and documents as Picasso loads them."""
    done = subprocess.run(
        [str(python), "-c", LOAD, str(path)], capture_output=True, text=True, check=True
    )
    columns, information = json.loads(done.stdout.splitlines()[-1])
    return columns, information


def inside(locs: limelight.Localizations) -> np.ndarray:
    """Return which molecules Picasso does not leave out when it loads a table.

    It asks for x and y of 0 or more (the first pixel reaches from -0.5 to 0.5) within the image.
    """
    height, width = locs.shape
    x, y = locs["x"], locs["y"]
    return (x >= 0) & (y >= 0) & (x < width) & (y < height)


def differences(locs: limelight.Localizations, columns: dict[str, list]) -> int:
    """Return the number of columns that differ in name or in any value."""
    wrong = len(set(locs.columns) ^ set(columns))
    for name in set(locs.columns) & set(columns):
        ours = locs[name][inside(locs)].astype(float)
        wrong += not np.array_equal(ours, np.array(columns[name][1]), equal_nan=True)
    return wrong


def field_types(path: Path) -> dict[str, str]:
    """Return names and types of the table in a file."""
    with h5py.File(path) as file:
        table = file["locs"].dtype
        return {name: table[name].str for name in table.names}


def main() -> None:
    options = arguments(__doc__.split("\n")[0]).parse_args()
    python = peer_python()
    with tempfile.TemporaryDirectory() as folder:
        theirs = write_raw(Path(folder) / "theirs.raw", scene("standard", frames=60))
        ours = write_raw(Path(folder) / "ours.raw", scene("standard", frames=60))
        command = "-m picasso localize theirs.raw -b 7 -g 3000 -d 0 -bl 100 -s 1 -ga 1 -px 100"
        subprocess.run(
            [str(python), *command.split()], cwd=folder, capture_output=True, check=False
        )
        of_picasso = theirs.with_name("theirs_locs.hdf5")
        read = limelight.load_localizations(of_picasso)
        columns, information = picasso_reads(python, of_picasso)
        rows = [
            Row("molecules that Picasso saved", len(read), len(columns["x"][1])),
            Row("columns that we read differently", differences(read, columns), goal="0"),
            Row("documents that we read differently", int(read.provenance != information)),
        ]
        copy = limelight.save_localizations(read, Path(folder) / "copy_locs.hdf5")
        same = field_types(copy) == field_types(of_picasso)
        same_text = (
            copy.with_suffix(".yaml").read_text() == of_picasso.with_suffix(".yaml").read_text()
        )
        rows.append(Row("our copy has its fields and types", "yes" if same else "no", goal="yes"))
        rows.append(Row("our copy has its YAML text", "yes" if same_text else "no", goal="yes"))

        locs = limelight.localize(
            ours,
            detect="net-gradient",
            min_net_gradient=3000,
            baseline=100,
            pixel_size=100,
            save=True,
        )
        columns, information = picasso_reads(python, ours.with_name("ours_locs.hdf5"))
        shared = set(columns) & set(read.columns)
        lacking = sorted(set(read.columns) - shared)
        rows += [
            Row("molecules that we saved", len(locs)),
            Row("those with x >= 0 and y >= 0", int(inside(locs).sum()), len(columns["x"][1])),
            Row("columns that Picasso reads differently", differences(locs, columns), goal="0"),
            Row("documents that it reads", len(information), goal=">= 2"),
            Row("Picasso's columns that ours lack", ", ".join(lacking) or "none", goal="none"),
        ]
        types = field_types(ours.with_name("ours_locs.hdf5"))
        odd = [n for n in shared if types[n] != field_types(of_picasso)[n]]
        rows.append(Row("columns of another type", ", ".join(odd) or "none", goal="none"))
    report("picasso_files", rows, options)


if __name__ == "__main__":
    main()
