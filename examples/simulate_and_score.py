"""Simulate a movie whose molecules are known, and see how well they are found."""

import limelight
from limelight.core.compare import score
from limelight.core.simulate import scene

movie = scene("uneven", frames=100)  # frames are made when they are read
truth = movie.truth()

for fit in ("mle", "lq", "phasor"):
    locs = limelight.localize(movie, fit=fit)
    result = score(truth, locs.table, shape=movie.shape[1:], tolerance=1.0)
    error = result.rmse * movie.camera.pixel_size_nm
    print(f"{fit:8} found {result.recall:.1%}, right {result.precision:.1%}, error {error:.1f} nm")
    assert result.jaccard > 0.8
