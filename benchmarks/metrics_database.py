"""How long the history of 100,000 runs takes to open, to filter and to add to.

Filtering is measured as a person does it, who types into the filter of an open history (in memory,
`Rows.where`), and as a script does it, which asks the database (SQL).  Adding is what a capability
pays that reports a run, and what the database takes to have it on the disk.

    python benchmarks/metrics_database.py
    python benchmarks/metrics_database.py --peer PYTHON

With ``--peer`` Picasso Server's way to open (its ``files`` table through pandas) and to add (its
``to_sql``) are measured on as many rows, with Picasso's Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from _report import Row, arguments, report, seconds

RUNS = 100_000
PEER = """
import json, sys, time
import numpy as np, pandas as pd
from datetime import datetime, timedelta
from sqlalchemy import create_engine

path, count = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(1)
columns = ["frame", "x", "y", "photons", "sx", "sy", "bg", "lpx", "lpy", "net_gradient"]
table = {f"{c}_{s}": rng.random(count) for c in columns for s in ("mean", "std")}
table |= {c: rng.random(count) for c in ("frames", "height", "width", "box size", "pixelsize",
    "len_mean", "n_locs", "locs_frame", "drift_x", "drift_y", "nena_px", "nena_nm")}
names = [f"/data/day{k // 100}/cell_{k}_locs.hdf5" for k in range(count)]
table |= {"filename": names, "filename_hdf": names}
begin = datetime(2020, 1, 1)
table |= {c: [begin + timedelta(minutes=20 * k) for k in range(count)]
    for c in ("file_created", "entry_created")}
url = "sqlite:///" + path
pd.DataFrame(table).to_sql("files", con=create_engine(url), if_exists="append", index=False)

def opened():
    return pd.read_sql_table("files", con=create_engine(url)).sort_values("file_created")

times = []
for _ in range(4):
    start = time.perf_counter()
    found = opened()
    times.append(time.perf_counter() - start)
begin = time.perf_counter()
for _ in range(5):
    found[found["filename"].str.contains("cell_77")]
filtered = (time.perf_counter() - begin) / 5
row = found.iloc[0]
begin = time.perf_counter()
for _ in range(10):
    row.to_frame().T.to_sql("files", con=create_engine(url), if_exists="append", index=False)
print(json.dumps([sorted(times)[1], filtered, (time.perf_counter() - begin) / 10]))
"""


def fill(database: object, count: int) -> None:
    """Add so many runs, as a lab makes them."""
    from datetime import UTC, datetime, timedelta

    from limelight.core.report import RunRecord
    from limelight.metrics.schema import FIGURES

    rng = np.random.default_rng(1)
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    figures = rng.random((count, len(FIGURES)))
    settings = {f"setting_{k}": k for k in range(25)}
    records = [
        RunRecord(
            kind="localization",
            file=f"/data/day{k // 100}/cell_{k}_locs.hdf5",
            source=f"/data/day{k // 100}/cell_{k}.ome.tif",
            group=f"group {k % 40}",
            tags=("live",) if k % 3 else ("fixed", "paint"),
            started=begin + timedelta(minutes=20 * k),
            duration_s=30.0,
            settings=settings,
            camera={"name": f"camera {k % 4}"},
            figures=dict(zip(FIGURES, figures[k].tolist(), strict=True)),
            software="Limelight",
        )
        for k in range(count)
    ]
    for k in range(0, count, 5000):
        database.add_many(records[k : k + 5000])


def main() -> None:
    parser = arguments("The history of 100,000 runs: opening, filtering, adding.")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--peer", help="Python of an environment with picassosr")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="limelight-metrics-"))
    os.environ["XDG_DATA_HOME"] = str(folder)
    os.environ["LIMELIGHT_DB"] = str(folder / "metrics.sqlite")

    from limelight.core.report import RunRecord, flush
    from limelight.core.report import report as tell
    from limelight.metrics import Database, Filter

    database = Database()
    fill(database, options.runs)

    def opened() -> object:
        fresh = Database()
        rows = fresh.query()
        fresh.close()
        return rows

    rows = opened()
    wanted = {
        "file name": Filter(text="cell_77"),
        "group": Filter(groups=("group 7",)),
        "date": Filter(since=rows_time(rows, 0.3), until=rows_time(rows, 0.6)),
    }
    peer: list[float | None] = [None, None, None]
    if python := options.peer or os.environ.get("LIMELIGHT_PEER_PYTHON"):
        command = [python, "-c", PEER, str(folder / "peer.db"), str(options.runs)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peer = json.loads(done.stdout.splitlines()[-1])

    def against(ours: float, theirs: float | None) -> dict[str, float | None]:
        return {"peer": theirs and theirs * 1000, "ratio": theirs and theirs / ours}

    spent = seconds(opened, 3)
    what = f"open the history of {options.runs:,} runs"
    found = [Row(what, spent * 1000, unit="ms", goal="< 1000", **against(spent, peer[0]))]
    for name, one in wanted.items():
        spent = seconds(lambda f=one: rows.where(f))
        theirs = against(spent, peer[1]) if name == "file name" else {}
        what = f"filter by {name}, as typed"
        found.append(Row(what, spent * 1000, unit="ms", goal="< 100", **theirs))
        spent = seconds(lambda f=one: database.query(f, limit=200))
        found.append(Row(f"filter by {name}, in SQL, 200 rows", spent * 1000, unit="ms"))

    def record(k: int) -> RunRecord:
        picture = np.zeros((320, 320, 3), np.uint8)
        return RunRecord(kind="localization", file=f"/data/new_{k}.hdf5", preview=picture)

    records = [record(k) for k in range(50)]
    costs = []
    for one in records:
        start = time.perf_counter()
        tell(one)
        costs.append(time.perf_counter() - start)
    flush(60)
    found.append(
        Row("report a run: cost to the caller, most", max(costs) * 1000, unit="ms", goal="< 5")
    )
    records = [record(k) for k in range(50, 60)]
    start = time.perf_counter()
    for one in records:
        database.add(one)
    spent = (time.perf_counter() - start) / len(records)
    what = "add a run, on the disk"
    found.append(Row(what, spent * 1000, unit="ms", **against(spent, peer[2])))
    report("metrics_database", found, options)


def rows_time(rows: object, part: float) -> object:
    """Return the time below which so large a part of the runs started."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(float(np.quantile(rows["started"], part)), UTC)


if __name__ == "__main__":
    main()
