"""What the bead tools want to know: typed settings, one class per tool."""

from __future__ import annotations

from typing import Any, Literal

from limelight.core.errors import ParameterError
from limelight.core.settings import Settings, setting

__all__ = ["BeadSettings", "CalibrationSettings", "FindingSettings", "SplineSettings"]


class FindingSettings(Settings):
    """How beads are found in a stack."""

    box: int = setting(
        15,
        help="Side length of the region around a bead, odd; other beads must lie outside.",
        unit="px",
        low=7,
        high=101,
    )
    sigma: float = setting(
        1.5,
        help="Width of a bead in the mean of all slices; larger for shapes with lobes.",
        unit="px",
        low=0.5,
        high=20.0,
    )
    threshold: float = setting(
        12.0,
        help="Least height of a bead above its surroundings, in units of the noise.",
        low=1.0,
        high=1e6,
    )
    separation: float | None = setting(
        None,
        help="Least distance to another bead; none: the side of the box.",
        unit="px",
        low=0.0,
        high=1000.0,
        advanced=True,
    )
    saturation: float | None = setting(
        None,
        help="Count from which a voxel is saturated; none: found by the number of bits.",
        unit="counts",
        low=1.0,
        advanced=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.box % 2 == 0:
            raise ParameterError(
                f"The box needs a centre pixel: choose {self.box - 1} or {self.box + 1}, "
                f"not {self.box}."
            )

    def finding(self) -> dict[str, Any]:
        """Return the arguments of `limelight.core.psf.find_beads`."""
        names = ("box", "sigma", "threshold", "separation", "saturation")
        return {name: getattr(self, name) for name in names}


class BeadSettings(FindingSettings):
    """Measure beads: widths, asymmetry, tilt, signal, and how they vary over the view."""

    method: Literal["lq", "mle"] = setting(
        "lq", help="Least squares, or the likelihood of Poisson noise."
    )
    bead_diameter_um: float = setting(
        0.0,
        help="Diameter of the beads, taken off the widths; 0: points.",
        unit="µm",
        low=0.0,
        high=5.0,
    )
    na: float | None = setting(
        None, help="Numerical aperture, for the theoretical widths.", low=0.05, high=1.7
    )
    wavelength_nm: float | None = setting(
        None, help="Emission wavelength, for the theoretical widths.", unit="nm", low=200, high=2000
    )
    index: float = setting(
        1.518,
        help="Refractive index of the immersion: air 1.0, water 1.333, oil 1.518.",
        low=1.0,
        high=2.0,
    )
    microscope: Literal["widefield", "confocal"] = setting(
        "widefield", help="Kind of microscope, for the theoretical widths."
    )


class CalibrationSettings(FindingSettings):
    """Make an astigmatic calibration: widths of beads along z."""

    fit_box: int = setting(
        13,
        help="Side length of the box that is fitted, odd; the one that molecules will have.",
        unit="px",
        low=5,
        high=31,
    )
    magnification_factor: float = setting(
        1.0,
        help="z in the sample over z of the stage; about 0.8 for oil on a watery sample.",
        low=0.01,
        high=10.0,
    )
    first: int = setting(0, help="First slice that is used.", low=0, advanced=True)
    last: int | None = setting(
        None, help="Last slice that is used; none: the stack's.", low=0, advanced=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fit_box % 2 == 0:
            raise ParameterError(f"fit_box must be odd, not {self.fit_box}.")


class SplineSettings(FindingSettings):
    """Average beads to a measured point spread function: an image, and a spline to fit with."""

    box: int = setting(
        25,
        help="Side length of the region around a bead, odd; about twice the box of the later fit.",
        unit="px",
        low=9,
        high=101,
    )
    smooth_nm: float = setting(
        25.0,
        help="Structure along z shorter than about six times this is taken as noise.",
        unit="nm",
        low=0.0,
        high=500.0,
    )
    similarity: float = setting(
        0.9,
        help="Beads that correlate less than this with the average are left out.",
        low=0.0,
        high=1.0,
    )
    magnification_factor: float = setting(
        1.0,
        help="z in the sample over z of the stage; about 0.8 for oil on a watery sample.",
        low=0.01,
        high=10.0,
    )
