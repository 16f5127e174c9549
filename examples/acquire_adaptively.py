"""Let the images decide what is acquired next: light is raised until it suffices."""

from limelight import Acquisition, start_headless

core = start_headless(config_file="simulated")
core.set_roi(0, 0, 128, 128)
core.set_property("Laser-647", "Power_mW", 5)
wanted = 130.0  # counts


def judge(image, metadata, event_queue):
    """Queue another image with more light, or say that it is enough."""
    time, power = metadata["Axes"]["time"], float(core.get_property("Laser-647", "Power_mW"))
    print(f"image {time}: {power:5.1f} mW give {image.mean():.1f} counts")
    if image.mean() >= wanted or time == 15:
        event_queue.put(None)
    else:
        more = [["Laser-647", "Power_mW", power * 1.5]]
        event_queue.put({"axes": {"time": time + 1}, "properties": more})
    return image, metadata


acq = Acquisition(image_process_fn=judge)  # not "with": the end is told through the queue
acq.acquire({"axes": {"time": 0}})
acq.await_completion()
print(f"{acq.status.acquired} images were needed")
assert 1 < acq.status.acquired < 16
