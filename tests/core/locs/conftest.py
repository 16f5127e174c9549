"""Tables with a known truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from limelight.core.localizations import Localizations

PIXEL_NM = 100.0


def make_blinking(
    molecules: int = 20_000,
    frames: int = 2_000,
    size: float = 64.0,
    precision: float = 0.1,
    sites: int = 1_000,
    bright: float = 3.0,
    drift: np.ndarray | None = None,
    seed: int = 0,
) -> Localizations:
    """Sites that shine again and again, for a geometric number of frames each time."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(3, size - 3, (sites, 2))
    events = max(int(molecules / bright), 1)
    site, first = rng.integers(0, sites, events), rng.integers(0, frames, events)
    length = rng.geometric(1 / bright, events)
    event = np.repeat(np.arange(events), length)
    frame = first[event] + np.arange(len(event)) - np.repeat(np.cumsum(length) - length, length)
    kept = frame < frames
    event, frame = event[kept], frame[kept]
    lpx, lpy = precision * rng.uniform(0.9, 1.1, (2, len(frame)))
    xy = place[site[event]] + rng.normal(size=(len(frame), 2)) * np.column_stack([lpx, lpy])
    if drift is not None:
        xy += drift[frame]
    order = np.argsort(frame, kind="stable")
    columns: dict[str, Any] = {
        "frame": frame,
        "x": xy[:, 0],
        "y": xy[:, 1],
        "photons": rng.lognormal(7, 0.4, len(frame)),
        "sx": rng.normal(1.2, 0.05, len(frame)),
        "sy": rng.normal(1.2, 0.05, len(frame)),
        "bg": rng.normal(20, 2, len(frame)),
        "lpx": lpx,
        "lpy": lpy,
    }
    info = {"Frames": frames, "Height": int(size), "Width": int(size), "Pixelsize": PIXEL_NM}
    return Localizations.from_columns({k: v[order] for k, v in columns.items()}, [info])


@pytest.fixture(scope="session")
def blinking() -> Localizations:
    return make_blinking()


@pytest.fixture(scope="session")
def blinking_maker() -> Any:
    return make_blinking


@pytest.fixture
def broken() -> dict[str, Localizations]:
    """Tables that no tool can use, by what is wrong with them."""
    good = make_blinking(2_000, 100).table
    nan = good.copy()
    nan.loc[5:8, "x"] = np.nan
    negative = good.astype({"frame": np.int64})
    negative.loc[0, "frame"] = -3
    infinite = good.copy()
    infinite.loc[3, "y"] = np.inf
    return {
        "empty": Localizations(good.iloc[:0]),
        "nan": Localizations(nan),
        "infinite": Localizations(infinite),
        "negative": Localizations(negative),
        "fractional": Localizations(good.assign(frame=good["frame"] + 0.5)),
        "text": Localizations(pd.DataFrame({"frame": ["a"], "x": [1.0], "y": [1.0]})),
    }
