"""What the Molecules dock does off the main thread: open a table, keep a part of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from limelight.core.job import Progress
from limelight.core.locs.filter import filter_locs
from limelight.widgets.localize_run import picture_of
from limelight.widgets.molecules_draw import Drawn

if TYPE_CHECKING:
    from limelight.core.job import Job
    from limelight.core.localizations import Localizations
    from limelight.core.render import Picture
    from limelight.widgets.molecules_draw import Ranges
    from limelight.widgets.molecules_view import TableView

__all__ = ["Opened", "as_script", "keep_job", "open_job"]


@dataclass(frozen=True)
class Opened:
    """A table that was read.

    Parameters
    ----------
    locs : Localizations
        The table.
    name : str
        What to call it.
    picture : Picture, optional
        Its picture, where one was asked for.
    """

    locs: Localizations
    name: str
    picture: Picture | None = None


def open_job(path: str, draw: bool = False) -> Job[Opened]:
    """Read a table of any format, and draw it if asked to."""
    from limelight.io import load_localizations

    yield Progress(0, 1, "Reading…")
    locs = load_localizations(path)
    name = Path(path).name.split(".")[0]
    if not draw or not len(locs):
        yield Progress(1, 1)
        return Opened(locs, name)
    yield Progress(1, 2, "Drawing…")
    return Opened(locs, name, picture_of(locs))


def keep_job(locs: Localizations, ranges: Ranges) -> Job[Localizations]:
    """Filter a table."""
    yield Progress(0, 1, "Filtering…")
    kept = filter_locs(locs, dict(ranges))
    yield Progress(1, 1)
    return kept


def as_script(view: TableView, path: str | None) -> str:
    """Return the script that filters a table and draws what is seen of it."""
    look, newest = view.look, view.newest
    lines = ["import limelight", "from limelight.core.render import Scene"]
    if view.ranges:
        lines.insert(1, "from limelight.core.locs.filter import filter_locs")
    lines += ["", f"locs = limelight.io.load_localizations({path or 'molecules.hdf5'!r})"]
    if view.ranges:
        lines.append("locs = filter_locs(")
        lines.append("    locs,")
        lines.append("    {")
        lines += [f"        {c!r}: {ends!r}," for c, ends in view.ranges.items()]
        lines += ["    },", ")"]
    arguments = []
    if isinstance(newest, Drawn):
        viewport = tuple(round(float(v), 4) for v in newest.viewport)
        arguments += [f"viewport={viewport}", f"pixel_size_nm={newest.pixel_nm:g}"]
    mode = "histogram" if look.mode == "scatter" else look.mode
    arguments.append(f"mode={mode!r}")
    if look.colour is not None:
        arguments.append(f"colour={look.colour!r}")
    if look.min_blur_nm:
        arguments.append(f"min_blur_nm={look.min_blur_nm:g}")
    if look.mode == "blur" and look.blur is not None:
        arguments.append(f"blur_nm={look.blur:g}")
    lines.append("picture = Scene(locs).draw(")
    lines += [f"    {argument}," for argument in arguments]
    lines += [
        ")",
        "# picture.image: molecules per pixel; picture.scale_um, picture.translate_um: its place",
    ]
    return "\n".join(lines) + "\n"
