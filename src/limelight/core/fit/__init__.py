"""What are the molecules exactly? One file per model, each callable on plain arrays.

Every fit takes spots, ``photons`` of shape (N, box, box), and returns a dictionary of columns
with a row per molecule: ``x`` and ``y`` in pixels from the centre pixel of the box (x along the
columns), ``photons``, ``bg`` (photons per pixel), ``sx``, ``sy``, ``lpx``, ``lpy`` (pixels), and
what else the model knows. A spot that cannot be fitted has NaN in all of them.

The kernels are compiled on first use, and the names here load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limelight.core.fit.avg import fit_avg
    from limelight.core.fit.lq import fit_lq
    from limelight.core.fit.mle import fit_mle
    from limelight.core.fit.phasor import fit_phasor
    from limelight.core.fit.spline import fit_spline

_HOMES = {
    "fit_avg": "limelight.core.fit.avg",
    "fit_lq": "limelight.core.fit.lq",
    "fit_mle": "limelight.core.fit.mle",
    "fit_phasor": "limelight.core.fit.phasor",
    "fit_spline": "limelight.core.fit.spline",
}

__all__ = ["fit_avg", "fit_lq", "fit_mle", "fit_phasor", "fit_spline"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'limelight.core.fit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
