"""The table tools as plain calls: a table or a path in, a table or a measurement out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from limelight.core.errors import ParameterError
from limelight.core.job import run
from limelight.core.locs._table import as_locs
from limelight.core.locs.drift.curve import Drift, apply_drift
from limelight.core.locs.expression import range_text
from limelight.core.locs.region_text import write_regions
from limelight.core.watch import watched
from limelight.io.tables.dispatch import load_table, save_table
from limelight.io.tools import apply_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from limelight.core.job import Progress
    from limelight.core.localizations import Localizations
    from limelight.core.locs._table import Table
    from limelight.core.locs.assess import Quality
    from limelight.core.locs.precision import NeNA
    from limelight.core.locs.regions import Region
    from limelight.core.locs.resolution import FRC

    Source = Table | str | Path
    Save = bool | str | Path
    Told = Callable[[Progress], object] | None

__all__ = [
    "dbscan",
    "filter",
    "frc",
    "hdbscan",
    "link",
    "measure_drift",
    "neighbours",
    "nena",
    "pick",
    "quality",
    "undrift",
]


def _table(
    tool: str, source: Source, save: Save, on_progress: Told, settings: dict[str, Any]
) -> Localizations:
    result = apply_tool(tool, source, save=save, on_progress=on_progress, **settings)
    if result.locs is None:
        raise ParameterError(f"{tool} makes no table.")
    return result.locs


def measure_drift(
    source: Source, method: str = "aim", segment_frames: int | None = None, **settings: Any
) -> Drift:
    """Measure how the sample drifted.

    Parameters
    ----------
    source : Localizations, DataFrame or path
        The molecules.
    method : {"aim", "rcc", "fiducials"}
        By matching points, by correlating pictures, or from beads.
    segment_frames : int, optional
        Frames per segment; chosen from the table if not given.
    **settings
        Further settings of the tool ``undrift``.

    Returns
    -------
    Drift
        The curve, for `undrift`.
    """
    from limelight.core.locs.tools.undrift import Undrift

    tool = Undrift(method=method, segment_frames=segment_frames, **settings)
    locs = tool.checked(as_locs(source) if not _is_path(source) else load_table(source))  # type: ignore[arg-type]
    return run(watched(lambda: tool.measure(locs)))


def undrift(
    source: Source,
    method: str = "aim",
    segment_frames: int | None = None,
    *,
    drift: Drift | None = None,
    save: Save = False,
    on_progress: Told = None,
    **settings: Any,
) -> Localizations:
    """Take the drift of the sample out of a table.

    Parameters
    ----------
    source : Localizations, DataFrame or path
        The molecules.
    method : {"aim", "rcc", "fiducials"}
        By matching points, by correlating pictures, or from beads.
    segment_frames : int, optional
        Frames per segment; chosen from the table if not given.
    drift : Drift, optional
        Take this one out instead of measuring: of `measure_drift`, or of another channel.
    save : bool or path, optional
        Write ``<name>_undrift.hdf5`` and ``<name>_drift.txt`` beside the file that was given, or
        under that path.
    on_progress : callable, optional
        Called with every `Progress`.
    **settings
        Further settings of the tool ``undrift``.

    Returns
    -------
    Localizations
        The molecules where they would have been without drift.
    """
    if drift is None:
        settings = {"method": method, "segment_frames": segment_frames, **settings}
        return _table("undrift", source, save, on_progress, settings)
    corrected = apply_drift(load_table(source) if _is_path(source) else source, drift)  # type: ignore[arg-type]
    if isinstance(save, bool):
        if save:
            raise ParameterError("undrift: with a drift that is given, give save= a path.")
    else:
        save_table(corrected, save)
    return corrected


def _is_path(source: Any) -> bool:
    from pathlib import Path

    return isinstance(source, str | Path)


def link(
    source: Source,
    max_distance: float = 0.5,
    dark_frames: int = 3,
    *,
    save: Save = False,
    on_progress: Told = None,
    **settings: Any,
) -> Localizations:
    """Join the appearances of a molecule in successive frames into events.

    Parameters
    ----------
    source : Localizations, DataFrame or path
        The molecules.
    max_distance : float
        Largest distance from one appearance to the next, px.
    dark_frames : int
        Frames that it may be dark in between.
    save : bool or path, optional
        Write ``<name>_link.hdf5`` beside the file that was given, or that file.
    on_progress : callable, optional
        Called with every `Progress`.
    **settings
        Further settings of the tool ``link``.

    Returns
    -------
    Localizations
        A row per event; ``len`` frames, ``n`` localizations.
    """
    settings = {"max_distance": max_distance, "dark_frames": dark_frames, **settings}
    return _table("link", source, save, on_progress, settings)


def dbscan(
    source: Source,
    radius: float = 0.3,
    min_samples: int = 4,
    *,
    save: Save = False,
    on_progress: Told = None,
    **settings: Any,
) -> Localizations:
    """Find clusters by density.

    Parameters
    ----------
    source : Localizations, DataFrame or path
        The molecules.
    radius : float
        How far a molecule's neighbourhood reaches, px.
    min_samples : int
        Molecules within the radius that make a dense place.
    save : bool or path, optional
        Write ``<name>_dbscan.hdf5`` and ``<name>_dbclusters.hdf5`` beside the file that was given,
        or under that path.
    on_progress : callable, optional
        Called with every `Progress`.
    **settings
        Further settings of the tool ``dbscan``.

    Returns
    -------
    Localizations
        The molecules in clusters, with the cluster's number in ``group``.
    """
    settings = {"radius": radius, "min_samples": min_samples, **settings}
    return _table("dbscan", source, save, on_progress, settings)


def hdbscan(
    source: Source,
    min_cluster_size: int = 10,
    min_samples: int | None = None,
    *,
    save: Save = False,
    on_progress: Told = None,
    **settings: Any,
) -> Localizations:
    """Find clusters of different densities; needs scikit-learn.

    Parameters
    ----------
    source : Localizations, DataFrame or path
        The molecules.
    min_cluster_size : int
        Molecules that make a cluster.
    min_samples : int, optional
        Molecules that make a dense place; as many as a cluster has by default.
    save : bool or path, optional
        Write ``<name>_hdbscan.hdf5`` and ``<name>_hdbclusters.hdf5``, or under that path.
    on_progress : callable, optional
        Called with every `Progress`.
    **settings
        Further settings of the tool ``hdbscan``.

    Returns
    -------
    Localizations
        The molecules in clusters, with the cluster's number in ``group``.
    """
    settings = {"min_cluster_size": min_cluster_size, "min_samples": min_samples, **settings}
    return _table("hdbscan", source, save, on_progress, settings)


def filter(
    source: Source,
    where: str = "",
    *,
    drop_nan: bool = False,
    save: Save = False,
    on_progress: Told = None,
    **ranges: tuple[float | None, float | None],
) -> Localizations:
    """Keep the molecules that a condition holds for.

    Parameters
    ----------
    source : Localizations, DataFrame or path
        The molecules.
    where : str
        The condition, such as ``"photons > 500 and 0.8 < sx < 1.6"``.
    drop_nan : bool
        Leave out molecules of which any column is not a finite number.
    save : bool or path, optional
        Write ``<name>_filter.hdf5`` beside the file that was given, or that file.
    on_progress : callable, optional
        Called with every `Progress`.
    **ranges
        A range (low, high) by the name of a column, both ends included, None for an open end:
        ``photons=(500, None)``.

    Returns
    -------
    Localizations
        What is kept.
    """
    conditions = [f"({where})"] if where.strip() and ranges else [where] if where.strip() else []
    conditions += [range_text(ranges)] if ranges else []
    settings = {"where": " and ".join(c for c in conditions if c), "drop_nan": drop_nan}
    return _table("filter", source, save, on_progress, settings)


def pick(
    source: Source,
    regions: str | Path | Sequence[Region],
    *,
    save: Save = False,
    on_progress: Told = None,
) -> Localizations:
    """Keep the molecules in regions.

    Parameters
    ----------
    source : Localizations, DataFrame or path
        The molecules.
    regions : sequence of Region, str or path
        Circles, rectangles, polygons; or as text, such as ``"circle 12.5 20 1.5"``; or one of
        Picasso's files of picks.
    save : bool or path, optional
        Write ``<name>_picked.hdf5`` and ``<name>_pickprops.hdf5``, or under that path.
    on_progress : callable, optional
        Called with every `Progress`.

    Returns
    -------
    Localizations
        The molecules by region, with the region's number in ``group``.
    """
    text = str(regions) if isinstance(regions, str) or _is_path(regions) else write_regions(regions)  # type: ignore[arg-type]
    return _table("pick", source, save, on_progress, {"regions": text})


def neighbours(
    source: Source, count: int = 1, *, save: Save = False, on_progress: Told = None
) -> Localizations:
    """Measure how far it is to the nearest molecules.

    Parameters
    ----------
    source : Localizations, DataFrame or path
        The molecules.
    count : int
        How many neighbours of each.
    save : bool or path, optional
        Write ``<name>_neighbours.hdf5`` beside the file that was given, or that file.
    on_progress : callable, optional
        Called with every `Progress`.

    Returns
    -------
    Localizations
        The table with the columns ``nn1_nm``, ``nn2_nm``, ...
    """
    return _table("neighbours", source, save, on_progress, {"count": count})


def nena(
    source: Source, max_distance: float = 1.0, *, on_progress: Told = None, **settings: Any
) -> NeNA:
    """Measure the localization precision from molecules that shine in two adjacent frames.

    Parameters
    ----------
    source : Localizations, DataFrame or path
        The molecules, not linked.
    max_distance : float
        Largest distance that is looked at, px.
    on_progress : callable, optional
        Called with every `Progress`.
    **settings
        Further settings of the tool ``nena``.

    Returns
    -------
    NeNA
        ``sigma_nm``, ``reliable``, ``notes`` and the curves.
    """
    settings = {"max_distance": max_distance, **settings}
    found: NeNA = apply_tool("nena", source, on_progress=on_progress, **settings).found
    return found


def frc(
    source: Source,
    pixel_size_nm: float | None = None,
    split: str = "blocks",
    *,
    on_progress: Told = None,
    **settings: Any,
) -> FRC:
    """Measure the resolution of a table by Fourier ring correlation.

    Parameters
    ----------
    source : Localizations, DataFrame or path
        The molecules, without drift.
    pixel_size_nm : float, optional
        Pixel of the pictures; half the median precision by default.
    split : {"blocks", "molecules"}
        Halve by blocks of frames, or molecule by molecule.
    on_progress : callable, optional
        Called with every `Progress`.
    **settings
        Further settings of the tool ``frc``.

    Returns
    -------
    FRC
        ``resolution_nm``, ``reliable``, ``notes`` and the curve.
    """
    settings = {"pixel_size_nm": pixel_size_nm, "split": split, **settings}
    found: FRC = apply_tool("frc", source, on_progress=on_progress, **settings).found
    return found


def quality(
    source: Source, sample: int = 1_000_000, *, on_progress: Told = None, **settings: Any
) -> Quality:
    """Measure what one looks at before one believes a result.

    Parameters
    ----------
    source : Localizations, DataFrame or path
        The molecules, not linked.
    sample : int
        Most molecules to look at.
    on_progress : callable, optional
        Called with every `Progress`.
    **settings
        Further settings of the tool ``quality``.

    Returns
    -------
    Quality
        Figures by name (``to_dict()``), and the curves.
    """
    found: Quality = apply_tool(
        "quality", source, on_progress=on_progress, sample=sample, **settings
    ).found
    return found
