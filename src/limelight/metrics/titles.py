"""What the columns of the history are called where people read them, with their units."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TITLES", "Title", "title_of"]


@dataclass(frozen=True)
class Title:
    """A column's name for people.

    Parameters
    ----------
    name : str
        Short, for the heading of a table.
    unit : str
        Unit; empty where there is none.
    meaning : str
        One sentence.
    """

    name: str
    unit: str
    meaning: str

    @property
    def full(self) -> str:
        """Name and unit: "NeNA (nm)"."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


TITLES: dict[str, Title] = {
    "id": Title("No.", "", "Number of the run in the database"),
    "started": Title("Started", "", "When the measurement or the computation began, local time"),
    "file": Title("File", "", "What was written"),
    "source": Title("Made from", "", "What it was made from, such as the movie"),
    "kind": Title("Kind", "", "What was done"),
    "group": Title("Group", "", "Experiment, person or project that it belongs to"),
    "tags": Title("Tags", "", "Further words to find it by"),
    "camera": Title("Camera", "", "The instrument"),
    "duration_s": Title("Took", "s", "How long the run took"),
    "frames": Title("Frames", "", "Frames of the movie"),
    "n_locs": Title("Molecules", "", "Localizations in the table"),
    "locs_per_frame": Title("Per frame", "", "Mean number of localizations per frame"),
    "median_photons": Title("Photons", "photons", "Median photons of a localization"),
    "median_bg": Title("Background", "photons/px", "Median background per pixel"),
    "median_sx": Title("Sigma x", "px", "Median standard deviation of the spots along x"),
    "median_sy": Title("Sigma y", "px", "Median standard deviation of the spots along y"),
    "median_lpx": Title("Precision x", "px", "Median precision along x, as the fit tells it"),
    "median_lpy": Title("Precision y", "px", "Median precision along y, as the fit tells it"),
    "nena_px": Title("NeNA", "px", "Precision from nearest neighbours in successive frames"),
    "nena_nm": Title("NeNA", "nm", "Precision from nearest neighbours in successive frames"),
    "frc_nm": Title("FRC", "nm", "Resolution by Fourier ring correlation"),
    "bright_time": Title("Bright time", "frames", "How long molecules stay bright"),
    "drift_rcc_x": Title("Drift x, RCC", "px", "Range of the drift along x, cross-correlation"),
    "drift_rcc_y": Title("Drift y, RCC", "px", "Range of the drift along y, cross-correlation"),
    "drift_aim_x": Title("Drift x", "px", "Range of the drift along x, by matching points"),
    "drift_aim_y": Title("Drift y", "px", "Range of the drift along y, by matching points"),
    "n_beads": Title("Beads", "", "Beads that were measured"),
    "fwhm_x_nm": Title("FWHM x", "nm", "Full width of the point spread function along x"),
    "fwhm_y_nm": Title("FWHM y", "nm", "Full width of the point spread function along y"),
    "fwhm_z_nm": Title("FWHM z", "nm", "Full width of the point spread function along z"),
    "n_objects": Title("Objects", "", "Objects that were segmented"),
    "dropped_frames": Title("Dropped", "frames", "Frames that were lost in the acquisition"),
}
"""Titles of the columns of `limelight.metrics.Rows`."""


def title_of(column: str) -> Title:
    """Return the title of a column, also of one that is not among `TITLES`."""
    known = TITLES.get(column)
    if known is not None:
        return known
    words = column.replace("_", " ").strip()
    return Title(f"{words[:1].upper()}{words[1:]}", "", f"The figure {column}")
