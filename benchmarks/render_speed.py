"""Drawing a million molecules beside Picasso, and looking around in ten million.

    python benchmarks/render_speed.py [--json FILE] [--molecules 10000000] [--no-peer]

Both programs draw the same million molecules, spread over 256 x 256 camera pixels of 100 nm, as
pictures of 20 nm and 5 nm (5120 x 5120) pixels, turn by turn, so that a slow minute hits both.

The ten million are looked at in a program of their own: from the table in memory to the first
picture, then along a random walk through the field and the zooms on a screen of 1024 x 1024
pixels, plain, filtered and coloured. What is compiled is compiled before. Memory is the most that
was held since before the table was there, divided by the table.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _peer import peer_python
from _report import Row, arguments, report

from limelight.core.localizations import Localizations
from limelight.core.render import Scene, render

if TYPE_CHECKING:
    from collections.abc import Callable

FIELD = 256
CAMERA_NM = 100.0
MODES = {"histogram": "None", "smooth": "smooth", "blur": "convolve", "gaussian": "gaussian"}
VIEWS = 60
SCREEN = (1024, 1024)

# Reads mode and pixel size, draws, and answers with the seconds it took.
PEER = """
import json, sys, time
import numpy as np, pandas as pd
from picasso import render
locs = pd.DataFrame({k: np.load(f"{sys.argv[1]}/{k}.npy") for k in ("x", "y", "lpx", "lpy")})
side = int(sys.argv[2])
info = [{"Height": side, "Width": side, "Pixelsize": float(sys.argv[3])}]
print("ready", flush=True)
for line in sys.stdin:
    mode, pixel = json.loads(line)
    start = time.perf_counter()
    render.render(locs, info, disp_px_size=pixel, blur_method=None if mode == "None" else mode)
    print(time.perf_counter() - start, flush=True)
"""


def columns(count: int) -> dict[str, np.ndarray[Any, Any]]:
    """Return a table as Picasso writes it: eleven columns of four bytes."""
    rng = np.random.default_rng(0)
    single = np.float32
    found: dict[str, np.ndarray[Any, Any]] = {
        "frame": np.sort(rng.integers(0, 20_000, count)).astype(np.uint32)
    }
    for name in ("x", "y"):
        found[name] = (rng.random(count, single) * FIELD - single(0.5)).clip(-0.5, FIELD - 0.51)
    found["photons"] = rng.gamma(2, 1000, count).astype(single)
    for name in ("sx", "sy", "bg"):
        found[name] = rng.normal(1.2, 0.1, count).astype(single)
    for name in ("lpx", "lpy"):
        found[name] = (0.08 * np.exp(0.3 * rng.standard_normal(count, single))).astype(single)
    for name in ("ellipticity", "net_gradient"):
        found[name] = rng.random(count, single)
    return found


def table(found: dict[str, np.ndarray[Any, Any]]) -> Localizations:
    about = {"Height": FIELD, "Width": FIELD, "Frames": 20_000, "Pixelsize": CAMERA_NM}
    return Localizations.from_columns(found, [about])


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def million(folder: Path, peer: bool) -> list[Row]:
    """Draw a million molecules in every mode, in turns with the peer."""
    found = columns(1_000_000)
    locs = table(found)
    process = None
    if peer:
        for name in ("x", "y", "lpx", "lpy"):
            np.save(folder / f"{name}.npy", found[name])
        command = [str(peer_python()), "-c", PEER, str(folder), str(FIELD), str(CAMERA_NM)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        while process.stdout.readline().strip() != "ready":
            if process.poll() is not None:
                raise SystemExit("The peer does not start.")

    def theirs(mode: str, pixel: float) -> float:
        assert process and process.stdin and process.stdout
        process.stdin.write(json.dumps([mode, pixel]) + "\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    rows = []
    for pixel, repeats in ((20.0, 9), (5.0, 5)):
        for mode, other in MODES.items():

            def ours(pixel: float = pixel, mode: str = mode) -> object:
                return render(locs, pixel, mode=mode)

            times: tuple[list[float], list[float]] = ([], [])
            for _ in range(repeats + 1):
                times[0].append(1e3 * seconds(ours))
                if process:
                    times[1].append(1e3 * theirs(other, pixel))
            mine, peers = (statistics.median(t[1:]) if t else None for t in times)
            assert mine is not None
            smooth = pixel == 5 and mode != "histogram"
            rows.append(
                Row(
                    f"render 1 M molecules, {pixel:g} nm pixels, {mode}",
                    mine,
                    peers,
                    "ms",
                    "2 x as fast" if smooth else "no slower",
                    peers / mine if peers else None,
                )
            )
    if process:
        process.kill()
        process.wait()
    return rows


def memory(key: str) -> float:
    """Return what the system says of this program's memory, bytes; 0 where it does not."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    line = next(x for x in status.read_text().splitlines() if x.startswith(key))
    return float(line.split()[1]) * 1024


def walk(rng: np.random.Generator) -> list[tuple[float, float, float, float]]:
    """Return views along a random walk: the whole field first, down to a 64th of its side."""
    zoom, y, x = 0.0, FIELD / 2, FIELD / 2
    views = []
    for _ in range(VIEWS):
        side = FIELD / 2.0**zoom
        y, x = (float(np.clip(v, side / 2, FIELD - side / 2)) for v in (y, x))
        views.append(
            (y - side / 2 - 0.5, x - side / 2 - 0.5, y + side / 2 - 0.5, x + side / 2 - 0.5)
        )
        zoom = float(np.clip(zoom + rng.normal(0, 0.8), 0, 6))
        y, x = (v + rng.normal(0, side / 3) for v in (y, x))
    return views


def look_around(folder: Path) -> None:
    """Look around in a table (in a program of its own), and print what it took as JSON."""
    small = Scene(table(columns(50_000)))
    for mode in MODES:
        small.draw(mode=mode, colour="photons", weight="bg")
        small.draw(mode=mode)
    crowd = Scene(table(columns(300_000)))
    crowd.draw(pixel_size_nm=100)
    crowd.draw(pixel_size_nm=25)
    for name in ("photons", "frame"):
        crowd.filters.set(name, 0, 5000)
    del small, crowd

    before = memory("VmRSS")
    locs = table({p.stem: np.load(p) for p in folder.glob("*.npy")})
    size = float(locs.table.memory_usage(index=False).sum())
    start = time.perf_counter()
    scene = Scene(locs)
    scene.draw()
    figures: dict[str, Any] = {"first picture": time.perf_counter() - start}
    views = walk(np.random.default_rng(1))
    figures["molecules"] = [scene.count(view) for view in views]

    def around(what: str, **options: Any) -> None:
        firsts[what] = seconds(lambda: scene.draw(views[-1], **options))
        figures[what] = [seconds(lambda v=view: scene.draw(v, **options)) for view in views]

    firsts: dict[str, float] = {}
    for mode in MODES:
        around(mode, mode=mode)
    around("gaussian, coloured by frame", colour="frame")
    first_filter = seconds(lambda: scene.filters.set("photons", 500, 1e6))
    # what is made when it is first asked for, and kept: histograms, a column in the scene's order
    figures["first"] = {
        "first histogram": firsts["histogram"],
        "first colour by a column": firsts["gaussian, coloured by frame"],
        "first filter on a column": first_filter,
    }
    figures["change of a filter"] = [
        seconds(lambda low=low: scene.filters.set("photons", low, 8000.0))
        for low in np.linspace(300, 900, 20)
    ]
    around("gaussian, filtered")
    around("histogram, filtered", mode="histogram")
    figures["memory"] = (memory("VmHWM") - before) / size
    exact, quick = (scene.draw(pixel_size_nm=25, exact=e).image for e in (True, False))
    noise = np.sqrt(exact.mean() / np.pi)
    figures["error"] = float(np.sqrt(np.mean((exact - quick) ** 2)) / noise)
    print(json.dumps(figures))


def millions(count: int, folder: Path) -> list[Row]:
    """Return what it takes to look around in so many molecules."""
    for name, values in columns(count).items():
        np.save(folder / f"{name}.npy", values)
    done = subprocess.run(
        [sys.executable, __file__, "--look-around", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    figures = json.loads(done.stdout)
    what = f"{count / 1e6:g} M molecules"
    rows = [Row(f"{what}: first picture", figures["first picture"], None, "s", "< 1.5 s")]
    for name, time_taken in figures["first"].items():
        rows.append(Row(f"{what}: {name}", 1e3 * time_taken, None, "ms"))
    for name, times in figures.items():
        if not isinstance(times, list) or name == "molecules":
            continue
        goal = "" if "coloured" in name else "< 100 ms"
        middle, worst = 1e3 * statistics.median(times), 1e3 * max(times)
        if name.startswith("change"):
            rows.append(Row(f"{what}: {name}, median", middle, None, "ms"))
            continue
        rows.append(Row(f"{what}: redraw, {name}, median", middle, None, "ms", goal))
        rows.append(Row(f"{what}: redraw, {name}, slowest of {VIEWS}", worst, None, "ms", goal))
    rows.append(Row(f"{what}: memory / table", figures["memory"], None, "", "< 3"))
    rows.append(Row(f"{what}: error of the quick picture / shot noise", figures["error"]))
    return rows


def main() -> None:
    parser = arguments(__doc__.split("\n")[0])
    parser.add_argument("--molecules", type=int, default=10_000_000)
    parser.add_argument("--no-peer", action="store_true", help="measure Limelight only")
    parser.add_argument("--look-around", type=Path, help="(used by itself)")
    options = parser.parse_args()
    if options.look_around:
        look_around(options.look_around)
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = million(Path(folder), not options.no_peer)
    with tempfile.TemporaryDirectory() as folder:
        rows += millions(options.molecules, Path(folder))
    report("render_speed", rows, options)


if __name__ == "__main__":
    main()
