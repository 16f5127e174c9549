"""Between napari's layers and the five words: a layer as a movie, results as layers in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.camera import Camera
from limelight.core.errors import ParameterError
from limelight.core.movie import ArrayMovie, Movie

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Layer, Points

    from limelight.core.localizations import Localizations
    from limelight.core.render import Picture

__all__ = [
    "DATASET_KEY",
    "MOVIE_KEY",
    "PLANES_KEY",
    "RESULT_KEY",
    "Placement",
    "add_molecules",
    "calibrate",
    "frame_in_view",
    "is_movie_layer",
    "molecules_layer",
    "movie_of",
    "picture_layer",
    "pixel_size_nm",
    "placement_of_table",
    "show_picture",
    "steps_in_view",
    "table_layers",
    "unwrap",
]

MOVIE_KEY = "movie"
"""Under this key of a layer's metadata the readers keep the `Movie`."""
PLANES_KEY = "planes"
"""Under this key they keep the planes of a file with more axes than time, y and x."""
DATASET_KEY = "dataset"
"""Under this key are the data set of an acquisition, and on which of its axes a layer is fixed."""
RESULT_KEY = "localizations"
"""Under this key of a layer's metadata the `Localizations` are kept that it shows."""
MAX_POINTS = 200_000
"""More molecules than this are shown as a sample."""


def unwrap(thing: Any) -> Any:
    """Return what is behind the proxy that napari hands to widgets."""
    return getattr(thing, "__wrapped__", thing)


def is_movie_layer(layer: Any) -> bool:
    """Whether a layer holds camera images: an image, and not one of our own pictures."""
    from napari.layers import Image

    return isinstance(unwrap(layer), Image) and RESULT_KEY not in layer.metadata


def pixel_size_nm(layer: Layer) -> float | None:
    """Return the size of a pixel along x in nm; None where the layer has no unit of length."""
    unit = layer.units[-1]
    try:
        size = float((float(layer.scale[-1]) * unit).to("nm").magnitude)
    except Exception:  # pint's own error where the unit is no length
        return None
    return size if size > 0 else None


def _shows_planes(layer: Layer) -> bool:
    """Whether a layer is as our reader made it of a file with several axes."""
    if not {PLANES_KEY, "time_axis"} <= set(layer.metadata):
        return False
    sizes = {a.name: a.size for a in layer.metadata[PLANES_KEY].axes}
    shown = tuple(sizes.get(str(name)) for name in layer.axis_labels[:-2])
    return shown == tuple(layer.data.shape[:-2])  # a part that was cut out is an image like any


def _frame_axis(layer: Layer) -> int | None:
    """Return the axis along which the frames follow each other; None for a single image."""
    if layer.ndim < 3:
        return None
    if _shows_planes(layer):
        time = layer.metadata["time_axis"]
        return layer.axis_labels.index(time) if time in layer.axis_labels else None
    for axis, name in enumerate(layer.axis_labels[:-2]):
        if str(name).lower() in ("t", "time", "frame", "frames"):
            return axis
    # of the others the longest: channels and positions are few, frames are many
    lengths = layer.data.shape[: layer.ndim - 2]
    return int(np.argmax(lengths))


def steps_in_view(layer: Layer, viewer: ViewerModel) -> list[int]:
    """Return the indices of the layer's data that are in view, all axes but the last two."""
    point = np.asarray(viewer.dims.point, float)
    if len(point) < layer.ndim:
        point = np.concatenate((np.zeros(layer.ndim - len(point)), point))
    where = np.asarray(layer.world_to_data(point[-layer.ndim :]), float)
    shape = layer.data.shape
    return [
        int(np.clip(np.rint(where[axis]), 0, shape[axis] - 1)) for axis in range(layer.ndim - 2)
    ]


def frame_in_view(layer: Layer, viewer: ViewerModel) -> int:
    """Return the index of the movie's frame that the viewer shows."""
    axis = _frame_axis(layer)
    return 0 if axis is None else steps_in_view(layer, viewer)[axis]


def movie_of(layer: Layer, viewer: ViewerModel) -> Movie:
    """Return the movie that a layer shows.

    A layer of our readers brings its own; the data of any other image is wrapped.  Of more than
    three axes the frames run along the one that is called time (else the longest), and the others
    stay where the viewer's sliders are.

    Parameters
    ----------
    layer : Layer
        An image, (Y, X), (T, Y, X) or with more axes before the last two.
    viewer : ViewerModel
        Where the sliders are.

    Raises
    ------
    ParameterError
        If it is not a movie; says what to do.
    """
    for own in (layer.metadata.get(MOVIE_KEY), getattr(layer.data, "movie", None)):
        if isinstance(own, Movie):
            return own
    if getattr(layer, "rgb", False):
        raise ParameterError(
            f"The layer {layer.name!r} is a colour image. Split it into its channels "
            "(Layers > Split RGB) and choose one of them."
        )
    if _shows_planes(layer):
        from limelight.io.planes import movie_at

        about = layer.metadata
        places = dict(zip(map(str, layer.axis_labels), steps_in_view(layer, viewer), strict=False))
        return movie_at(
            about[PLANES_KEY], about["time_axis"], {**places, **about.get("places", {})}
        )
    if DATASET_KEY in layer.metadata:
        movie = _movie_of_dataset(layer, viewer)
        if movie is not None:
            return movie
    data = layer.data[0] if getattr(layer, "multiscale", False) else layer.data
    name = str(layer.name)
    axis = _frame_axis(layer)
    if axis is not None and layer.ndim > 3:
        steps: list[int | slice] = list(steps_in_view(layer, viewer))
        labels = [
            f"{label}{step}"
            for a, (label, step) in enumerate(zip(layer.axis_labels, steps, strict=False))
            if a != axis
        ]
        steps[axis] = slice(None)
        data = data[tuple(steps)]
        name = " ".join([name, *labels])
    path = layer.source.path
    size = pixel_size_nm(layer)
    return ArrayMovie(
        data, Camera(pixel_size_nm=size) if size else None, name=_file_name(name), path=path
    )


def _movie_of_dataset(layer: Layer, viewer: ViewerModel) -> Movie | None:
    """Return the movie of a data set where the sliders are; None of a part that was cut out."""
    dataset, fixed = layer.metadata[DATASET_KEY]
    axes, names = dataset.axes, [str(name) for name in layer.axis_labels[:-2]]
    if [len(axes.get(name, ())) for name in names] != list(layer.data.shape[:-2]):
        return None
    frames = _frame_axis(layer)
    steps = enumerate(zip(names, steps_in_view(layer, viewer), strict=True))
    places = {name: axes[name][step] for k, (name, step) in steps if k != frames}
    movie: Movie = dataset.movie(None if frames is None else names[frames], **{**places, **fixed})
    return movie


def _file_name(name: str) -> str:
    """Return a layer's name without what a file's name must not have."""
    return "".join("_" if c in '<>:"/\\|?*' or ord(c) < 32 else c for c in name).strip() or "movie"


@dataclass(frozen=True)
class Placement:
    """Where the camera's pixels lie in the viewer's world.

    Parameters
    ----------
    scale, translate : tuple of float (y, x)
        Of the movie's layer.
    units, axis_labels : tuple (y, x)
        Of the movie's layer.
    """

    scale: tuple[float, float]
    translate: tuple[float, float]
    units: tuple[Any, Any]

    @classmethod
    def of(cls, layer: Layer) -> Placement:
        """Return where a layer's pixels lie."""
        return cls(
            (float(layer.scale[-2]), float(layer.scale[-1])),
            (float(layer.translate[-2]), float(layer.translate[-1])),
            (layer.units[-2], layer.units[-1]),
        )

    def in_pixels(self) -> dict[str, Any]:
        """Return a layer's arguments for data in camera pixels."""
        return {
            "scale": self.scale,
            "translate": self.translate,
            "units": self.units,
            "axis_labels": ("y", "x"),
        }

    def of_picture(self, picture: Picture, pixel_size_nm: float) -> dict[str, Any]:
        """Return a layer's arguments for a picture, so that it lies on the movie."""
        per_um = 1000.0 / pixel_size_nm  # camera pixels
        scale = [s * p * per_um for s, p in zip(self.scale, picture.scale_um, strict=True)]
        translate = [
            t + s * p * per_um
            for t, s, p in zip(self.translate, self.scale, picture.translate_um, strict=True)
        ]
        return {**self.in_pixels(), "scale": scale, "translate": translate}


def calibrate(layer: Layer, pixel_size: float) -> bool:
    """Give a layer the size of its pixels, so that all that lies on it lies in µm.

    Parameters
    ----------
    layer : Layer
        The movie's layer.
    pixel_size : float
        nm.

    Returns
    -------
    bool
        Whether something had to be changed.
    """
    known = pixel_size_nm(layer)
    if known is not None and abs(known / pixel_size - 1) < 1e-6:
        return False
    ratio = np.ones(layer.ndim)
    um = pixel_size / 1000.0
    old = np.asarray(layer.scale, float)
    ratio[-2:] = um / old[-2:]
    layer.units = (*layer.units[:-2], "um", "um")
    layer.translate = np.asarray(layer.translate) * ratio
    layer.scale = old * ratio
    return True


def table_layers(viewer: ViewerModel, without: str = "") -> list[Layer]:
    """Return a layer for each table of molecules in a viewer: its points rather than a picture.

    Parameters
    ----------
    viewer : ViewerModel
        Whose layers.
    without : str
        Layers with this key in their metadata do not count.
    """
    from limelight.core.localizations import Localizations

    found: dict[int, Layer] = {}
    for layer in viewer.layers:
        locs = layer.metadata.get(RESULT_KEY)
        if not isinstance(locs, Localizations) or without in layer.metadata:
            continue
        if id(locs) not in found or type(layer).__name__ == "Points":
            found[id(locs)] = layer
    return list(found.values())


def placement_of_table(layer: Layer) -> Placement:
    """Return where the camera's pixels lie that the table of a layer counts in."""
    if type(layer).__name__ == "Points":
        return Placement.of(layer)
    um = layer.metadata[RESULT_KEY].pixel_size_nm / 1000
    return Placement((um, um), (0.0, 0.0), ("um", "um"))


def picture_layer(
    picture: Picture,
    placement: Placement,
    pixel_size: float,
    locs: Localizations | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Return the data and the arguments of a layer that shows a super-resolution image.

    Parameters
    ----------
    picture : Picture
        What.
    placement : Placement
        Of the movie.
    pixel_size : float
        Of the camera, nm.
    locs : Localizations, optional
        What it shows; kept in the layer's metadata.
    """
    options = {
        "colormap": "inferno",
        "contrast_limits": _contrast(picture.image),
        "gamma": 0.6,
        "interpolation2d": "linear",
        "metadata": {RESULT_KEY: locs},
        **placement.of_picture(picture, pixel_size),
    }
    return picture.image, options


def molecules_layer(
    locs: Localizations, placement: Placement, name: str
) -> tuple[Any, dict[str, Any]]:
    """Return the data and the arguments of a layer that shows molecules as points.

    At most `MAX_POINTS` of them are shown, each with its row of the table; the name says how many
    where not all are.  The layer is hidden at first: the points would cover the picture.
    """
    table = locs.table
    placed = np.isfinite(table[["y", "x"]].to_numpy()).all(axis=1)
    if not placed.all():
        table = table[placed]  # a point without a place cannot be drawn
        name = f"{name} ({len(table):,} of {len(locs):,} have a place)"
    if len(table) > MAX_POINTS:
        rows = np.linspace(0, len(table) - 1, MAX_POINTS).astype(int)
        name = f"{name} ({MAX_POINTS:,} of {len(table):,})"
        table = table.iloc[rows]
    size = 0.3
    precision = float(table["lpx"].median()) if "lpx" in table.columns else np.nan
    if np.isfinite(precision):
        size = float(np.clip(2 * precision, 0.05, 1.0))
    options = {
        "ndim": 2,
        "features": table.reset_index(drop=True),
        "name": name,
        "size": size,
        "face_color": "#35d0ff",
        "border_color": "#35d0ff",
        "border_width": 0,
        "opacity": 0.7,
        "visible": False,
        "metadata": {RESULT_KEY: locs},
        **placement.in_pixels(),
    }
    return table[["y", "x"]].to_numpy(np.float32), options


def show_picture(
    viewer: ViewerModel,
    picture: Picture,
    placement: Placement,
    pixel_size: float,
    *,
    name: str,
    layer: Image | None = None,
    locs: Localizations | None = None,
) -> Image:
    """Show a super-resolution image, in a layer that is there already if one is given.

    Parameters
    ----------
    viewer : ViewerModel
        Where.
    picture : Picture
        What.
    placement : Placement
        Of the movie.
    pixel_size : float
        Of the camera, nm.
    name : str
        The layer's name.
    layer : Image, optional
        Updated in place, if it is still in the viewer.
    locs : Localizations, optional
        What the picture shows; kept in the layer's metadata.
    """
    data, options = picture_layer(picture, placement, pixel_size, locs)
    if layer is None or layer not in viewer.layers:
        added: Image = viewer.add_image(data, name=name, **options)
        return added
    limits = options["contrast_limits"]
    layer.data = data
    layer.scale, layer.translate = options["scale"], options["translate"]
    layer.contrast_limits_range = (0.0, max(limits[1] * 4, float(data.max())))
    layer.contrast_limits = limits
    layer.metadata.update(options["metadata"])
    layer.name = name
    return layer


def add_molecules(
    viewer: ViewerModel, locs: Localizations, placement: Placement, *, name: str
) -> Points:
    """Show molecules as points, as `molecules_layer` says."""
    data, options = molecules_layer(locs, placement, name)
    layer: Points = viewer.add_points(data, **options)
    return layer


def _contrast(image: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Return limits that show the bulk of the drawn pixels."""
    step = max(1, int(np.sqrt(image.size / 2**20)))
    sample = image[::step, ::step]
    drawn = sample[sample > 0]
    return 0.0, float(np.quantile(drawn, 0.98)) if len(drawn) else 1.0
