"""``limelight acquire SEQUENCE``: acquire without a window."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from limelight.acquire import (
    Acquisition,
    acquire_job,
    estimate,
    find_core,
    load_configuration,
    load_sequence,
)
from limelight.core import parts
from limelight.core.errors import LimelightError, ParameterError
from limelight.core.job import Progress, run

if TYPE_CHECKING:
    import argparse

    from limelight.acquire import Status

__all__ = ["add_to", "main"]


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "sequence",
        metavar="SEQUENCE",
        type=Path,
        help="useq sequence as YAML or JSON, or a list of event dictionaries as JSON",
    )
    parser.add_argument(
        "--config",
        default="demo",
        metavar="CFG",
        help="Micro-Manager's configuration file, 'demo' or 'simulated' (default: demo)",
    )
    parser.add_argument(
        "--micromanager", type=Path, metavar="DIR", help="folder with the device adapters"
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="where the data set's folder is made"
    )
    parser.add_argument("--name", help="name of the data set (default: that of SEQUENCE)")
    parser.add_argument(
        "--format",
        choices=("ndtiff", "ome-zarr", "ome-tiff", "none"),
        default="ndtiff",
        help="how to save (default: ndtiff)",
    )
    parser.add_argument(
        "--processor",
        action="append",
        default=[],
        metavar="NAME[:KEY=VALUE]...",
        help=f"processors, in order: {' | '.join(parts.names('processors'))}",
    )
    parser.add_argument(
        "--save",
        choices=("processed", "raw"),
        default="processed",
        help="which images are saved (default: processed)",
    )
    parser.add_argument(
        "--spare", type=Path, metavar="DIR", help="go on there if the disk gets full"
    )
    parser.add_argument(
        "--no-sequencing",
        action="store_true",
        help="step through all events, even where the hardware could run by itself",
    )
    parser.add_argument("--dry-run", action="store_true", help="check and estimate, then stop")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def main(options: argparse.Namespace) -> int:
    """Acquire a sequence.

    Returns
    -------
    int
        0, or 1 if images are missing.
    """
    if options.output is None and options.format != "none" and not options.dry_run:
        raise ParameterError("Say with --output where to save, or --format none.")
    events = load_sequence(options.sequence)
    processors = [_processor(text) for text in options.processor]
    core = find_core(load=False)
    load_configuration(core, options.config, options.micromanager)
    expected = estimate(events, core, options.output)
    room = "" if expected.free is None else f", {expected.free / 1e9:.1f} GB are free"
    print(
        f"{expected.images:,} images, {expected.size / 1e9:.2f} GB{room}, "
        f"at least {expected.seconds:.1f} s"
    )
    if not expected.fits and options.spare is None and options.format != "none":
        print("limelight: this may not fit on the disk.", file=sys.stderr)
    if options.dry_run:
        return 0
    acquisition = Acquisition(
        None if options.format == "none" else options.output,
        options.name or options.sequence.stem,
        core=core,
        format=options.format,
        processors=processors,
        save=options.save,
        sequencing=not options.no_sequencing,
        on_storage_error=options.spare or "stop",
        show_display=False,
    )
    try:
        _shown(acquisition, events, options.quiet)
    except (LimelightError, KeyboardInterrupt):
        _tell(acquisition)
        raise
    _tell(acquisition)
    status = acquisition.status
    return 1 if status.failed or status.unsaved else 0


def _processor(text: str) -> tuple[str, Any]:
    """Return a processor from ``name:key=value:key=value``."""
    # A value may hold a colon (a path on Windows), but not one before a key.
    name, *pairs = re.split(r":(?=[A-Za-z_]\w*=)", text)
    part = parts.load("processors", name)
    return name, part.from_text([tuple(pair.split("=", 1)) for pair in pairs])


def _shown(acquisition: Acquisition, events: Any, quiet: bool) -> None:
    bar: tqdm[Any] = tqdm(
        total=None, unit="image", desc=acquisition.name, disable=quiet or None, leave=False
    )

    def show(step: Progress) -> None:
        bar.total = step.total
        bar.set_postfix_str(step.message, refresh=False)
        bar.update(step.done - bar.n)

    with bar:
        run(acquire_job(acquisition, events), show)


def _tell(acquisition: Acquisition) -> None:
    for message in acquisition.messages:
        print(f"limelight: {message}", file=sys.stderr)
    status: Status = acquisition.status
    said = [f"{status.acquired:,} images acquired"]
    if acquisition.format != "none":
        said.append(f"{status.saved:,} saved")
    if status.failed:
        said.append(f"{status.failed:,} missing")
    said.append(f"{status.rate:.1f}/s")
    where = f" in {status.path}" if status.path is not None else ""
    print(f"{', '.join(said)}{where} ({status.finish_reason})")
    if found := acquisition.results.described():
        print(f"  {found}")
