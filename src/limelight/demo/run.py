"""The demonstration itself: movie in, picture, table, summary page and window out."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.camera import Camera
from limelight.core.errors import FileError, LimelightError
from limelight.core.job import run

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from limelight.core.compare import Score
    from limelight.core.job import Progress
    from limelight.core.localizations import Localizations
    from limelight.core.movie import Movie
    from limelight.localize import LocalizeSettings

__all__ = ["demo"]

_FRAMES = 2000
_MIN_PHOTONS = 200.0
"""Molecules that were on for a blink of a frame only are not asked for in the score."""


def demo(
    movie: Path | None = None,
    output: Path | None = None,
    window: bool | None = None,
    *,
    frames: int = _FRAMES,
    camera: Camera | None = None,
    settings: LocalizeSettings | None = None,
) -> int:
    """Localize a movie, or what a simulated microscope sees, and show what came of it.

    Parameters
    ----------
    movie : path, optional
        The movie; without one, a simulated microscope is acquired into `output` and localized
        while it runs.
    output : path, optional
        Folder for everything that is made; ``limelight-demo`` in the current folder by default.
    window : bool, optional
        Whether to open napari; by default, where there is a screen.
    frames : int
        How many frames are acquired.
    camera : Camera, optional
        Used instead of what the file says of its camera.
    settings : LocalizeSettings, optional
        How to localize; with the defaults if not given.

    Returns
    -------
    int
        Exit status, 0.

    Raises
    ------
    LimelightError
        If the movie cannot be read or localized.
    """
    from limelight.demo.page import write_page
    from limelight.demo.picture import draw_histograms, draw_picture, mean_image
    from limelight.io import open_movie, save_localizations
    from limelight.localize import LocalizeSettings

    output = Path("limelight-demo") if output is None else Path(output)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(output, f"the folder cannot be made: {error.strerror}.") from error
    settings = settings or LocalizeSettings.of()
    shown = _has_screen() if window is None else window

    result = (
        _observe(output, frames, settings, shown)
        if movie is None
        else _localize(movie, camera, settings)
    )
    locs, camera = result.locs, result.camera
    with open_movie(result.path, camera=camera) as source:
        name = "demo" if result.live else source.name
        table = save_localizations(locs, output / f"{name}_locs")
        _say(f"Found {len(locs):,} molecules in {len(source):,} frames; drawing")
        mean = mean_image(source)
        title = _title(source, simulated=result.live)
        picture = draw_picture(output / f"{name}.png", mean, locs, title)
        histograms = draw_histograms(output / f"{name}_histograms.png", locs)
        score = None if result.truth is None else _score(result.truth, locs)
        page = write_page(
            output / f"{name}.html",
            title=name,
            lead=_lead(source, result),
            pictures=(picture, histograms),
            tables=_tables(source, result, settings, score),
            notes=_notes(score),
        )
    histograms.unlink()
    if score is not None:
        _say(
            f"Against the truth: Jaccard index {score.jaccard:.3f}, "
            f"error {score.rmse * locs.pixel_size_nm:.1f} nm"
        )
    if result.live:
        print(f"\nFrames         {result.path}", end="")
    print(f"\nPicture        {picture}\nMolecules      {table}\nSummary page   {page}", flush=True)
    if shown and result.viewer is not None:
        _linger(result.viewer)
    elif shown:
        with open_movie(result.path, camera=camera) as source:
            _show(source, mean, locs)
    elif window is None:
        print("There is no screen here, so napari was not opened.")
    return 0


@dataclass(frozen=True, eq=False)
class _Result:
    """What was localized, and what it was made from."""

    path: Path
    camera: Camera
    locs: Localizations
    seconds: float
    live: bool = False
    truth: pd.DataFrame | None = None
    viewer: Any = None


def _localize(movie: Path, camera: Camera | None, settings: LocalizeSettings) -> _Result:
    from limelight.io import open_movie
    from limelight.localize import localize_job

    with open_movie(movie, camera=camera) as source:
        _say(f"Localizing {source.name} (the first time, the fits are compiled first)")
        begun = time.perf_counter()
        with _Bar() as show:
            locs = run(localize_job(source, settings, camera=camera), show)
        seconds = time.perf_counter() - begun
        return _Result(movie, camera or source.camera, locs, seconds)


def _observe(output: Path, frames: int, settings: LocalizeSettings, window: bool) -> _Result:
    from limelight.demo.microscope import EXPOSURE_MS, observe_job
    from limelight.demo.window import import_napari, watch

    _say(
        f"Starting the simulated microscope: {frames:,} frames of {EXPOSURE_MS:g} ms "
        "(the first time, the fits are compiled first)"
    )
    viewer = None
    with _Bar() as show:
        if window:
            viewer = import_napari().Viewer(title="Limelight")
            session = watch(viewer, output, frames, settings, show)
            if session is None:
                raise LimelightError("The window was closed, so the microscope was stopped.")
        else:
            session = run(observe_job(output, frames, settings), show)
    assert session.folder is not None
    status = session.acquisition.status
    for name, skipped in status.skipped.items():
        _say(f"{name} was too slow for {skipped:,} frames; they are saved all the same")
    return _Result(
        session.folder,
        session.camera,
        session.table.snapshot(),
        session.seconds,
        live=True,
        truth=session.truth,
        viewer=viewer,
    )


def _say(text: str) -> None:
    print(text, flush=True)


class _Bar:
    """A progress bar around a job."""

    def __enter__(self) -> Callable[[Progress], object]:
        from tqdm import tqdm

        self._bar = tqdm(unit=" frames", disable=None, dynamic_ncols=True)
        return self._step

    def _step(self, progress: Progress) -> None:
        self._bar.total = progress.total
        self._bar.set_postfix_str(progress.message, refresh=False)
        self._bar.update(progress.done - self._bar.n)

    def __exit__(self, *error: object) -> None:
        self._bar.close()


def _title(movie: Movie, *, simulated: bool) -> str:
    kind = "simulated" if simulated else (movie.camera.name or movie.name)
    return f"{kind}: {len(movie):,} frames"


def _lead(movie: Movie, result: _Result) -> str:
    frames, height, width = movie.shape
    how = "acquired, saved and localized live" if result.live else "localized"
    return (
        f"{len(result.locs):,} molecules in {frames:,} frames of {width} x {height} pixels, "
        f"{how} in {result.seconds:.1f} s."
    )


def _score(truth: pd.DataFrame, locs: Localizations) -> Score:
    from limelight.core.compare import score

    return score(truth, locs.table, shape=locs.shape, min_photons=_MIN_PHOTONS)


def _notes(score: Score | None) -> list[str]:
    notes = [
        "Photons, background and precision are right only if the camera's baseline and "
        "sensitivity are.",
        "Time is that of the whole job, reading included, on this machine; the first run ever "
        "includes compiling.",
    ]
    if score is not None:
        notes.append(
            "Scores: nearest pairs within 1 pixel, each molecule once per frame; a rim of 8 "
            f"pixels and molecules with fewer than {_MIN_PHOTONS:g} photons in a frame are left "
            "out. Jaccard index = right / (right + wrong + missed)."
        )
    return notes


def _tables(
    movie: Movie, result: _Result, settings: LocalizeSettings, score: Score | None
) -> dict[str, dict[str, str]]:
    camera, locs, seconds = result.camera, result.locs, result.seconds
    pixel = locs.pixel_size_nm
    frames = locs.frames
    molecules = {
        "Molecules": f"{len(locs):,}",
        "Molecules per frame": f"{len(locs) / max(frames, 1):.1f}",
        "Median photons": _median(locs, "photons", 1, "{:,.0f}"),
        "Median spot width (sigma)": _median(locs, "sx", pixel, "{:.0f} nm"),
        "Median precision": _median(locs, "lpx", pixel, "{:.1f} nm"),
        "Median background": _median(locs, "bg", 1, "{:.1f} photons per pixel"),
    }
    truth = {}
    if score is not None:
        truth = {
            "Jaccard index": f"{score.jaccard:.3f}",
            "Found of all molecules": f"{score.recall:.1%}",
            "Right of all found": f"{score.precision:.1%}",
            "Error (RMS distance)": f"{score.rmse * pixel:.1f} nm",
        }
    values = camera.to_dict()
    assumed = (
        values["pixel_size_nm"] == Camera().pixel_size_nm and "Pixelsize" not in movie.metadata
    )
    return {
        "Molecules": molecules,
        "Against the known truth": truth,
        "Time": {
            "Acquiring and localizing" if result.live else "Localizing": f"{seconds:.2f} s",
            "Frames per second": f"{frames / seconds:,.0f}",
            "Molecules per second": f"{len(locs) / seconds:,.0f}",
            "Cores": str(os.cpu_count()),
        },
        "Camera": {
            "Name": values["name"] or "not known",
            "Pixel size": f"{values['pixel_size_nm']:g} nm{' (assumed)' if assumed else ''}",
            "Baseline": f"{values['baseline']:g} counts",
            "Sensitivity": f"{values['sensitivity']:g} photoelectrons per count",
            "EM gain": f"{values['gain']:g}",
            "Read noise": f"{values['read_noise']:g} photoelectrons",
        },
        "Settings": {
            name: "none" if value is None else str(value)
            for name, value in settings.to_record().items()
        },
        "Versions": {
            "Limelight": version("napari-limelight"),
            "Python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "numba", "scipy")},
        },
    }


def _median(locs: Localizations, column: str, factor: float, form: str) -> str:
    values = np.asarray(locs[column], float) if column in locs else np.empty(0)
    values = values[np.isfinite(values)]
    return form.format(float(np.median(values)) * factor) if values.size else "-"


def _has_screen() -> bool:
    if importlib.util.find_spec("napari") is None:
        return False
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def _linger(viewer: Any) -> None:
    """Leave a window to the person, until it is closed."""
    from limelight.demo.window import import_napari

    # Its place since napari 0.9; before that, an attribute of the viewer.
    overlays = getattr(getattr(viewer, "canvas", None), "overlays", viewer)
    overlays.scale_bar.visible = True
    import_napari().run()


def _show(movie: Movie, mean: Any, locs: Localizations) -> None:
    """Show the movie, its mean, the molecules and the Localize dock in napari."""
    from limelight.core.render import render
    from limelight.demo.window import import_napari
    from limelight.io import LazyFrames

    napari = import_napari()
    viewer = napari.Viewer(title="Limelight")
    pixel = locs.pixel_size_nm / 1000
    place: dict[str, Any] = {"scale": (pixel, pixel), "units": ("um", "um")}
    # Not through the reader: here we may know more of the camera than the file does.
    low, high = (float(q) for q in np.quantile(movie.read(0, 1), (0.001, 0.9999)))
    viewer.add_image(
        LazyFrames(movie),
        name=movie.name,
        scale=(1, pixel, pixel),
        units=("pixel", "um", "um"),
        axis_labels=("time", "y", "x"),
        contrast_limits=(low, max(high, low + 1)),
        metadata={**movie.metadata, "movie": movie},
    )
    viewer.add_image(mean, name="mean", colormap="gray", visible=False, **place)
    # about as fine as a window shows the whole field: finer would be dust in it
    finest = max(20.0, max(locs.shape) * locs.pixel_size_nm / 1280)
    drawn = render(locs, finest)
    lit = drawn.image[drawn.image > 0]
    viewer.add_image(
        drawn.image,
        name="molecules",
        colormap="inferno",
        gamma=0.6,
        blending="additive",
        contrast_limits=(0.0, float(np.percentile(lit, 98)) if lit.size else 1.0),
        scale=drawn.scale_um,
        translate=drawn.translate_um,
        units=("um", "um"),
    )
    viewer.reset_view()
    viewer.window.add_plugin_dock_widget("napari-limelight", "Localize")
    _linger(viewer)
