"""``limelight watch FOLDER...``: process every movie that comes into folders."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.core.errors import ParameterError
from limelight.core.settings import fields_of
from limelight.metrics.watch_settings import WatchSettings, load_watch

if TYPE_CHECKING:
    import argparse

    from limelight.core.job import Progress

__all__ = ["add_to", "main"]

_FLAGS = {
    "poll_s": "--poll",
    "settle_s": "--settle",
    "patience_s": "--patience",
    "name": "--name",
    "group": "--group",
}
EXAMPLE = """\
# Settings of a watcher: limelight watch --settings FILE.yaml
folders: [{folder}]
name: today            # under this name it knows what it has done
kinds: [.raw, .ome.tif, .ims, .nd2, ndtiff, .zarr]
subfolders: false
poll_s: 10             # look every 10 s
settle_s: 10           # complete when unchanged for 10 s
group: DNA-PAINT       # in the history
tags: [live]
groups:                # with two groups, results are named _pg_1 and _pg_2
  - localize: {{detect: snr, fit: mle, box: 7}}
    steps:
      - undrift: {{method: rcc}}
      - link: {{max_distance: 0.3}}
    commands:          # a list of arguments; $FILENAME is the newest table, $MOVIE the movie
      - [python, -c, "import sys; print(sys.argv[1])", $FILENAME]
"""


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help="folders to watch")
    parser.add_argument(
        "--settings", type=Path, metavar="FILE.yaml", help="settings of the watcher (--example)"
    )
    known = {f.name: f for f in fields_of(WatchSettings)}
    for name, flag in _FLAGS.items():
        field = known[name]
        unit = f" [{field.unit}]" if field.unit else ""
        parser.add_argument(flag, dest=name, type=type(field.default), help=field.help + unit)
    parser.add_argument("--tag", action="append", metavar="WORD", help="for the history")
    parser.add_argument("--subfolders", action="store_true", help="watch subfolders, too")
    parser.add_argument(
        "--new-only", action="store_true", help="leave movies alone that are there at the start"
    )
    parser.add_argument("--no-quality", action="store_true", help="do not measure the quality")
    parser.add_argument("--once", action="store_true", help="end when all is processed")
    parser.add_argument("--again", action="store_true", help="process again what is done")
    parser.add_argument("--example", action="store_true", help="print settings to begin with")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def main(options: argparse.Namespace) -> int:
    """Watch until interrupted; 1 if a movie failed.

    Ctrl+C, and a service manager's SIGTERM, end it properly; whatever else does costs nothing but
    the movie under way, which is begun anew.
    """
    if options.example:
        folder = options.folders[0] if options.folders else "FOLDER"
        print(EXAMPLE.format(folder=Path(folder).expanduser().absolute()), end="")
        return 0
    settings = _settings(options)
    import signal

    from limelight.core.job import run
    from limelight.metrics.database import Database
    from limelight.metrics.watcher import log_path, watch_job

    def ended(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = None
    try:
        before = signal.signal(signal.SIGTERM, ended)
    except ValueError:
        pass  # not in the main thread, as in a test
    job = watch_job(settings, Database(), once=options.once, again=options.again)
    if not options.quiet:
        print(f"{settings.name}: watches {', '.join(settings.folders)}; Ctrl+C stops it.")
        print(f"Log: {log_path(settings.name)}", flush=True)
    said = ""

    def show(step: Progress) -> None:
        nonlocal said
        if not options.quiet and step.message != said:
            said = step.message
            print(said, flush=True)

    try:
        result = run(job, show)
    except KeyboardInterrupt:
        if not options.quiet:
            print(f"{settings.name}: stopped.")
        return 0
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
    if not options.quiet:
        print(f"{settings.name}: {result}.")
    for title in result.failed:
        print(f"{title}: failed; the log says why.", file=sys.stderr)
    return 1 if result.failed else 0


def _settings(options: argparse.Namespace) -> WatchSettings:
    changes: dict[str, Any] = {
        name: getattr(options, name) for name in _FLAGS if getattr(options, name) is not None
    }
    if options.folders:
        changes["folders"] = tuple(options.folders)
    if options.tag:
        changes["tags"] = tuple(options.tag)
    if options.subfolders:
        changes["subfolders"] = True
    if options.new_only:
        changes["existing"] = False
    if options.no_quality:
        changes["quality"] = False
    if options.settings is not None:
        return load_watch(options.settings, **changes)
    if not options.folders:
        raise ParameterError(
            "Name a folder to watch, or --settings FILE.yaml that does; --example prints one."
        )
    return WatchSettings(**changes)
