"""Acquire a stack of a simulated microscope, look at every image, and read the data back."""

import numpy as np

from limelight import Acquisition, Dataset, multi_d_acquisition_events, start_headless

# Your own microscope: start_headless("C:/Program Files/Micro-Manager-2.0", "my.cfg")
core = start_headless(config_file="simulated")
core.set_roi(0, 0, 128, 128)
core.set_exposure(10)

sharpness = {}


def look(image, metadata):
    """Keep how sharp every plane is; what is returned is saved."""
    z = metadata["ZPosition_um_Intended"]
    sharpness[z] = float(np.var(image.astype(float)) / image.mean())
    metadata["sharpness"] = sharpness[z]
    return image, metadata


with Acquisition("data", "stack", image_process_fn=look) as acq:
    acq.acquire(multi_d_acquisition_events(z_start=-2, z_end=2, z_step=0.25))

best = max(sharpness, key=sharpness.get)
print(f"sharpest at {best} µm; {acq.status.saved} images in {acq.path}")
assert acq.status.saved == 17

dataset = Dataset(acq.path)
print(dataset.axes, dataset.as_array().shape)
assert dataset.read_image(z=0).shape == (128, 128)
assert "sharpness" in dataset.read_metadata(z=0)
