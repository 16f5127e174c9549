"""What the Table tools dock does off the main thread, and the script that repeats it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.job import Progress
from limelight.core.locs.tools.tool import RECORD_KEY
from limelight.core.settings import fields_of
from limelight.widgets.localize_run import picture_of

if TYPE_CHECKING:
    from pathlib import Path

    from limelight.core.job import Job
    from limelight.core.localizations import Localizations
    from limelight.core.locs.result import ToolResult
    from limelight.core.locs.tools.tool import Tool
    from limelight.core.render import Picture

__all__ = ["Finished", "as_script", "moved", "save_job", "tool_job"]


@dataclass(frozen=True, eq=False)
class Finished:
    """What a tool found, and the picture of its new table.

    Parameters
    ----------
    tool : Tool
        What was done.
    source : Localizations
        To what.
    result : ToolResult
        What came of it.
    replaces : bool
        Whether the new table is shown instead of the old one: its molecules are others, or
        elsewhere, and not parts of it by groups.
    picture : Picture, optional
        Of a table that is shown instead.
    """

    tool: Tool
    source: Localizations
    result: ToolResult
    replaces: bool = False
    picture: Picture | None = None


def moved(before: Localizations, after: Localizations) -> bool:
    """Tell whether a picture of the table would be another one."""
    return len(before) != len(after) or not (
        np.array_equal(before["x"], after["x"]) and np.array_equal(before["y"], after["y"])
    )


def tool_job(tool: Tool, locs: Localizations, draw: bool) -> Job[Finished]:
    """Apply a tool, and draw the new table."""
    from limelight.io.tools import run_tool

    result = yield from run_tool(tool, locs)
    new = result.locs
    if new is None or not len(new) or result.groups is not None or not moved(locs, new):
        return Finished(tool, locs, result)
    if not draw:
        return Finished(tool, locs, result, replaces=True)
    yield Progress(0, 1, "Drawing")
    return Finished(tool, locs, result, True, picture_of(new))


def save_job(result: ToolResult, path: Path, tool: Tool) -> Job[tuple[Path, ...]]:
    """Write a tool's table, groups and drift under a name."""
    from limelight.io.tools import save_result, targets_named

    yield Progress(0, 1, f"Writing {path.name}")
    return save_result(result, targets_named(path, tool))


def _arguments(settings: dict[str, Any], tool: Tool | None) -> str:
    """Return the settings that are not the default as arguments."""
    known = {} if tool is None else {f.name: f.default for f in fields_of(type(tool))}
    chosen = [f", {k}={v!r}" for k, v in settings.items() if k not in known or v != known[k]]
    return "".join(chosen)


def as_script(tool: Tool, locs: Localizations, path: str | None) -> str:
    """Return the script that applies a tool to a table, after the steps that led to it.

    Parameters
    ----------
    tool : Tool
        The tool with its settings.
    locs : Localizations
        The table that is chosen.
    path : str, optional
        The file that the steps began with.
    """
    from limelight.core import parts

    lines = ["import limelight", ""]
    if path is None:
        lines.append("locs = limelight.load_localizations('molecules_locs.hdf5')  # your file")
    else:
        lines.append(f"locs = limelight.load_localizations({path!r})")
    steps = [step[RECORD_KEY] for step in locs.provenance if RECORD_KEY in step]
    steps = [record for record in steps if "table" not in record]  # those were taken on files
    if steps and (steps[-1]["name"], steps[-1]["settings"]) == (tool.name, tool.settings_record()):
        steps.pop()  # it was just applied
    for record in steps:
        name = record["name"]
        known = parts.make("tools", name) if name in parts.names("tools") else None
        given = _arguments(record["settings"], known)
        lines.append(f"locs = limelight.apply_tool({name!r}, locs{given}).locs")
    own = _arguments(tool.settings_record(), tool)
    lines.append(f"result = limelight.apply_tool({tool.name!r}, locs{own})")
    lines.append("print(result.values)")
    if tool.suffix:
        lines.append(f"limelight.save_localizations(result.locs, {_result_name(path, tool)!r})")
    return "\n".join(lines) + "\n"


def _result_name(path: str | None, tool: Tool) -> str:
    from pathlib import Path

    base = Path(path).with_suffix("") if path else Path("molecules_locs")
    return str(base) + tool.suffix + ".hdf5"
