"""Figure: what a step did, in one picture: what it took, what it gave, and how it is spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.segment.pipes import Measurement, SegmentedObjects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from limelight.segment.running import StepResult

__all__ = ["draw_step"]

_OUTLINE = "#ffb224"
_FEATURES = 6
_BINS = 40


def draw_step(result: StepResult, values: Mapping[str, Any], figure: Figure) -> None:
    """Draw what a step did.

    Images that it took and gave stand side by side, objects as outlines on the first image;
    measurements are drawn as histograms.

    Parameters
    ----------
    result : StepResult
        The step.
    values : mapping
        What flowed, by key; for the step's inputs.
    figure : matplotlib.figure.Figure
        Is cleared and drawn on.
    """
    figure.clear()
    step = result.step
    inputs = {n: values[k] for n, k in step.inputs.items() if k in values}
    measured = [v for v in result.outputs.values() if isinstance(v, Measurement)]
    if measured:
        _draw_table(measured[0], figure)
    else:
        ground = next(
            (_plane(v) for v in [*inputs.values(), *values.values()] if _is_grey(v)), None
        )
        _draw_images(inputs, result.outputs, ground, figure)
    figure.suptitle(f"{step.name}  ({1000 * result.seconds:.1f} ms)", fontsize=10)


def _draw_table(measured: Measurement, figure: Figure) -> None:
    table = measured.table.select_dtypes("number")
    names = list(table.columns[:_FEATURES])
    if not names:
        return
    rows = int(np.ceil(len(names) / 3))
    for k, name in enumerate(names):
        axes = figure.add_subplot(rows, min(len(names), 3), k + 1)
        values = table[name].to_numpy(float)
        values = values[np.isfinite(values)]
        if len(values):
            axes.hist(values, bins=min(_BINS, max(len(values), 1)), color="#3fb68b")
        axes.set_title(name, fontsize=8)
        axes.tick_params(labelsize=7)


def _plane(value: Any) -> np.ndarray[Any, Any]:
    array = np.asarray(value.labels if isinstance(value, SegmentedObjects) else value)
    return array.max(axis=0) if array.ndim == 3 else array


def _draw_images(
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    grey: np.ndarray[Any, Any] | None,
    figure: Figure,
) -> None:
    shown = [*inputs.items(), *outputs.items()][-4:]
    shared = None
    for k, (name, value) in enumerate(shown):
        axes = figure.add_subplot(1, len(shown), k + 1, sharex=shared, sharey=shared)
        shared = shared or axes
        plane = _plane(value)
        if _is_grey(value):
            axes.imshow(plane, cmap="gray", vmin=np.min(plane), vmax=np.percentile(plane, 99.8))
        elif name in outputs and grey is not None and grey.shape == plane.shape:
            axes.imshow(grey, cmap="gray", vmin=np.min(grey), vmax=np.percentile(grey, 99.8))
            axes.imshow(
                _outlines(plane), cmap=_one_colour(), interpolation="nearest", vmin=0, vmax=1
            )
        else:
            axes.imshow(plane > 0, cmap="gray", interpolation="nearest")
        axes.set_title(name, fontsize=8)
        axes.set_axis_off()


def _is_grey(value: Any) -> bool:
    if isinstance(value, SegmentedObjects):
        return False
    array = np.asarray(value)
    return array.dtype != np.bool_ and array.dtype != np.int32


def _outlines(plane: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return 1 on the outline of each object."""
    labels = plane.astype(np.int32)
    edge = np.zeros(labels.shape, np.float32)
    for axis in (0, 1):
        change = np.diff(labels, axis=axis) != 0
        before = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
        after = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        edge[before][change] = 1
        edge[after][change] = 1
    return np.where((edge > 0) & (labels > 0), edge, np.nan)


def _one_colour() -> Any:
    from matplotlib.colors import ListedColormap

    return ListedColormap([_OUTLINE])
