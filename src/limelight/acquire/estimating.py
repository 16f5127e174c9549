"""Estimate: how many images, bytes and seconds an acquisition will take, before it is started."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limelight.acquire.core_access import find_core
from limelight.acquire.events import Event, as_event_dicts

__all__ = ["Estimate", "estimate"]

_STEP_S = 0.02
"""What moving a stage or changing a filter takes, where nothing is known: seconds."""


@dataclass(frozen=True)
class Estimate:
    """What an acquisition will take.

    Parameters
    ----------
    images : int
        Number of images.
    size : int
        Bytes on the disk, without metadata.
    seconds : float
        Duration; a lower bound where devices are slow.
    free : int, optional
        Bytes that are free on the disk.
    """

    images: int
    size: int
    seconds: float
    free: int | None = None

    @property
    def fits(self) -> bool:
        """Whether there is room on the disk."""
        return self.free is None or self.size < self.free


def estimate(events: Any, core: Any = None, directory: str | Path | None = None) -> Estimate:
    """Tell what events will take.

    Parameters
    ----------
    events : object
        As `limelight.Acquisition.acquire` takes them, but for generators.
    core : CMMCorePlus, optional
        The microscope.
    directory : path, optional
        Where images will be saved; the free room is looked up there.

    Raises
    ------
    ParameterError
        If an event is of no use.
    """
    core = find_core(core)
    channels = max(core.getNumberOfCameraChannels(), 1)
    width, height = core.getImageWidth(), core.getImageHeight()
    parts = core.getNumberOfComponents()
    depth = core.getBytesPerPixel()
    if parts > 1:
        depth = depth * 3 // 4  # three colours are kept of the four that come
    images = size = 0
    seconds = timer = 0.0
    exposure = core.getExposure() / 1e3
    place: tuple[Any, ...] | None = None
    for one in as_event_dicts(events):
        event = Event.parse(one)
        if event.reset_timer:
            timer = seconds
        if event.min_start_time is not None:
            seconds = max(seconds, timer + event.min_start_time)
        now = (event.x, event.y, event.z, event.config, event.properties)
        if place is not None and now != place:
            seconds += _STEP_S
        place = now
        if not event.takes_image:
            continue
        if event.exposure is not None:
            exposure = event.exposure / 1e3
        if event.roi is not None:
            width, height = event.roi[2:]
        seconds += exposure
        images += channels
        size += channels * width * height * depth
    return Estimate(images, size, seconds, _free(directory))


def _free(directory: str | Path | None) -> int | None:
    if directory is None:
        return None
    folder = Path(directory).expanduser().absolute()
    for existing in (folder, *folder.parents):
        if existing.is_dir():
            return shutil.disk_usage(existing).free
    return None
