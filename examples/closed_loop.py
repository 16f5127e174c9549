"""What is localized steers the microscope: molecules per frame are held, and the focus is kept."""

import numpy as np

from limelight import Acquisition, multi_d_acquisition_events
from limelight.acquire.scope import simulated_core
from limelight.core.readings import Readings
from limelight.core.simulate import Drift
from limelight.core.stream import Reading

# A sample that bleaches, and sinks by 40 nm per second.
core = simulated_core(bleach=0.2, drift=Drift(z_nm_per_s=40.0))
core.setExposure(20)  # ms
core.setROI(128, 128, 256, 256)
core.setPosition(-0.3)  # µm: out of focus

readings = Readings()


def keep(processor, output):
    if isinstance(output, Reading):
        readings.add(output)


with Acquisition(
    core=core,
    format="none",  # nothing is saved here
    show_display=False,
    processors=[
        ("localize", {"fit": "mle"}),
        ("hold-density", {"target": 25}),  # molecules per frame, with the activation laser
        ("hold-focus", {"pause": 20}),  # narrowest spots, with the focus drive
    ],
    on_output=keep,
) as acquisition:
    acquisition.acquire(multi_d_acquisition_events(num_time_points=500))

for name in ("molecules", "sigma (nm)"):
    _, values = readings.curve(name)
    print(f"{name:12} {np.median(values[5:40]):6.1f} at the start, {np.median(values[-150:]):6.1f}")
print("activation laser:", readings.curve("Laser-405 Power_mW")[1].round(2)[-5:], "mW")
print("focus:", readings.curve("focus (µm)")[1].round(2), "µm")
core.unloadAllDevices()
