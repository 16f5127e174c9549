"""One run of a localization as the dock needs it: the job, what it found, the picture so far."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from limelight.core.errors import LimelightError
from limelight.core.job import Progress, run
from limelight.core.localizations import Localizations
from limelight.core.locs.live_quality import LiveQuality
from limelight.core.render import Canvas, Picture, render
from limelight.localize import localize_job
from limelight.localize.saving import save_job

if TYPE_CHECKING:
    from pathlib import Path

    from limelight.core.camera import Camera
    from limelight.core.job import Job
    from limelight.core.movie import Movie
    from limelight.core.report import RunRecord
    from limelight.localize import LocalizeSettings

__all__ = ["Delivery", "LocalizeRun", "picture_of", "picture_pixel_nm"]

_REDRAW_S = 0.5
_LIVE_SIDE = 2048
_FINAL_SIDE = 6144
_FINEST_NM = 20.0  # napari shows a picture as it is: finer dots would vanish between screen pixels
_MIN_BLUR_NM = 10.0


def picture_pixel_nm(shape: tuple[int, int], pixel_size_nm: float, side: int) -> float:
    """Return a pixel size for a picture: 20 nm, or coarser where the field is large.

    Parameters
    ----------
    shape : tuple of int (Y, X)
        The camera's field in pixels.
    pixel_size_nm : float
        Of the camera.
    side : int
        Largest side of the picture, pixels.
    """
    return max(_FINEST_NM, max(shape) * pixel_size_nm / side)


def picture_of(locs: Localizations) -> Picture:
    """Return the picture of a whole table, as docks show it."""
    pixel = picture_pixel_nm(locs.shape, locs.pixel_size_nm, _FINAL_SIDE)
    return render(locs, pixel, min_blur_nm=_MIN_BLUR_NM)


@dataclass(frozen=True, eq=False)
class Delivery:
    """What a finished run hands over.

    Parameters
    ----------
    locs : Localizations
        All molecules.
    picture : Picture
        Their image.
    path : path, optional
        Where they were saved, if they were.
    problem : LimelightError, optional
        Why they were not.
    record : RunRecord, optional
        What was reported of them; `limelight.localize.saving.with_quality` adds to it.
    """

    locs: Localizations
    picture: Picture
    path: Path | None = None
    problem: LimelightError | None = None
    record: RunRecord | None = None


class LocalizeRun:
    """Localizes a movie, draws while it runs, and saves at the end.

    Parameters
    ----------
    movie : Movie
        What.
    settings : LocalizeSettings
        How.
    camera : Camera
        With which camera.
    save_to : path, optional
        The .hdf5 to write; nothing is written without it.
    """

    def __init__(
        self, movie: Movie, settings: LocalizeSettings, camera: Camera, save_to: Path | None = None
    ) -> None:
        self.movie, self.settings, self.camera, self.save_to = movie, settings, camera, save_to
        self.molecules = 0
        self.quality = LiveQuality(camera.pixel_size_nm)
        self._lock = threading.Lock()
        self._parts: list[Localizations] = []
        self._drawn = 0
        self._field = movie.shape[1:]
        self._canvas = Canvas(
            self._field, camera.pixel_size_nm, self._pixel(_LIVE_SIDE), mode="histogram"
        )
        self._fresh: Picture | None = None

    def _pixel(self, side: int) -> float:
        return picture_pixel_nm(self._field, self.camera.pixel_size_nm, side)

    def job(self) -> Job[Delivery]:
        """Run; yields progress without the parts, returns the `Delivery`."""
        inner = localize_job(self.movie, self.settings, camera=self.camera)
        begun = newest = time.monotonic()
        total = 1
        try:
            while True:
                step = next(inner)
                total = step.total
                self._take(step.partial)
                if time.monotonic() - newest > _REDRAW_S:
                    self._draw()
                    newest = time.monotonic()
                yield Progress(step.done, step.total, f"{self.molecules:,} molecules")
        except StopIteration as stop:
            locs: Localizations = stop.value
        finally:
            inner.close()
        took = time.monotonic() - begun
        yield Progress(total, total, f"{len(locs):,} molecules · drawing and saving")
        record, problem = self._save(locs, took)
        path = None if record is None else self.save_to
        return Delivery(locs, self.draw(locs), path, problem, record)

    def draw(self, locs: Localizations) -> Picture:
        """Return the picture of a table of this movie."""
        return picture_of(locs)

    def _save(
        self, locs: Localizations, took: float
    ) -> tuple[RunRecord | None, LimelightError | None]:
        if self.save_to is None:
            return None, None
        saving = save_job(
            *(locs, self.save_to, self.movie, self.settings, self.camera),
            duration_s=took,
            quality=False,
        )
        try:
            return run(saving), None
        except LimelightError as error:
            return None, error

    def _take(self, part: Localizations | None) -> None:
        if part is None:
            return
        with self._lock:
            self._parts.append(part)
        self.molecules += len(part)
        self.quality.add(part)

    def _draw(self) -> None:
        with self._lock:
            new = self._parts[self._drawn :]
            self._drawn = len(self._parts)
        for part in new:
            self._canvas.add(part)
        picture = self._canvas.picture
        self._fresh = Picture(picture.image.copy(), picture.scale_um, picture.translate_um)

    def take_picture(self) -> Picture | None:
        """Return the picture so far, if it was redrawn since it was last taken."""
        fresh, self._fresh = self._fresh, None
        return fresh

    def found(self) -> Localizations | None:
        """Return what was found so far; None where nothing was."""
        with self._lock:
            parts = list(self._parts)
        parts = [p for p in parts if len(p)]
        if not parts:
            return None
        table = pd.concat([p.table for p in parts], ignore_index=True)
        last = int(table["frame"].max())
        step = {"Generated by": "Limelight: cancelled", "Last frame": last}
        return Localizations(table, [*parts[0].provenance, step])
