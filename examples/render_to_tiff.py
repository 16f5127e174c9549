"""Draw molecules at 10 nm per pixel, and save the picture with its scale as a TIFF."""

import tifffile

import limelight
from limelight.core.simulate import scene

locs = limelight.localize(scene("demo", frames=200))

# Each molecule becomes a Gaussian as wide as its precision; "histogram" counts instead.
picture = limelight.render(locs, pixel_size_nm=10, mode="gaussian")
print(picture.image.shape, "pixels of", picture.scale_um[0], "µm")

tifffile.imwrite(
    "super_resolution.tif",
    picture.image,
    imagej=True,
    resolution=(1 / picture.scale_um[1], 1 / picture.scale_um[0]),
    metadata={"unit": "um", "axes": "YX"},
)
