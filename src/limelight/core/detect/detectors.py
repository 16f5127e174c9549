"""The detectors that Limelight contributes: settings, and the work on a block of frames.

Kernels are imported when a detector is used, so that settings can be listed at no cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from limelight.core.errors import ParameterError
from limelight.core.settings import Settings, setting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from limelight.core.movie import Block
    from limelight.core.parts import ROI, Verdicts
    from limelight.core.spots import Candidates

__all__ = ["SNR", "NetGradient"]


class NetGradient(Settings):
    """Local maxima whose surroundings point to them, as in Picasso (Schnitzbauer et al. 2017)."""

    score_name: ClassVar[str] = "net_gradient"
    threshold_name: ClassVar[str] = "min_net_gradient"

    min_net_gradient: float = setting(
        5000.0,
        help="Least net gradient of a spot; as in Picasso, it depends on box and camera.",
        unit="counts",
    )

    def context(self, start: int, stop: int, length: int) -> tuple[int, int]:
        """Return the range of frames that it has to see: the frames themselves."""
        return start, stop

    def detect(self, block: Block, box: int, roi: ROI | None = None) -> Candidates:
        """Return the candidates of the block's own frames."""
        from limelight.core.detect.net_gradient import detect_net_gradient

        return detect_net_gradient(_less_background(block), self.min_net_gradient, box, roi=roi)

    def explain(self, block: Block, box: int, roi: ROI | None = None) -> Verdicts:
        """Tell for the block's first own frame what was found and why the rest was rejected."""
        from limelight.core.detect.net_gradient import explain_net_gradient

        image = _less_background(block)[0]
        return explain_net_gradient(image, self.min_net_gradient, box, roi=roi)


class SNR(Settings):
    """Spots that stand out of the noise of the camera and the light, as in PYME."""

    score_name: ClassVar[str] = "snr"
    threshold_name: ClassVar[str] = "min_snr"

    min_snr: float = setting(
        1.0,
        help="Least ratio of filtered signal to noise; 1 suits most movies, less finds fainter "
        "spots and more false ones.",
        low=0.0,
    )
    peaks: Literal["maxima", "labels"] = setting(
        "maxima",
        help="Every peak of the filtered image, or, as in PYME, every connected bright region.",
        advanced=True,
    )
    debounce: float = setting(
        0.0,
        help="Of spots at this distance or less the brightest stays.",
        unit="px",
        low=0.0,
        advanced=True,
    )
    noise: Literal["auto", "camera", "measured"] = setting(
        "auto",
        help="Noise from the camera's numbers, or measured in each frame; auto measures it where "
        "the camera is not calibrated.",
        advanced=True,
    )
    low_pass: float = setting(
        0.9,
        help="Width (sigma) of the Gaussian that takes off noise.",
        unit="px",
        low=0.1,
        high=50.0,
        advanced=True,
    )
    high_pass: float = setting(
        3.0,
        help="Width (sigma) of the Gaussian that takes off haze.",
        unit="px",
        low=0.2,
        high=100.0,
        advanced=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low_pass >= self.high_pass:
            raise ParameterError(
                f"SNR: low_pass must be less than high_pass, not {self.low_pass} px and "
                f"{self.high_pass} px."
            )

    def context(self, start: int, stop: int, length: int) -> tuple[int, int]:
        """Return the range of frames that it has to see: the frames themselves."""
        return start, stop

    def detect(self, block: Block, box: int, roi: ROI | None = None) -> Candidates:
        """Return the candidates of the block's own frames.

        The background is the temporal one that the block brings, else the level around each pixel.
        """
        from limelight.core.detect.snr import detect_snr

        settings = self._settings(block)
        return detect_snr(block.frames, block.start, block.stop, box=box, roi=roi, **settings)

    def explain(self, block: Block, box: int, roi: ROI | None = None) -> Verdicts:
        """Tell for the block's first own frame what was found and why the rest was rejected."""
        from limelight.core.detect.snr import explain_snr

        settings = self._settings(block)
        if block.background is not None:
            settings["background"] = block.background[0]
        return explain_snr(block.frames, block.start, box=box, roi=roi, **settings)

    def _settings(self, block: Block) -> dict[str, Any]:
        known = block.background
        return {
            "first": block.first,
            "length": block.length,
            "camera": block.camera,
            "threshold": self.min_snr,
            "background": "local" if known is None else known,
            "low_pass": self.low_pass,
            "high_pass": self.high_pass,
            "peaks": self.peaks,
            "debounce": self.debounce,
            "noise": self.noise,
        }


def _less_background(block: Block) -> NDArray[Any]:
    """Return the own frames less the block's temporal background, if it has one."""
    if block.background is None:
        return block.own
    return block.own.astype(np.float32) - block.background
