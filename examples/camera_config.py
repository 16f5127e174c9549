"""Let a camera configuration say what a count is worth."""

from pathlib import Path

import limelight
from limelight.core.simulate import scene
from limelight.io import write_tiff

Path("cameras.yaml").write_text(
    """
Cameras:
  Lab camera:
    Baseline: 100
    Pixelsize: 110
    Sensitivity Categories:
      - Readout
    Sensitivity:
      fast: 2.0
      slow: 0.5
  simulated:
    Baseline: 100
    Pixelsize: 100
    Sensitivity: 1.0
"""
)

config = limelight.load_camera_config("cameras.yaml")
print("Cameras:", *config.cameras)

# The file names its camera, "simulated", so that entry is taken.
write_tiff("movie.ome.tif", scene("standard", frames=20))
locs = limelight.localize("movie.ome.tif", camera="cameras.yaml")
print("pixel size", locs.pixel_size_nm, "nm; median photons", float(locs.table["photons"].median()))
assert locs.pixel_size_nm == 100
