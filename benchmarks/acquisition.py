"""How fast acquisitions run, beside a bare loop and beside Pycro-Manager's Python backend.

The camera is Micro-Manager's DemoCamera (16 bit, FastImage, 1 ms), the storage NDTiff in
``--folder``: by default one that lies in memory, where there is one, as the disk of a virtual
machine would decide both programs' rates at 2048 pixels. Both programs run the same script in
turns: events in one call (sequenced), in one call with ``img + 1`` and a callback for every saved
image, and one event per call (snapped). A rate counts from the first call until everything is
saved.

    python benchmarks/acquisition.py [--folder DIR] [--quick]

Pycro-Manager is installed into an environment of its own (``LIMELIGHT_PEER_VENV_PYCROMANAGER``
names one that exists). Ratios hold for a machine that is otherwise idle.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _folder import folder_in_memory
from _peer import peer_python
from _report import Row, arguments, report

FRAMES = {512: 1500, 2048: 110}  # of the large ones as many as the camera's buffer holds
MODES = ("sequenced", "processed", "snapped")
GOALS = {"sequenced": 1.0, "processed": 1.3, "snapped": 1.2}

WORKER = r"""
import json, os, shutil, sys, tempfile, time, warnings
warnings.simplefilter("ignore")
ours, adapters, config, folder = sys.argv[1] == "ours", *sys.argv[2:5]
if ours:
    from limelight import Acquisition, start_headless
    core = start_headless(None, config, buffer_size_mb=1024).core
else:
    from pycromanager import Acquisition, Core, start_headless
    start_headless(adapters, config, python_backend=True, buffer_size_mb=1024)
    core = Core()

def call(name, *arguments):
    if not hasattr(core, name):
        name = "".join("_" + c.lower() if c.isupper() else c for c in name)
    getattr(core, name)(*arguments)

call("setProperty", "Camera", "PixelType", "16bit")
call("setProperty", "Camera", "FastImage", "1")
call("setExposure", 1)
size = None
print("ready", flush=True)
for line in sys.stdin:
    mode, pixels, frames = json.loads(line)
    if pixels != size:
        call("setProperty", "Camera", "OnCameraCCDXSize", str(pixels))
        call("setProperty", "Camera", "OnCameraCCDYSize", str(pixels))
        call("snapImage")
        size = pixels
    target = tempfile.mkdtemp(dir=folder)
    more, saved = {}, []
    if mode == "processed":
        more = {"image_process_fn": lambda image, metadata: (image + 1, metadata),
                "image_saved_fn": lambda axes, dataset: saved.append(axes)}
    if ours:
        more["show_display"] = False
    events = [{"axes": {"time": t}} for t in range(frames)]
    begin = time.perf_counter()
    said = {}
    try:
        with Acquisition(target, "a", **more) as acq:
            if mode == "snapped":
                for event in events:
                    acq.acquire(event)
            else:
                acq.acquire(events)
    except Exception as error:  # a buffer that overflows ends Pycro-Manager's acquisition
        said = {"error": str(error)}
    took = time.perf_counter() - begin
    if ours:
        status = acq.status
        assert status.saved == frames and (mode != "processed" or len(saved) == frames)
        said = {"ms": dict(status.ms_per_frame), "overflows": status.overflows}
    acq = None
    shutil.rmtree(target, ignore_errors=True)
    print(json.dumps([frames / took, said]), flush=True)
"""


class Worker:
    """A process that acquires when it is told to."""

    def __init__(self, python: str | Path, who: str, folder: str) -> None:
        adapters, config = _demo()
        self._process = subprocess.Popen(
            [str(python), "-c", WORKER, who, adapters, config, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LIMELIGHT_DB": "none"},
        )
        self._answer(lambda line: line.strip() == "ready")

    def _answer(self, wanted: Any) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if wanted(line):
                return line
        raise SystemExit("A worker of the benchmark ended before its time.")

    def measure(self, mode: str, pixels: int, frames: int) -> tuple[float, dict[str, Any]]:
        """Return frames per second of one acquisition, and what is known of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([mode, pixels, frames]) + "\n")
        self._process.stdin.flush()
        rate, said = json.loads(self._answer(lambda line: line.startswith("[")))
        return rate, said

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()


def _demo() -> tuple[str, str]:
    from pymmcore_plus import find_micromanager

    found = find_micromanager()
    if found is None:
        raise SystemExit("There are no device adapters: install mm-test-adapters.")
    return found, str(Path(found) / "MMConfig_demo.cfg")


def _peer() -> Path | None:
    os.environ.pop("LIMELIGHT_PEER_PYTHON", None)  # that of another program
    try:
        return peer_python("pycromanager")
    except SystemExit as problem:
        print(f"without Pycro-Manager: {problem}", file=sys.stderr)
        return None


def against_bare_loops(frames: dict[int, int], turns: int) -> list[Row]:
    """Measure what the engine costs: storage off, beside loops that only fetch the images."""
    from limelight.acquire import Acquisition, find_core

    core = find_core()
    core.setProperty("Camera", "PixelType", "16bit")
    core.setProperty("Camera", "FastImage", "1")
    core.setExposure(1)
    core.setCircularBufferMemoryFootprint(512)

    def bare_sequence(count: int) -> float:
        begin, got = time.perf_counter(), 0
        core.startSequenceAcquisition(count, 0, True)
        while got < count:
            if core.getRemainingImageCount():
                image = core.popNextImage()
                got += 1
            else:
                time.sleep(0.0003)
        del image
        return count / (time.perf_counter() - begin)

    def bare_snaps(count: int) -> float:
        begin = time.perf_counter()
        for _ in range(count):
            core.snapImage()
            image = core.getImage()
        del image
        return count / (time.perf_counter() - begin)

    def ours(count: int, sequencing: bool) -> float:
        begin = time.perf_counter()
        with Acquisition(format="none", sequencing=sequencing, show_display=False) as acq:
            acq.acquire([{"axes": {"time": t}} for t in range(count)])
        return count / (time.perf_counter() - begin)

    rows = []
    for pixels, count in frames.items():
        for side in "XY":
            core.setProperty("Camera", f"OnCameraCCD{side}Size", str(pixels))
        core.snapImage()
        for name, bare, sequencing, goal in (
            ("sequenced", bare_sequence, True, ">= 95 %"),
            ("snapped", bare_snaps, False, ">= 90 %"),
        ):
            pairs = [(bare(count), ours(count, sequencing)) for _ in range(turns)]
            ratio = statistics.median(b / a for a, b in pairs)
            rows.append(
                Row(
                    f"{pixels} px {name}, storage off: part of a bare loop's rate",
                    round(100 * ratio, 1),
                    unit="%",
                    goal=goal,
                )
            )
            print(f"{pixels} {name}: {100 * ratio:.1f} % of a bare loop", flush=True)
    return rows


def against_peer(folder: str, frames: dict[int, int], turns: int) -> list[Row]:
    """Measure rates with NDTiff storage, beside Pycro-Manager."""
    python = _peer()
    ours = Worker(sys.executable, "ours", folder)
    peer = Worker(python, "peer", folder) if python is not None else None
    rows = []
    try:
        for worker in filter(None, (ours, peer)):
            for mode in MODES:
                worker.measure(mode, 512, 20)  # what the first time takes is not its rate
        for pixels, count in frames.items():
            for mode in MODES:
                many = count if mode != "snapped" else count // 2
                mine, theirs, said = [], [], {}
                for turn in range(turns + 1):
                    rate, said = ours.measure(mode, pixels, many)
                    if turn:  # the first one takes memory that nobody has used yet
                        mine.append(rate)
                    if peer is None:
                        continue
                    rate, problem = peer.measure(mode, pixels, many)
                    if problem:
                        print(f"Pycro-Manager: {problem['error']}", flush=True)
                    elif turn:
                        theirs.append(rate)
                best = statistics.median(mine)
                other = statistics.median(theirs) if theirs else None
                text = f"{pixels} {mode}: {best:.0f}/s ({best * pixels**2 * 2 / 1e6:.0f} MB/s)"
                if other:
                    text += f", Pycro-Manager {other:.0f}/s, ratio {best / other:.2f}"
                print(f"{text}  {said}", flush=True)
                rows.append(
                    Row(
                        f"{pixels} px {mode}, NDTiff",
                        round(best, 1),
                        peer=round(other, 1) if other else None,
                        unit="frames/s",
                        goal=f">= {GOALS[mode]} x peer",
                    )
                )
    finally:
        ours.close()
        if peer is not None:
            peer.close()
    return rows


def main() -> None:
    parser = arguments(__doc__.split("\n")[0])
    parser.add_argument("--folder", help="where to write")
    parser.add_argument("--quick", action="store_true", help="a tenth of the frames, one turn")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    turns = 1 if options.quick else options.turns
    frames = {p: n // 10 if options.quick else n for p, n in FRAMES.items()}
    folder = tempfile.mkdtemp(dir=options.folder or folder_in_memory(8 << 30))
    try:
        rows = against_peer(folder, frames, turns)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows += against_bare_loops(frames, turns)
    report("acquisition", rows, options, peer="Pycro-Manager")


if __name__ == "__main__":
    main()
