from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from limelight.acquire.storage import FORMATS, create
from limelight.core.frame import Frame
from limelight.core.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from limelight.acquire.storage.writer import Writer

HEIGHT, WIDTH = 24, 20


def _image(seed: int, dtype: Any = np.uint16, shape: tuple[int, ...] = (HEIGHT, WIDTH)) -> Any:
    """Pixels that are different for every seed."""
    values = np.random.default_rng(seed).integers(0, 250, shape)
    return values.astype(dtype)


def _frame(seed: int, axes: dict[str, Any], dtype: Any = np.uint16, **metadata: Any) -> Frame:
    about = {"Axes": dict(axes), "Exposure-ms": 10.0, "Camera": "Cam", **metadata}
    return Frame(_image(seed, dtype), seed, axes, about)


@pytest.fixture
def image() -> Any:
    return _image


@pytest.fixture
def frame() -> Any:
    return _frame


@pytest.fixture(params=sorted(FORMATS))
def format_(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def begin(tmp_path: Any) -> Callable[..., Writer]:
    """Begin a data set, finished at the end of the test."""
    writers: list[Writer] = []

    def start(format: str = "ndtiff", dtype: Any = np.uint16, **more: Any) -> Writer:
        summary = {"PixelSize_um": 0.1, "z-step_um": 0.25, **more.pop("summary", {})}
        stream = Stream((HEIGHT, WIDTH), np.dtype(dtype), sizes=more.pop("sizes", {}))
        folder = more.pop("folder", tmp_path / "data")
        name = more.pop("name", "scan")
        writer = create(folder, name, format, stream=stream, summary=summary, **more)
        writers.append(writer)
        return writer

    yield start  # type: ignore[misc]
    for writer in writers:
        try:
            writer.finish()
        except Exception:
            pass
