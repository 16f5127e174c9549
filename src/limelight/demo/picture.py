"""The picture of a localized movie: what the camera saw beside what the molecules say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke
from scipy import ndimage

from limelight.core.render import render
from limelight.io.atomic import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations
    from limelight.core.movie import Movie

__all__ = ["draw_histograms", "draw_picture", "liveliest_view", "mean_image", "nice_length"]

View = tuple[float, float, float, float]
"""Part of the field in camera pixels: y0, x0, y1, x1, where the first pixel is -0.5 to 0.5."""

_INK = "#f4efe6"
_PAPER = "#0d0c11"
_ACCENT = "#f98c0a"
_PANEL_PIXELS = 1000


def mean_image(movie: Movie, most: int = 500) -> NDArray[np.float32]:
    """Average a movie's frames, or that many of them evenly spread over it."""
    height, width = movie.shape[1:]
    chosen = np.unique(np.linspace(0, len(movie) - 1, min(most, len(movie))).astype(int))
    total = np.zeros((height, width))
    for index in chosen:
        total += movie.read(int(index), int(index) + 1)[0]
    return (total / len(chosen)).astype(np.float32)


def nice_length(longest: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not longer."""
    power = 10.0 ** np.floor(np.log10(longest))
    return float(max(step * power for step in (1, 2, 5) if step * power <= longest * (1 + 1e-9)))


def liveliest_view(locs: Localizations, share: float = 0.16) -> View:
    """Return the part of the field, of that share of its longer side, where most is to be seen.

    Not where the most molecules are, which may be one bright spot, but where they cover the most
    ground.
    """
    height, width = locs.shape
    side = min(max(int(share * max(height, width)), 8), height, width)
    fine = 4
    y, x = (np.asarray(locs[c], float) + 0.5 for c in ("y", "x"))
    bins = (height * fine, width * fine)
    counts, _, _ = np.histogram2d(y, x, bins=bins, range=((0, height), (0, width)))
    covered = np.minimum(counts, 3.0).reshape(height, fine, width, fine).sum(axis=(1, 3))
    # Weighted towards the middle, so that what is to be seen is not at the rim of the view.
    summed = ndimage.gaussian_filter(covered, side / 3.5, mode="constant")
    low = side // 2
    inner = summed[low : height - side + low + 1, low : width - side + low + 1]
    top, left = np.unravel_index(int(inner.argmax()), inner.shape)
    return top - 0.5, left - 0.5, top + side - 0.5, left + side - 0.5


def draw_picture(path: Path, mean: NDArray[np.float32], locs: Localizations, title: str) -> Path:
    """Write a PNG: the mean image beside the super-resolution image, and a part of both.

    Parameters
    ----------
    path : path
        File to write.
    mean : 2D array (Y, X)
        Mean of the movie's frames.
    locs : Localizations
        What was found in it.
    title : str
        What the movie is.
    """
    height, width = locs.shape
    field: View = (-0.5, -0.5, height - 0.5, width - 0.5)
    views = [field, liveliest_view(locs)] if len(locs) else [field]
    panel = 5.0
    tall = panel * height / width
    head, gap = 0.5, 0.06
    rows = [tall] + [panel] * (len(views) - 1)
    size = (2 * panel + 3 * gap, sum(rows) + head + (len(rows) + 1) * gap)
    figure = Figure(figsize=size, dpi=_PANEL_PIXELS / panel, facecolor=_PAPER)
    top = size[1] - head
    words: dict[str, Any] = {"color": _INK, "va": "center", "fontsize": 12}
    figure.text(2 * gap / size[0], 1 - head / 2 / size[1], title, ha="left", **words)
    for view, row_height in zip(views, rows, strict=True):
        bottom = top - row_height
        for column, draw in enumerate((_camera_panel, _molecule_panel)):
            axes = figure.add_axes(
                (
                    (gap + column * (panel + gap)) / size[0],
                    bottom / size[1],
                    panel / size[0],
                    row_height / size[1],
                )
            )
            label = draw(axes, mean, locs, view)
            _finish(axes, view, locs.pixel_size_nm, label if view is field else "")
            if view is field and len(views) > 1:
                _outline(axes, views[1])
        top = bottom - gap
    _save(figure, path)
    return path


def _camera_panel(axes: Axes, mean: NDArray[Any], locs: Localizations, view: View) -> str:
    y0, x0, y1, x1 = (int(v + 0.5) for v in view)
    low, high = np.percentile(mean[y0:y1, x0:x1], (0.5, 99.8))
    image = np.clip((mean - low) / max(high - low, 1e-6), 0, 1)
    _show(axes, image, "gray", (-0.5, -0.5), mean.shape)
    return "mean of the frames"


def _molecule_panel(axes: Axes, mean: NDArray[Any], locs: Localizations, view: View) -> str:
    y0, x0, y1, x1 = view
    pixel = (x1 - x0) * locs.pixel_size_nm / _PANEL_PIXELS
    # A handful of molecules, each drawn as sharp as it is known, would be dust nobody sees.
    crowd = max(len(locs), 1) / (locs.shape[0] * locs.shape[1])
    blur = max(pixel * float(np.clip((crowd / 0.3) ** -0.35, 0.8, 5.0)), 8.0)
    image = render(locs, pixel, mode="gaussian", min_blur_nm=blur, viewport=view).image
    lit = image[image > 0.01 * image.max()] if image.any() else image.ravel()
    high = float(np.percentile(lit, 97.0)) if lit.size else 1.0
    shown = np.clip(image / max(high, 1e-9), 0, 1) ** 0.6
    _show(axes, shown, "inferno", (y0, x0), (y1 - y0, x1 - x0))
    return f"{len(locs):,} molecules"


def _show(
    axes: Axes,
    image: NDArray[Any],
    colours: str,
    corner: tuple[float, float],
    size: tuple[float, ...],
) -> None:
    y0, x0 = corner
    axes.imshow(
        image,
        cmap=colours,
        vmin=0,
        vmax=1,
        extent=(x0, x0 + size[1], y0 + size[0], y0),
        interpolation="nearest",
    )


def _finish(axes: Axes, view: View, pixel_nm: float, label: str) -> None:
    y0, x0, y1, x1 = view
    axes.set_xlim(x0, x1)
    axes.set_ylim(y1, y0)
    axes.set_axis_off()
    width = x1 - x0
    micron = nice_length(width * pixel_nm / 1000 / 4)
    length = micron * 1000 / pixel_nm
    end, base = x1 - 0.04 * width, y1 - 0.05 * width
    shade = [Stroke(linewidth=3, foreground=_PAPER, alpha=0.7), Normal()]
    bar = Rectangle((end - length, base - 0.008 * width), length, 0.008 * width, fc=_INK)
    bar.set_path_effects([Stroke(linewidth=2, foreground=_PAPER, alpha=0.7), Normal()])
    axes.add_patch(bar)
    text = f"{micron:g} µm" if micron >= 1 else f"{micron * 1000:g} nm"
    style: dict[str, Any] = {"color": _INK, "fontsize": 11}
    words = axes.text(end - length / 2, base - 0.02 * width, text, ha="center", **style)
    words.set_path_effects(shade)
    if label:
        style["bbox"] = {"facecolor": _PAPER, "alpha": 0.6, "edgecolor": "none", "pad": 3}
        axes.text(x0 + 0.03 * width, y0 + 0.03 * width, label, ha="left", va="top", **style)


def _outline(axes: Axes, view: View) -> None:
    y0, x0, y1, x1 = view
    axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, ec=_INK, lw=1.0, alpha=0.85))


def draw_histograms(path: Path, locs: Localizations) -> Path:
    """Write a PNG: distributions of photons, precision and width, and molecules over time."""
    figure = Figure(figsize=(10, 2.5), dpi=160, facecolor=_PAPER, layout="constrained")
    pixel = locs.pixel_size_nm
    panels = [
        ("photons per molecule", "photons", 1.0, True),
        ("precision, nm", "lpx", pixel, False),
        ("spot width (sigma), nm", "sx", pixel, False),
    ]
    axes = figure.subplots(1, 4)
    for ax, (label, column, factor, log) in zip(axes, panels, strict=False):
        values = np.asarray(locs[column], float) * factor if column in locs else np.empty(0)
        values = values[np.isfinite(values) & ((values > 0) | (not log))]
        if values.size:
            low, high = np.percentile(values, (0.5, 99.5))
            high = high if high > low else low + 1
            edges = np.geomspace(low, high, 60) if log else np.linspace(low, high, 60)
            ax.hist(values, edges, color=_ACCENT)
            ax.axvline(float(np.median(values)), color=_INK, lw=1, ls=":")
            if log:
                ax.set_xscale("log")
                ticks = [t * 10.0**p for p in range(1, 7) for t in (1, 3)]
                ax.set_xticks([t for t in ticks if low <= t <= high], minor=False)
                ax.set_xticks([], minor=True)
                ax.xaxis.set_major_formatter("{x:,.0f}")
        ax.set_xlabel(label)
    frames = max(locs.frames, 1)
    edges = np.linspace(0, frames, min(frames, 100) + 1)
    counts, _ = np.histogram(locs["frame"], edges)
    axes[3].fill_between(edges[:-1], counts / np.diff(edges), color=_ACCENT, step="post")
    axes[3].set_ylim(bottom=0)
    axes[3].set_xlabel("frame")
    axes[3].set_title("molecules per frame", color=_INK, fontsize=9)
    for ax in axes:
        ax.set_facecolor(_PAPER)
        ax.set_yticks(ax.get_yticks() if ax is axes[3] else [])
        ax.tick_params(colors=_INK, labelsize=8)
        ax.xaxis.label.set_color(_INK)
        for side, spine in ax.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(_INK)
    _save(figure, path)
    return path


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as temporary:
        FigureCanvasAgg(figure).print_figure(temporary, format="png", facecolor=_PAPER)
