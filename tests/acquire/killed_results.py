"""Acquires with a processor that finds things, until it is killed."""

import sys

import numpy as np
import pandas as pd

from limelight.acquire import Acquisition, start_headless
from limelight.core.localizations import Localizations
from limelight.core.settings import Settings
from limelight.core.stream import Objects, Reading


class Finder(Settings):
    """Find what is known: frame k has k % 3 molecules and one nucleus."""

    alters = False

    def process(self, frames, stream):
        for frame in frames:
            k, n = frame.index, frame.index % 3
            columns = {
                "frame": np.full(n, k),
                "x": np.arange(n) + 0.25,
                "y": np.full(n, k / 4),
                "photons": np.full(n, 100.0 + k),
            }
            yield Localizations.from_columns(columns, [{"Frames": k + 1, "Pixelsize": 108.0}])
            yield Reading(k, {"molecules": n, "mean": k / 8}, frame.axes)
            features = pd.DataFrame({"area": [k + 1.0], "kind": ["round"]}, index=[1])
            yield Objects(k, "Nuclei", np.ones((2, 2), np.int32), features, frame.axes)


start_headless(config_file="demo")
acq = Acquisition(sys.argv[1], "killed", processors=[("find it", Finder())], show_display=False)
events = ({"axes": {"time": t, "channel": "DAPI"}} for t in range(10**9))
acq.acquire(events)
acq.await_completion()
