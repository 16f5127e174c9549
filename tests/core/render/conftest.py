from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from limelight.core.localizations import Localizations

if TYPE_CHECKING:
    from collections.abc import Callable

FIELD = {"Height": 24, "Width": 30, "Frames": 100, "Pixelsize": 100}


def make(n: int = 400, seed: int = 0, **more: Any) -> Localizations:
    rng = np.random.default_rng(seed)
    columns = {
        "frame": rng.integers(0, 100, n),
        "y": rng.uniform(-2, 26, n),
        "x": rng.uniform(-2, 32, n),
        "z": rng.uniform(-400, 400, n),
        "photons": rng.gamma(2, 500, n),
        "lpy": rng.gamma(8, 0.02, n),
        "lpx": rng.gamma(8, 0.02, n),
    }
    return Localizations.from_columns({**columns, **more}, [FIELD])


@pytest.fixture(scope="session")
def make_table() -> Callable[..., Localizations]:
    """Return a function that makes molecules in and around a field of 24 x 30 pixels of 100 nm."""
    return make


@pytest.fixture(scope="session")
def table() -> Localizations:
    return make()


@pytest.fixture(scope="session")
def crowd() -> Localizations:
    """So many that views from afar are counted, not drawn one by one."""
    n = 400_000
    rng = np.random.default_rng(1)
    width = rng.gamma(8, 0.005, n)
    return make(n, 1, lpy=width, lpx=width)
