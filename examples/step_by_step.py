"""Detect, cut and fit with arrays of your own, one step at a time."""

import numpy as np

from limelight.core.detect import cut_spots, detect_net_gradient
from limelight.core.fit import fit_mle
from limelight.core.simulate import scene

frames = scene("standard", frames=20).read(0, 20)  # counts (T, Y, X); any array will do

# Where may molecules be?  Pixels whose net gradient exceeds a threshold.
candidates = detect_net_gradient(frames, threshold=600, box=7)
print(len(candidates), "candidates in", len(frames), "frames")

# The boxes around them, in photoelectrons.
boxes = cut_spots(
    frames, candidates.frame, candidates.y, candidates.x, box=7, baseline=100, sensitivity=1.0
)
print("boxes", boxes.shape, boxes.dtype)

# The fit counts from the centre of each box; the candidate says where the box is.
fitted = fit_mle(boxes, sigma="shared")
good = np.isfinite(fitted["x"])
x = candidates.x[good] + fitted["x"][good]
y = candidates.y[good] + fitted["y"][good]
print(f"{good.sum()} molecules; the first is at x = {x[0]:.2f}, y = {y[0]:.2f} pixels")
print(f"median precision {np.median(fitted['lpx'][good]):.3f} pixels")
