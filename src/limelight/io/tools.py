"""Table tools on files: read a table of any format, apply a tool, write the results beside it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core import parts
from limelight.core.errors import FileError, ParameterError
from limelight.core.job import Progress, run
from limelight.core.localizations import Localizations
from limelight.core.locs.tools.tool import RECORD_KEY, Tool
from limelight.core.watch import watched
from limelight.io.atomic import replacing
from limelight.io.documents import load_documents
from limelight.io.picks import load_picks
from limelight.io.tables.dispatch import load_table, save_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from limelight.core.job import Job
    from limelight.core.locs._table import Table
    from limelight.core.locs.drift.curve import Drift
    from limelight.core.locs.result import ToolResult
    from limelight.core.report import RunRecord

__all__ = [
    "Applied",
    "Targets",
    "apply_tool",
    "apply_tool_job",
    "load_drift",
    "run_tool",
    "save_drift",
    "save_result",
    "targets_named",
    "tool_of",
]


@dataclass(frozen=True)
class Targets:
    """Where a tool's results go.

    Parameters
    ----------
    table, groups, drift : path
        ``NAME_link.hdf5``, ``NAME_dbclusters.hdf5``, ``NAME_drift.txt``; only those that the tool
        makes are written.
    """

    table: Path
    groups: Path
    drift: Path

    @classmethod
    def beside(cls, source: Path, tool: Tool, suffix: str = "", kind: str = ".hdf5") -> Targets:
        """Return the names beside a table, as Picasso's commands choose them.

        Parameters
        ----------
        source : path
            The table that was read.
        tool : Tool
            What is done to it.
        suffix : str
            Added to all names.
        kind : str
            Suffix of the tables' format.
        """
        base = source.with_suffix("").name
        return cls(
            source.with_name(f"{base}{tool.suffix or '_' + tool.name}{suffix}{kind}"),
            source.with_name(f"{base}{tool.groups_suffix or '_groups'}{suffix}{kind}"),
            source.with_name(f"{base}_drift{suffix}.txt"),
        )


@dataclass(frozen=True, eq=False)
class Applied:
    """What a tool made of a file.

    Parameters
    ----------
    source : path
        The table that was read.
    tool : Tool
        What was done.
    result : ToolResult
        What was found.
    saved : tuple of path
        The files that were written.
    seconds : float
        Time that it took, reading and writing included.
    """

    source: Path
    tool: Tool
    result: ToolResult
    saved: tuple[Path, ...] = ()
    seconds: float = 0.0

    def record(self, **others: Any) -> RunRecord:
        """Return what a database keeps of it; ``others`` are further fields of `RunRecord`."""
        from limelight.core.report import RunRecord

        fields: dict[str, Any] = {
            "kind": "tool",
            "file": self.saved[0] if self.saved else None,
            "source": self.source,
            "tags": (self.tool.name,),
            "duration_s": self.seconds,
            "settings": {"tool": self.tool.name, **self.tool.settings_record()},
            "figures": self.result.values,
            "notes": {m.name: m.note for m in self.result.measures if m.note},
        }
        return RunRecord(**{**fields, **others})


def tool_of(tool: Tool | str, **settings: Any) -> Tool:
    """Return a tool, by its name and settings or as it is."""
    if isinstance(tool, str):
        made: Tool = parts.make("tools", tool, **settings)
        return made
    return tool.replace(**settings) if settings else tool


def run_tool(tool: Tool, locs: Localizations) -> Job[ToolResult]:
    """Apply a tool to a table, as `Tool.run` does, after reading the files that settings name.

    These are a file of picks as the regions of ``pick``, and the ``drift_file`` of ``undrift``.
    """
    tool = _with_picks(tool, locs.pixel_size_nm)
    if not getattr(tool, "drift_file", ""):
        return (yield from tool.run(locs))
    from limelight.core.locs.tools.undrift import Undrift

    if not isinstance(tool, Undrift):
        return (yield from tool.run(locs))
    undrift, table = tool, tool.checked(locs)
    drift = load_drift(tool.drift_file.strip())
    result = yield from watched(lambda: undrift.taken_out(table, drift), tool.title)
    return tool.noted(result)


def _with_picks(tool: Tool, pixel_size_nm: float) -> Tool:
    """Put the regions of a file of picks in the place of its name."""
    text = getattr(tool, "regions", None)
    if not isinstance(text, str) or ";" in text or not text.lower().endswith((".yaml", ".txt")):
        return tool
    from limelight.core.locs.region_text import write_regions

    return tool.replace(regions=write_regions(load_picks(text.strip(), pixel_size_nm)))


def apply_tool_job(
    tool: Tool,
    source: str | Path,
    *,
    save: bool = True,
    suffix: str = "",
    kind: str = ".hdf5",
    overwrite: bool = False,
    pixel_size_nm: float | None = None,
) -> Job[Applied]:
    """Apply a tool to a file, and write the results beside it.

    Parameters
    ----------
    tool : Tool
        What to do, such as ``parts.make("tools", "undrift", method="rcc")``.
    source : path
        A table of any format that `load_table` reads.
    save : bool
        Whether to write the new tables and the drift; figures alone are never written.
    suffix : str
        Added to the names of the results.
    kind : str
        Suffix of the results' format.
    overwrite : bool
        Replace files that this tool did not make of this table.
    pixel_size_nm : float, optional
        Size of a camera pixel, where the file does not tell it.

    Yields
    ------
    Progress
        How far it is.

    Returns
    -------
    Applied
        Result and files.

    Raises
    ------
    FileError
        If the table cannot be read, or a result not be written.
    ParameterError
        If the table is of no use for the tool, or a file that is there must not be replaced.
    """
    begun = time.monotonic()
    path = Path(source).expanduser()
    tool = tool_of(tool)
    targets = Targets.beside(path, tool, suffix, kind)
    if save and tool.suffix and not overwrite:
        _check_replaceable(targets, path, tool)
    yield Progress(0, 1, f"Reading {path.name}")
    try:
        locs = load_table(path, pixel_size_nm=pixel_size_nm)
        result = yield from run_tool(tool, locs)
    except ParameterError as error:
        raise ParameterError(f"{path.name}: {error}") from error
    if result.locs is not None:
        result = replace(result, locs=_from(result.locs, path))
    saved: tuple[Path, ...] = ()
    if save and result.locs is not None:
        yield Progress(0, 1, f"Writing {targets.table.name}")
        saved = save_result(result, targets)
    return Applied(path, tool, result, saved, time.monotonic() - begun)


def apply_tool(
    tool: Tool | str,
    source: Table | str | Path,
    *,
    save: bool | str | Path = False,
    on_progress: Callable[[Progress], object] | None = None,
    **settings: Any,
) -> ToolResult:
    """Apply a tool to a table or a file.

    Parameters
    ----------
    tool : Tool or str
        The tool, or its name: ``"undrift"``, ``"link"``, ``"filter"``, ``"pick"``, ``"dbscan"``,
        ``"hdbscan"``, ``"nena"``, ``"frc"``, ``"neighbours"``, ``"quality"``, or one of another
        package.
    source : Localizations, DataFrame or path
        The molecules.
    save : bool or path
        Write the new table: beside the file that was given, with the tool's suffix, or there.
    on_progress : callable, optional
        Called with every `Progress`.
    **settings
        Of the tool.

    Returns
    -------
    ToolResult
        Figures (``values``), the new table (``locs``), statistics of clusters or regions
        (``groups``), the drift, curves.

    Raises
    ------
    ParameterError
        If a setting or the table is of no use.
    FileError
        If a file cannot be read or written.
    """
    made = tool_of(tool, **settings)
    if isinstance(source, str | Path):
        beside = save is True
        applied = run(apply_tool_job(made, source, save=beside), on_progress)
        result = applied.result
    else:
        if save is True:
            raise ParameterError(
                f"{made.name}: a table in memory has no file to save beside. Give save= a path."
            )
        result = run(run_tool(made, made.checked(source)), on_progress)
    if not isinstance(save, bool):
        save_result(result, targets_named(Path(save).expanduser(), made))
    return result


def targets_named(path: Path, tool: Tool) -> Targets:
    """Return where results go if the table has that name."""
    kind = path.suffix or ".hdf5"
    base = path.with_suffix("").name
    return Targets(
        path.with_name(f"{base}{kind}"),
        path.with_name(f"{base}{tool.groups_suffix or '_groups'}{kind}"),
        path.with_name(f"{base}_drift.txt"),
    )


def save_result(result: ToolResult, targets: Targets) -> tuple[Path, ...]:
    """Write what a tool made: its table, its groups, its drift.

    Returns
    -------
    tuple of path
        The files.
    """
    saved: list[Path] = []
    if result.locs is not None:
        saved.append(save_table(result.locs, targets.table))
        if result.groups is not None and len(result.groups):
            groups = Localizations(result.groups, result.locs.provenance)
            saved.append(save_table(groups, targets.groups))
    if result.drift is not None:
        saved.append(save_drift(result.drift, targets.drift))
    return tuple(saved)


def save_drift(drift: Drift, path: str | Path) -> Path:
    """Write a drift as Picasso's ``_drift.txt``: a line per frame, x and y (px), in 3D z (nm).

    Returns
    -------
    path
        The file.
    """
    path = Path(path)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savetxt(file, drift.to_table().to_numpy(), newline="\r\n")
    return path


def load_drift(path: str | Path) -> Drift:
    """Read a drift that Picasso or `save_drift` wrote.

    Raises
    ------
    FileError
        If it is not a table of two or three numbers per line.
    """
    from limelight.core.locs.drift.curve import Drift

    path = Path(path).expanduser()
    try:
        values = np.loadtxt(path, ndmin=2)
    except OSError as error:
        raise FileError(path, f"it cannot be read ({error.strerror or error}).") from error
    except (ValueError, UserWarning) as error:
        raise FileError(
            path, "it is not a drift: a line per frame with x, y and perhaps z.", "Choose another."
        ) from error
    if values.shape[1] not in (2, 3) or not len(values):
        raise FileError(
            path, "it is not a drift: a line per frame with x, y and perhaps z.", "Choose another."
        )
    x, y = values[:, 0], values[:, 1]
    z = values[:, 2] if values.shape[1] == 3 else None
    return Drift(x, y, z, "file", {"Drift file": path.name})


def _from(locs: Localizations, source: Path) -> Localizations:
    """Note in the tool's record which file was read."""
    *before, step = locs.provenance
    record = {**step.get(RECORD_KEY, {}), "table": source.name}
    return Localizations(locs.table, [*before, {**step, RECORD_KEY: record}])


def _check_replaceable(targets: Targets, source: Path, tool: Tool) -> None:
    """Raise if a result would take the place of something else."""
    target = targets.table
    if target.exists() and target.samefile(source):
        raise ParameterError(f"{target.name} is the table itself. Give --suffix to keep both.")
    if not target.exists():
        return
    made = _record(target.with_suffix(".yaml"))
    if made.get("name") != tool.name:
        raise ParameterError(
            f"{target.name} is there already, and not of Limelight's {tool.name}. Give --suffix to "
            "keep both, or --overwrite."
        )
    if made.get("table", source.name) != source.name:
        raise ParameterError(
            f"{target.name} was made from {made['table']}, and {source.name} would have the same "
            "name. Give --suffix to keep both, or --overwrite."
        )


def _record(path: Path) -> dict[str, Any]:
    """Return what the last tool noted in the file beside a table; empty where none did."""
    try:
        documents = load_documents(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    record = documents[-1].get(RECORD_KEY) if documents else None
    return record if isinstance(record, dict) else {}
