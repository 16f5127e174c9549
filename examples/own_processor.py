"""A processor of your own: it looks at frames, and ends the acquisition when it gets dark."""

from limelight import Acquisition
from limelight.acquire.scope import simulated_core
from limelight.core.settings import Settings, setting
from limelight.core.stream import Reading, Request


class StopInTheDark(Settings):
    """Watch the brightness, and stop when it falls."""

    alters = False  # it only looks: frames are saved as they are

    least: float = setting(105.0, help="Mean count below which it stops.", unit="counts")

    def process(self, frames, stream):
        """Yield the brightness of each frame."""
        for frame in frames:
            mean = float(frame.pixels.mean())
            yield Reading(frame.index, {"brightness": mean})
            if mean < self.least:
                yield Request(stop=True, reason=f"it is dark at frame {frame.index}")


core = simulated_core()
with Acquisition(
    core=core, format="none", show_display=False, processors=[StopInTheDark(least=110)]
) as acquisition:
    # the laser grows weaker from frame to frame
    acquisition.acquire(
        {"axes": {"time": t}, "properties": [["Laser-647", "Power_mW", 100 - t]]}
        for t in range(100)
    )
status = acquisition.status
print(f"{status.acquired} frames. {acquisition.note()}")
core.unloadAllDevices()
