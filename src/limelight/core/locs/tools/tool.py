"""What every table tool is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.locs._table import Table, as_locs
from limelight.core.settings import Settings
from limelight.core.watch import watched

if TYPE_CHECKING:
    from limelight.core.job import Job
    from limelight.core.locs.result import ToolResult

__all__ = ["RECORD_KEY", "Tool"]

RECORD_KEY = "Limelight tool"
"""Under this key of a step of the provenance a tool notes its name, version and settings."""


class Tool(Settings):
    """Base of the table tools: subclass it, list settings, write `apply`, register it.

    A package adds a tool of its own through an entry point of the group ``limelight.tools``.
    """

    name = ""
    """Name of the command, and under which it is registered."""
    title = ""
    """What it does, in two or three words."""
    suffix = ""
    """Added to the name of the file for the new table; empty for a tool that only measures."""
    groups_suffix = ""
    """Added to the name of the file for the table of groups."""

    def apply(self, locs: Localizations) -> ToolResult:
        """Do the work; ``locs`` is not empty."""
        raise ParameterError(f"{type(self).__name__} does not say how it is applied.")

    def run(self, table: Table) -> Job[ToolResult]:
        """Work on a table, step by step.

        Parameters
        ----------
        table : Localizations or DataFrame
            The molecules; they are not changed.

        Yields
        ------
        Progress
            How far it is.

        Returns
        -------
        ToolResult
            Figures, and what else the tool makes.

        Raises
        ------
        ParameterError
            If the table is empty or lacks what the tool needs.
        """
        locs = self.checked(table)
        result = yield from watched(lambda: self.apply(locs), self.title)
        return self.noted(result)

    def checked(self, table: Table) -> Localizations:
        """Return the table, or say that there is nothing in it."""
        locs = as_locs(table)
        if len(locs) == 0:
            raise ParameterError(
                f"{self.name}: the table is empty. Lower the detection threshold or loosen the "
                "filters."
            )
        return locs

    def settings_record(self) -> dict[str, Any]:
        """Return the settings in types that a file can hold."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in self.to_dict().items()}

    def noted(self, result: ToolResult) -> ToolResult:
        """Return the result with the tool's name and settings in the new table's history."""
        if result.locs is None or not result.locs.provenance:
            return result
        from limelight import __version__

        *before, step = result.locs.provenance
        record = {"name": self.name, "version": __version__, "settings": self.settings_record()}
        step = {**step, RECORD_KEY: record}
        return replace(result, locs=Localizations(result.locs.table, [*before, step]))
