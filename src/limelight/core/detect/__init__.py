"""Where are the molecules? Detection, temporal background, and the cutting of boxes.

Names load on first use, so that nothing is compiled or imported before it is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limelight.core.detect.background import background_context, temporal_background
    from limelight.core.detect.cut import cut_map, cut_spots
    from limelight.core.detect.net_gradient import (
        detect_net_gradient,
        explain_net_gradient,
        gradient_weights,
        net_gradient_at,
    )
    from limelight.core.detect.snr import detect_snr, explain_snr

__all__ = [
    "background_context",
    "cut_map",
    "cut_spots",
    "detect_net_gradient",
    "detect_snr",
    "explain_net_gradient",
    "explain_snr",
    "gradient_weights",
    "net_gradient_at",
    "temporal_background",
]

_HOME = {
    "background_context": "background",
    "cut_map": "cut",
    "cut_spots": "cut",
    "detect_net_gradient": "net_gradient",
    "detect_snr": "snr",
    "explain_net_gradient": "net_gradient",
    "explain_snr": "snr",
    "gradient_weights": "net_gradient",
    "net_gradient_at": "net_gradient",
    "temporal_background": "background",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
