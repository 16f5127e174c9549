"""Which columns the formats of tables hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from limelight.core.localizations import Localizations

__all__ = ["HELD", "columns_lost", "explain_lost"]

_ALL = ("frame", "x", "y", "z", "photons", "bg", "lpx", "lpy")
HELD: dict[str, tuple[str, ...] | None] = {
    "picasso": None,
    "thunderstorm": None,
    "plain": None,
    "rapidstorm": _ALL,
    "pyme": (*_ALL, "lpz", "sx", "sy", "sx_unc"),
    "smap": None,
    "decode": (*_ALL, "lpz", "photons_unc", "bg_unc"),
    "smlm": None,
    "parquet": None,
}
"""The columns that each format holds; None: all of them."""


def columns_lost(locs: Localizations, form: str) -> list[str]:
    """Return the columns of a table that a format does not hold.

    Parameters
    ----------
    locs : Localizations
        The table.
    form : str
        One of `limelight.io.tables.dispatch.FORMATS`.
    """
    held = HELD[form]
    return [] if held is None else [c for c in locs.columns if c not in held]


def explain_lost(locs: Localizations, form: str) -> str:
    """Say which columns of a table a format does not hold; empty where it holds all."""
    lost = columns_lost(locs, form)
    if not lost:
        return ""
    return (
        f"this format does not hold {', '.join(lost)}; the other columns are in it. "
        "Save for Picasso too, to keep all."
    )
