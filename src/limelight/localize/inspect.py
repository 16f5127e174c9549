"""One frame under the magnifying glass: what is found, and why the rest is not."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from limelight.core.localizations import Localizations
from limelight.core.movie import resolve_index
from limelight.localize.block import localize_block, read_block
from limelight.localize.record import movie_document
from limelight.localize.settings import LocalizeSettings

if TYPE_CHECKING:
    from limelight.core.camera import Camera
    from limelight.core.movie import Movie
    from limelight.core.parts import Detector, Verdicts

__all__ = ["FrameReport", "inspect_frame"]


@dataclass(frozen=True, eq=False)
class FrameReport:
    """What a localization with given settings does on one frame.

    Parameters
    ----------
    locs : Localizations
        The molecules that are found and fitted.
    verdicts : Verdicts
        Every local maximum with its score and, if it is no candidate, the reason.
    milliseconds : float
        Time that it took.
    """

    locs: Localizations
    verdicts: Verdicts
    milliseconds: float


def inspect_frame(
    movie: Movie,
    index: int,
    settings: LocalizeSettings | None = None,
    camera: Camera | None = None,
) -> FrameReport:
    """Localize one frame and explain the result.

    Parameters
    ----------
    movie : Movie
        The movie.
    index : int
        Which frame, from 0; negative ones count from the end.
    settings : LocalizeSettings, optional
        As for the whole movie; the result is that of the whole movie's run for this frame.
    camera : Camera, optional
        Used instead of what the movie knows of its camera.

    Returns
    -------
    FrameReport
        Molecules, verdicts and the time taken.
    """
    settings = settings or LocalizeSettings()
    camera = camera or movie.camera
    camera.check_shape((movie.shape[1], movie.shape[2]))
    index = resolve_index(index, len(movie))
    begun = time.perf_counter()
    block = read_block(movie, index, index + 1, settings, camera)
    columns = localize_block(block, settings)
    verdicts = cast("Detector", settings.detector).explain(block, settings.box, settings.roi)
    elapsed = (time.perf_counter() - begun) * 1000
    record = [movie_document(movie), {"Pixelsize": camera.pixel_size_nm}]
    return FrameReport(Localizations.from_columns(columns, record), verdicts, elapsed)
