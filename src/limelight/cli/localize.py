"""``limelight localize PATH...``: movies to tables of molecules."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

from limelight.cli.options import (
    add_choices,
    add_fields,
    choices_of,
    given,
    open_chosen,
    part_fields,
)
from limelight.core import parts
from limelight.core.errors import LimelightError, ParameterError
from limelight.core.job import Job, Progress, run
from limelight.core.report import recording
from limelight.core.settings import fields_of
from limelight.io import find_movies, load_localizations
from limelight.localize.api import CAMERA_VALUES, camera_of
from limelight.localize.job import localize_job
from limelight.localize.record import provenance, results_path
from limelight.localize.saving import save_job
from limelight.localize.settings import DEFAULT_DETECTOR, DEFAULT_FITTER, LocalizeSettings

if TYPE_CHECKING:
    import argparse

    from limelight.core.camera import Camera
    from limelight.core.localizations import Localizations
    from limelight.core.movie import Movie

__all__ = ["add_to", "main"]

T = TypeVar("T")

_CAMERA_HELP = {
    "baseline": "mean count in the dark [counts]",
    "sensitivity": "photoelectrons per count",
    "gain": "EM gain; 1: none",
    "pixel_size": "size of a camera pixel in the sample [nm]",
    "read_noise": "standard deviation of the read noise [photoelectrons]",
}


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="movies, folders of movies, or patterns"
    )
    parser.add_argument(
        "--detect",
        metavar="NAME",
        choices=parts.names("detectors"),
        help=f"{' | '.join(parts.names('detectors'))} (default: {DEFAULT_DETECTOR}, or the one "
        "that a given threshold belongs to)",
    )
    parser.add_argument(
        "--fit",
        metavar="NAME",
        choices=parts.names("fitters"),
        help=f"{' | '.join(parts.names('fitters'))} (default: {DEFAULT_FITTER})",
    )
    parser.add_argument("--frames", metavar="A:B", help="only frames A to B - 1, for a quick trial")
    parser.add_argument(
        "--roi", metavar="Y0,X0,Y1,X1", help="only this region, in pixels (stop excluded)"
    )
    add_choices(parser)
    own = [
        ("", field)
        for field in fields_of(LocalizeSettings)
        if field.name not in ("detector", "fitter", "frames", "roi")
    ]
    add_fields(parser.add_argument_group("localization"), own)
    add_fields(parser.add_argument_group("detection"), part_fields("detectors"))
    add_fields(parser.add_argument_group("fit"), part_fields("fitters"), default_of=False)
    conversion = parser.add_argument_group("photon conversion (else from the movie's metadata)")
    conversion.add_argument(
        "--camera", type=Path, metavar="CONFIG.yaml", help="camera configuration"
    )
    for name, text in _CAMERA_HELP.items():
        conversion.add_argument("--" + name.replace("_", "-"), type=float, help=text)
    results = parser.add_argument_group("results and running")
    results.add_argument(
        "--suffix", default="", help="added to the results' names: NAME_locs+SUFFIX"
    )
    results.add_argument("--overwrite", action="store_true", help="localize what is done again")
    results.add_argument(
        "--no-quality",
        action="store_true",
        help="do not measure the quality of results for the history",
    )
    results.add_argument("--group", default="", help="experiment, for the history")
    results.add_argument(
        "--tag", action="append", default=[], metavar="WORD", help="to find it by in the history"
    )
    results.add_argument("--threads", type=int, help="number of threads (default: all cores)")
    results.add_argument("--dask", metavar="ADDRESS", help="spread the work over a dask cluster")
    results.add_argument("--quiet", action="store_true", help="no progress bar")


def main(options: argparse.Namespace) -> int:
    """Localize all movies; go on after a bad one.

    Returns
    -------
    int
        0, or 1 if any movie failed.
    """
    settings = _settings(options)
    choices = choices_of(options)
    movies = [movie for path in options.paths for movie in find_movies(path)]
    failed: list[tuple[Path, str]] = []
    done = skipped = molecules = 0
    for path in movies:
        try:
            locs = _one(path, settings, choices, options)
        except (LimelightError, OSError, MemoryError) as error:
            failed.append((path, str(error) or type(error).__name__))
            print(f"{path}: failed: {failed[-1][1]}", file=sys.stderr)
            continue
        if locs is None:
            skipped += 1
        else:
            done += 1
            molecules += len(locs)
    print(
        f"{done} of {len(movies)} movies localized ({molecules:,} molecules), "
        f"{skipped} done before, {len(failed)} failed."
    )
    for path, reason in failed:
        print(f"  failed: {path}: {reason}")
    return 1 if failed else 0


def _settings(options: argparse.Namespace) -> LocalizeSettings:
    chosen = [LocalizeSettings]
    detectors = [options.detect] if options.detect else parts.names("detectors")
    chosen += [parts.load("detectors", name) for name in detectors]  # type: ignore[misc]
    chosen.append(parts.load("fitters", options.fit or DEFAULT_FITTER))  # type: ignore[arg-type]
    values = given(options, chosen)
    if options.frames:
        values["frames"] = _numbers("--frames", options.frames, ":", 2, "A:B")
    if options.roi:
        values["roi"] = _numbers("--roi", options.roi, ",", 4, "Y0,X0,Y1,X1")
    return LocalizeSettings.of(options.detect, options.fit, **values)


def _numbers(flag: str, text: str, separator: str, count: int, form: str) -> tuple[int, ...]:
    try:
        values = tuple(int(word) for word in text.split(separator))
    except ValueError:
        values = ()
    if len(values) != count:
        raise ParameterError(f"{flag} must have the form {form} (whole numbers), not {text!r}.")
    return values


def _one(
    path: Path, settings: LocalizeSettings, choices: dict[str, Any], options: argparse.Namespace
) -> Localizations | None:
    """Localize one movie and save the result; None if it was done before."""
    with open_chosen(path, choices) as movie:
        values = {name: getattr(options, name) for name in CAMERA_VALUES}
        camera = camera_of(movie, options.camera, **values)
        target = results_path(movie, f"_locs{options.suffix}")
        if target.exists() and not options.overwrite and _is_done(target, movie, settings, camera):
            print(f"{path}: done before ({target.name}); --overwrite does it again")
            return None
        if movie.problem is not None:
            print(f"{path}: {movie.problem}", file=sys.stderr)
        begun = time.monotonic()
        locs = _shown(
            localize_job(
                movie, settings, camera=camera, threads=options.threads, client=options.dask
            ),
            *(movie.name, "frame", options.quiet),
        )
        saving = save_job(
            *(locs, target, movie, settings, camera),
            duration_s=time.monotonic() - begun,
            quality=not options.no_quality and recording(),
            group=options.group,
            tags=options.tag,
            threads=options.threads,
        )
        record = _shown(saving, f"{movie.name} quality", "step", options.quiet)
        measured = [
            f"{name} {value:.3g} nm"
            for name, key in (("NeNA", "nena_nm"), ("FRC", "frc_nm"))
            if (value := record.figures.get(key)) is not None and key not in record.notes
        ]
        told = f" ({', '.join(measured)})" if measured else ""
        print(f"{path}: {len(locs):,} molecules in {target.name}{told}")
        return locs


def _shown(job: Job[T], title: str, unit: str, quiet: bool) -> T:
    """Run a job under a progress bar."""
    bar: tqdm[Any] = tqdm(total=None, unit=unit, desc=title, disable=quiet or None, leave=False)

    def show(step: Progress) -> None:
        bar.total = step.total
        bar.set_postfix_str(step.message.split(",  ")[0], refresh=False)
        bar.update(step.done - bar.n)

    with bar:
        return run(job, show)


def _is_done(target: Path, movie: Movie, settings: LocalizeSettings, camera: Camera) -> bool:
    """Whether a result with these settings is there.

    Raises
    ------
    ParameterError
        If what is there was not made by Limelight, and must not be overwritten unasked.
    """
    try:
        earlier = load_localizations(target).provenance
    except LimelightError:
        return False
    ours = next((step["Limelight"] for step in earlier if "Limelight" in step), None)
    if ours is None:
        raise ParameterError(
            f"{target.name} was written by another program. Give --suffix to keep both, or "
            "--overwrite."
        )
    now = provenance(movie, settings, camera)[-1]["Limelight"]
    return bool(ours == now)
