"""``limelight psf measure|calibrate|spline STACK...``: what beads tell of a microscope."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.cli.options import add_fields, given
from limelight.core.errors import LimelightError
from limelight.core.job import Progress, run
from limelight.core.settings import Settings, fields_of
from limelight.reslice.settings import BeadSettings, CalibrationSettings, SplineSettings

if TYPE_CHECKING:
    import argparse

    from limelight.reslice.stack import Stack

__all__ = ["add_to", "main"]

_TOOLS: dict[str, tuple[type[Settings], str, str]] = {
    "measure": (
        BeadSettings,
        "widths, asymmetry, tilt and brightness of beads, and how they vary over the view",
        "_beads",
    ),
    "calibrate": (
        CalibrationSettings,
        "astigmatic calibration: widths along z, for z of every molecule",
        "_3d_calib",
    ),
    "spline": (
        SplineSettings,
        "average beads to a measured point spread function to fit with",
        "_psf",
    ),
}


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    tools = parser.add_subparsers(dest="tool", metavar="TOOL", required=True)
    for name, (settings, summary, suffix) in _TOOLS.items():
        tool = tools.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        tool.add_argument("stacks", nargs="+", type=Path, metavar="STACK", help="z-stacks of beads")
        tool.add_argument(
            "--step-nm",
            type=float,
            help="distance of two slices [nm]; else the file's. Negative: the stage went down",
        )
        tool.add_argument(
            "--pixel-size",
            type=float,
            metavar="NM",
            help="size of a camera pixel in the sample [nm]; else the file's",
        )
        tool.add_argument("--channel", help="which channel, from 0 or by name")
        tool.add_argument("--position", help="which position, from 0 or by name")
        tool.add_argument("--time", type=int, help="which time point, from 0")
        for flag, text in (
            ("--baseline", "mean count in the dark [counts]"),
            ("--sensitivity", "photoelectrons per count"),
            ("--gain", "EM gain; 1: none"),
        ):
            tool.add_argument(flag, type=float, help=text + " (else from the file)")
        tool.add_argument(
            "--out",
            type=Path,
            metavar="NAME",
            help=f"results are NAME.*, for one stack (default: STACK{suffix})",
        )
        tool.add_argument("--no-picture", action="store_true", help="draw no picture")
        tool.add_argument("--threads", type=int, help="number of threads (default: all cores)")
        tool.add_argument("--quiet", action="store_true", help="no progress bar")
        add_fields(tool.add_argument_group("settings"), [("", f) for f in fields_of(settings)])


def main(options: argparse.Namespace) -> int:
    """Work through all stacks; go on after a bad one.

    Returns
    -------
    int
        0, or 1 if any stack failed.
    """
    cls, _, suffix = _TOOLS[options.tool]
    settings = cls(**given(options, [cls]))
    if options.out is not None and len(options.stacks) > 1:
        print("limelight: --out names the results of one stack; give one.", file=sys.stderr)
        return 2
    failed = 0
    for path in options.stacks:
        target = options.out or path.with_name(_stem(path) + suffix)
        try:
            _one(path, settings, target, options)
        except (LimelightError, OSError, MemoryError) as error:
            failed += 1
            print(f"{path}: failed: {error or type(error).__name__}", file=sys.stderr)
    return 1 if failed else 0


def _stem(path: Path) -> str:
    return path.name if path.is_dir() and path.suffix != ".zarr" else path.stem.removesuffix(".ome")


def _one(path: Path, settings: Settings, target: Path, options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from limelight.reslice import jobs, saving
    from limelight.reslice.stack import open_stack

    stack = open_stack(
        path,
        step_nm=options.step_nm,
        pixel_nm=options.pixel_size,
        channel=options.channel,
        position=options.position,
        time=options.time,
    )
    stack = _seen_through(stack, options)
    bar: tqdm[Any] = tqdm(total=1, desc=path.name, disable=options.quiet or None, leave=False)

    def show(step: Progress) -> None:
        bar.total = step.total
        bar.set_postfix_str(step.message, refresh=False)
        bar.update(step.done - bar.n)

    picture = not options.no_picture
    with bar:
        if isinstance(settings, BeadSettings):
            beads = run(jobs.measure_job(stack, settings, threads=options.threads), show)
        elif isinstance(settings, CalibrationSettings):
            curves = run(jobs.calibrate_job(stack, settings, threads=options.threads), show)
        else:
            assert isinstance(settings, SplineSettings)
            average = run(jobs.spline_job(stack, settings, threads=options.threads), show)
    if isinstance(settings, BeadSettings):
        written = saving.save_beads(beads, stack, settings, target, picture=picture)
        _say_beads(beads)
    elif isinstance(settings, CalibrationSettings):
        written = saving.save_calibrated(curves, stack, settings, target, picture=picture)
        low, high = curves.calibration.usable
        print(
            f"{len(curves.beads.good)} of {len(curves.beads)} beads; usable from {low:.0f} to "
            f"{high:.0f} nm, residual {curves.rms_nm:.1f} nm (rms)"
        )
        _say_rejected(curves.beads.reason)
    else:
        written = saving.save_average(average, stack, settings, target, picture=picture)
        low, high = average.model.range_nm
        used = int(average.averaged.used.sum())
        print(
            f"{used} of {len(average.beads)} beads averaged; z from {low:.0f} to {high:.0f} nm, "
            f"boxes up to {average.model.largest_box} px"
        )
        _say_rejected(average.beads.reason)
    print(f"{path}: " + ", ".join(p.name for p in written))


def _seen_through(stack: Stack, options: argparse.Namespace) -> Stack:
    from dataclasses import replace

    values = {n: getattr(options, n) for n in ("baseline", "sensitivity", "gain")}
    changes = {n: v for n, v in values.items() if v is not None}
    return replace(stack, camera=stack.camera.replace(**changes)) if changes else stack


def _say_beads(result: Any) -> None:
    print(f"{len(result.good)} of {len(result.table)} beads measured")
    theory = dict(zip(("fwhm_lateral_um", "fwhm_z_um"), result.theory_um or (), strict=False))
    for name, values in result.summary.items():
        beside = f"   theory {theory[name]:.3f}" if name in theory else ""
        print(
            f"  {name:<22} median {values['median']:8.3f}   mean {values['mean']:8.3f} "
            f"± {values['std']:.3f}{beside}"
        )
    _say_rejected(result.table["reason"])


def _say_rejected(reasons: Any) -> None:
    counts: dict[str, int] = {}
    for reason in reasons:
        if reason:
            kind = reason.split(":")[0]
            counts[kind] = counts.get(kind, 0) + 1
    for kind, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"  rejected: {count} {kind}")
