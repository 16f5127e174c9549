"""Writes a data set until it is killed; tells of every image after it was written."""

import itertools
import sys

import numpy as np

from limelight.acquire.storage import create
from limelight.core.frame import Frame
from limelight.core.stream import Stream

folder, format_, height, width, announced = sys.argv[1:]
shape = int(height), int(width)
sizes = {"time": 100_000, "channel": 2} if announced == "announced" else {}
stream = Stream(shape, np.dtype(np.uint16), sizes=sizes)
writer = create(folder, "killed", format_, stream=stream, summary={"PixelSize_um": 0.1})
pixels = np.empty(shape, np.uint16)
for k in itertools.count():
    pixels[...] = k % 60_000
    pixels[0, 0] = 1
    axes = {"time": k // 2, "channel": "AB"[k % 2]}
    writer.write(Frame(pixels, k, axes, {"number": k, "Axes": axes}))
    sys.stdout.buffer.write(k.to_bytes(4, "little"))
    sys.stdout.buffer.flush()
