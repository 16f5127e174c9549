"""After localizing: measure and correct the drift, join blinks, see how good the table is."""

import numpy as np

import limelight
from limelight.core.simulate import scene

movie = scene("demo", frames=600)
locs = limelight.localize(movie, fit="mle")

drift = limelight.measure_drift(locs, "aim", segment_frames=100)
still = limelight.undrift(locs, drift=drift)
moved = np.hypot(still["x"] - locs["x"], still["y"] - locs["y"]).max() * locs.pixel_size_nm
print(f"the sample moved by up to {moved:.0f} nm; {len(still)} molecules are put back")

linked = limelight.link(still, max_distance=0.5, dark_frames=3)
print(f"{len(linked)} molecules after joining what is one molecule in successive frames")

precision = limelight.nena(still)
print(f"precision from repeated molecules: {precision.sigma_nm:.1f} nm")
