"""A long acquisition: memory stays, threads and file handles come back."""

from __future__ import annotations

import gc
import os
import threading
import time

import pytest

from limelight.acquire import Acquisition
from limelight.acquire.scope import load_simulated

SECONDS = float(os.environ.get("LIMELIGHT_SOAK_S", "600"))


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_memory_stays_flat(demo, tmp_path):
    load_simulated(demo)
    demo.setExposure(5)
    demo.setROI(0, 0, 128, 128)

    def acquire(seconds, watch):
        acq = Acquisition(
            tmp_path,
            "soak",
            core=demo,
            processors=["statistics", ("save-every", {"nth": 10})],
            buffer_mb=16,
            show_display=False,
        )
        end = time.monotonic() + seconds

        def events():
            t = 0
            while time.monotonic() < end:
                yield [{"axes": {"time": t + i}} for i in range(500)]
                t += 500

        acq.acquire(events())
        acq.mark_finished()
        sizes = []
        while not acq.await_completion(0.5):
            assert acq.status.phase in ("waiting", "running", "finishing", "finished")
            sizes.append(resident())
        assert acq.finish_reason == "completed" and not acq.failures
        assert acq.status.saved == acq.status.acquired / 10
        if watch:
            third = len(sizes) // 3
            early, late = max(sizes[third : 2 * third]), max(sizes[2 * third :])
            # What may grow: readings and the index of saved images, some 100 bytes per frame.
            allowed = 10 + acq.status.acquired * 6e-4
            assert late < early + allowed, f"{early:.0f} MB, then {late:.0f} MB"
        return acq.status.acquired

    acquire(3, watch=False)
    gc.collect()
    threads, handles = threading.active_count(), len(os.listdir("/proc/self/fd"))
    count = acquire(SECONDS, watch=True)
    gc.collect()
    assert threading.active_count() <= threads
    assert len(os.listdir("/proc/self/fd")) <= handles
    assert count > SECONDS * 20
