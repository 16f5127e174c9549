"""Tools of the table on a million molecules: Limelight beside Picasso, in turns, in one run.

    python benchmarks/locs_tools.py [--json FILE] [--molecules 1000000] [--repeats 5] [--no-peer]

The molecules sit on filaments, shine for three frames on average, return, and drift with the
sample; positions, precision and drift are known.  Both programs get the same table.  Each figure
is the median of as many calls, Limelight's and Picasso's in turns, so that whatever else the
machine does falls on both.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _peer import peer_python
from _report import Row, arguments, report
from scipy.ndimage import gaussian_filter1d

from limelight.core.localizations import Localizations
from limelight.core.locs import (
    aim,
    apply_drift,
    dbscan,
    frc,
    link,
    link_groups,
    nena,
    quality,
    rcc,
)
from limelight.core.simulate import random_walk_drift

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FRAMES, SIZE, PIXEL_NM = 20_000, 256, 100.0
PRECISION = 0.1  # px
LINK = (0.4, 3)  # px, dark frames
RADIUS, SAMPLES = 0.1, 8  # DBSCAN
VIEW = (100.0, 100.0, 140.0, 140.0)  # y0, x0, y1, x1 for the FRC that Picasso can do

PEER = """
import contextlib, io, json, sys, time, warnings
import numpy as np, pandas as pd
warnings.simplefilter("ignore")
from picasso import aim, clusterer, lib, postprocess
folder, frames, size, pixel = sys.argv[1], *map(float, sys.argv[2:])
with np.load(folder + "/locs.npz") as file:
    locs = pd.DataFrame({k: file[k] for k in file.files})
info = [{"Frames": int(frames), "Height": int(size), "Width": int(size), "Pixelsize": pixel}]
quiet = lambda *_: None

def nena():
    return {"sigma": float(postprocess.nena(locs.copy(), info)[1])}

def rcc(segment):
    drift, _ = postprocess.undrift(locs, info, segment, False, quiet, quiet)
    return {"drift": drift[["x", "y"]].to_numpy()}

def run_aim(segment):
    _, _, drift = aim.aim(locs, info, segment)
    return {"drift": drift[["x", "y"]].to_numpy()}

def link(distance, dark):
    table = postprocess.link(locs, info, distance, dark, remove_ambiguous_lengths=False)
    return {"table": table}

def links(distance, dark):
    # the order in which it sees molecules of one frame, and whom it links
    order = locs.assign(row=np.arange(len(locs))).sort_values(kind="quicksort", by="frame")
    group = postprocess._get_link_groups(
        order.frame.to_numpy(), order.x.to_numpy(), order.y.to_numpy(), distance, dark,
        np.zeros(len(order), np.int32))
    return {"order": order.row.to_numpy(), "group": group}

def dbscan(radius, samples):
    table = locs.assign(row=np.arange(len(locs)))
    found, _ = clusterer.dbscan(table, radius, samples, 0)
    label = np.full(len(locs), -1)
    label[found.row] = found.group
    return {"label": label}

def frc(y0, x0, y1, x1):
    return {"nm": postprocess.frc(locs.copy(), info, ((y0, x0), (y1, x1)))["resolution"]}

tools = {"nena": nena, "rcc": rcc, "aim": run_aim, "link": link, "links": links,
         "dbscan": dbscan, "frc": frc}
print("ready", flush=True)
for line in sys.stdin:
    name, values, keep = json.loads(line)
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        result = tools[name](*values)
    reply = {"seconds": time.perf_counter() - start}
    for key, value in result.items():
        if isinstance(value, np.ndarray) and keep:
            np.save(f"{folder}/{key}.npy", value)
        elif isinstance(value, pd.DataFrame) and keep:
            np.savez(f"{folder}/{key}.npz", **{c: value[c].to_numpy() for c in value})
        elif not isinstance(value, (np.ndarray, pd.DataFrame)):
            reply[key] = value
    print(json.dumps(reply), flush=True)
"""


class Peer:
    """Picasso in its own process, one call at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        script = folder / "peer.py"
        script.write_text(PEER, encoding="utf-8")
        self._process = subprocess.Popen(
            [
                str(peer_python("picassosr")),
                str(script),
                str(folder),
                *map(str, (FRAMES, SIZE, PIXEL_NM)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "MPLBACKEND": "agg"},
        )
        self._line("ready")

    def _line(self, start: str) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(start):
                return line
        raise SystemExit("Picasso's process ended before it answered.")

    def __call__(self, name: str, *values: float, keep: bool = False) -> dict[str, Any]:
        """Run a tool; return its seconds and its figures, and keep its arrays in files."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, values, keep]) + "\n")
        self._process.stdin.flush()
        reply: dict[str, Any] = json.loads(self._line("{"))
        return reply

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def molecules(count: int, seed: int = 7) -> tuple[Localizations, NDArray[np.float64]]:
    """Return the table, and the drift of each frame (x, y), px."""
    rng = np.random.default_rng(seed)
    drift = gaussian_filter1d(random_walk_drift(FRAMES, 0.02, rng), 300, axis=0)
    sites, filaments, bright = 20_000, 400, 3.0
    start = rng.uniform(8, SIZE - 8, (filaments, 2))
    angle = rng.uniform(0, 2 * np.pi, filaments)
    along, which = rng.uniform(0, 80, sites), rng.integers(0, filaments, sites)
    bend = angle[which] + 0.01 * along
    place = start[which] + along[:, None] * np.column_stack([np.cos(bend), np.sin(bend)])
    place += rng.normal(0, 0.1, place.shape)
    place = place[((place > 6) & (place < SIZE - 7)).all(axis=1)]
    events = int(count / bright)
    site, first = rng.integers(0, len(place), events), rng.integers(0, FRAMES, events)
    length = rng.geometric(1 / bright, events)
    event = np.repeat(np.arange(events), length)
    frame = first[event] + np.arange(len(event)) - np.repeat(np.cumsum(length) - length, length)
    event, frame = event[frame < FRAMES], frame[frame < FRAMES]
    n = len(frame)
    xy = place[site[event]] + rng.normal(0, PRECISION, (n, 2)) + drift[frame]
    order = np.argsort(frame, kind="stable")
    columns = {
        "frame": frame,
        "x": xy[:, 0],
        "y": xy[:, 1],
        "photons": rng.lognormal(7, 0.4, n),
        "sx": rng.normal(1.2, 0.05, n),
        "sy": rng.normal(1.2, 0.05, n),
        "bg": rng.normal(20, 2, n),
        "lpx": PRECISION * rng.uniform(0.95, 1.05, n),
        "lpy": PRECISION * rng.uniform(0.95, 1.05, n),
        "ellipticity": rng.uniform(0, 0.1, n),
        "net_gradient": rng.uniform(2000, 8000, n),
    }
    info = {"Frames": FRAMES, "Height": SIZE, "Width": SIZE, "Pixelsize": PIXEL_NM}
    return Localizations.from_columns({k: v[order] for k, v in columns.items()}, [info]), drift


def in_turns(
    ours: Callable[[], Any], theirs: Callable[[], float] | None, repeats: int
) -> tuple[float, float | None, Any]:
    """Return the median seconds of both, and our last result; the first call does not count."""
    mine, other = [], []
    result = ours()
    if theirs:
        theirs()
    for _ in range(repeats):
        start = time.perf_counter()
        result = ours()
        mine.append(time.perf_counter() - start)
        if theirs:
            other.append(theirs())
    return statistics.median(mine), statistics.median(other) if other else None, result


def error(curve: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Return the root mean square error along an axis, px; where 0 is does not matter."""
    difference = curve - truth
    return float(np.sqrt(np.mean((difference - difference.mean(axis=0)) ** 2)))


def same_clusters(ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> float:
    """Return the part of molecules in the same cluster, whatever its number."""
    both = (ours >= 0) & (theirs >= 0)
    pairs = np.unique(np.column_stack([ours[both], theirs[both]]), axis=0, return_counts=True)
    partner: dict[int, tuple[int, int]] = {}
    for (a, b), count in zip(*pairs, strict=True):
        if count > partner.get(int(a), (0, 0))[1]:
            partner[int(a)] = int(b), int(count)
    agree = sum(count for _, count in partner.values()) + int(((ours < 0) & (theirs < 0)).sum())
    return agree / len(ours)


def speed(what: str, ours: float, theirs: float | None, goal: str) -> Row:
    return Row(what, ours, theirs, "s", goal, ratio=theirs / ours if theirs else None)


def main() -> None:
    parser = arguments("Tools of the table on a million molecules.")
    parser.add_argument("--molecules", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-peer", action="store_true", help="measure Limelight alone")
    options = parser.parse_args()
    locs, drift = molecules(options.molecules)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "locs.npz", **{c: locs[c] for c in locs.columns})
        peer = None if options.no_peer else Peer(folder)
        try:
            measure(locs, drift, peer, options.repeats, rows)
        finally:
            if peer:
                peer.close()
    report("locs_tools", rows, options)


def measure(
    locs: Localizations,
    drift: NDArray[np.float64],
    peer: Peer | None,
    repeats: int,
    rows: list[Row],
) -> None:
    def theirs(tool: str, *values: float) -> Callable[[], float] | None:
        return None if peer is None else lambda: float(peer(tool, *values)["seconds"])

    ours, other, found = in_turns(lambda: nena(locs), theirs("nena"), repeats)
    rows.append(speed("NeNA", ours, other, "5 times Picasso"))
    sigma = f"{peer('nena')['sigma']:.5f}" if peer else None
    rows.append(Row("NeNA, sigma found", f"{found.sigma_px:.5f}", sigma, "px", f"{PRECISION} px"))

    for segment in (1000, 500):
        ours, other, curve = in_turns(
            lambda segment=segment: rcc(locs, segment), theirs("rcc", segment), repeats
        )
        rows.append(speed(f"RCC, segments of {segment} frames", ours, other, "3 times Picasso"))
        rows.append(drift_row(f"RCC {segment}", curve, drift, peer, "rcc", segment))
    ours, other, curve = in_turns(lambda: aim(locs, 100), theirs("aim", 100), repeats)
    rows.append(speed("AIM, segments of 100 frames", ours, other, ""))
    rows.append(drift_row("AIM 100", curve, drift, peer, "aim", 100))

    ours, other, linked = in_turns(
        lambda: link(locs, *LINK, remove_cut=False), theirs("link", *LINK), repeats
    )
    rows.append(speed("linking", ours, other, "3 times Picasso"))
    if peer:
        peer("links", *LINK, keep=True)
        order, group = np.load(peer.folder / "order.npy"), np.load(peer.folder / "group.npy")
        frame, x, y = (locs[c][order] for c in ("frame", "x", "y"))
        event = link_groups(frame.astype(np.int64), x, y, *LINK)
        rows.append(
            Row("linking, molecules linked otherwise", int((event != group).sum()), goal="0")
        )
        same = Localizations(locs.table.iloc[order].reset_index(drop=True), locs.provenance)
        linked = link(same, *LINK, remove_cut=False)
        peer("link", *LINK, keep=True)
        with np.load(peer.folder / "table.npz") as file:
            worst = max(
                float(np.max(np.abs(linked[c] - file[c]) / np.maximum(np.abs(file[c]), 1e-3)))
                for c in file.files
            )
        rows.append(Row("linking, largest relative difference of a value", worst, goal="< 0.001"))

    ours, other, clusters = in_turns(
        lambda: dbscan(locs, RADIUS, SAMPLES), theirs("dbscan", RADIUS, SAMPLES), min(repeats, 3)
    )
    rows.append(speed("DBSCAN", ours, other, "2 times Picasso"))
    if peer:
        peer("dbscan", RADIUS, SAMPLES, keep=True)
        label = np.load(peer.folder / "label.npy")
        rowed = locs.table.assign(row=np.arange(len(locs)))
        clusters = dbscan(Localizations(rowed, locs.provenance), RADIUS, SAMPLES)
        own = np.full(len(locs), -1)
        own[clusters["row"]] = clusters["group"]
        share = same_clusters(own, label)
        rows.append(Row("DBSCAN, molecules in the same cluster", share, goal=">= 0.9999"))

    straight = apply_drift(locs, curve)
    ours, _, found = in_turns(lambda: frc(straight), None, min(repeats, 3))
    rows.append(Row("FRC, the whole field", ours, unit="s", goal="< 5"))
    view = in_turns(lambda: frc(locs, viewport=VIEW, split="molecules"), None, min(repeats, 3))
    reply = peer("frc", *VIEW) if peer else {}
    rows.append(speed("FRC, a view of 40 x 40 px", view[0], reply.get("seconds"), ""))
    nm = f"{reply['nm']:.1f}" if reply else None
    mine = f"{view[2].resolution_nm:.1f}"
    rows.append(Row("FRC of that view, halved by molecules", mine, nm, "nm", "within 5 %"))
    ours, _, _ = in_turns(lambda: quality(locs), None, min(repeats, 3))
    rows.append(Row("all figures of quality", ours, unit="s"))


def drift_row(
    what: str,
    curve: Any,
    truth: NDArray[np.float64],
    peer: Peer | None,
    tool: str,
    segment: int,
) -> Row:
    """Compare the errors of both curves."""
    own = error(np.column_stack([curve.dx, curve.dy]), truth)
    other = None
    if peer:
        peer(tool, segment, keep=True)
        other = error(np.load(peer.folder / "drift.npy").astype(float), truth)
    ratio = other / own if other else None
    return Row(f"{what}, error against the truth", own, other, "px rms", "no worse", ratio)


if __name__ == "__main__":
    main()
