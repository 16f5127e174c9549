"""Where are the molecules? Detection, temporal background, and the cutting of boxes.

Names load on first use, so that nothing is compiled or imported before it is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limelight.core.detect.cut import cut_map, cut_spots
    from limelight.core.detect.net_gradient import (
        detect_net_gradient,
        explain_net_gradient,
        gradient_weights,
        net_gradient_at,
    )

__all__ = [
    "cut_map",
    "cut_spots",
    "detect_net_gradient",
    "explain_net_gradient",
    "gradient_weights",
    "net_gradient_at",
]

_HOME = {
    "cut_map": "cut",
    "cut_spots": "cut",
    "detect_net_gradient": "net_gradient",
    "explain_net_gradient": "net_gradient",
    "gradient_weights": "net_gradient",
    "net_gradient_at": "net_gradient",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
