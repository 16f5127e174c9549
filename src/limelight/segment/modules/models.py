"""Modules that call other packages: cellpose, stardist, CellProfiler's measurements.

None of them is needed by Limelight, and none brings weights: the person says where they are.
"""

from __future__ import annotations

import threading
import warnings
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from limelight.core.errors import ParameterError
from limelight.core.image import inputs as check
from limelight.segment.module import About, version
from limelight.segment.modules.measure import Measured, _assigned
from limelight.segment.pipes import IntensityImage, LabelImage, SegmentedObjects
from limelight.segment.running import note

__all__ = ["measure_cellprofiler", "segment_cellpose", "segment_stardist"]

_one_at_a_time = threading.Lock()  # a network takes all cores, and its memory is large
_SETS = (
    "intensity",
    "sizeshape",
    "zernike",
    "feret",
    "texture",
    "granularity",
    "radial_distribution",
    "radial_zernikes",
)


class Found(NamedTuple):
    """What a network finds.

    Attributes
    ----------
    label_image : LabelImage
        The objects.
    """

    label_image: LabelImage


def _needed(package: str, module: str, extra: str) -> Any:
    """Import what a module calls.

    Raises
    ------
    ParameterError
        If it is not installed, or does not start; says how to install it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they warn of is theirs to mend
            return import_module(module)
    except ImportError as error:
        raise ParameterError(
            f"This module calls {package}, which is not installed or does not start ({error}). "
            f"Install it with: pip install 'napari-limelight[{extra}]'"
        ) from error


def _weights(path: str, what: str, folder: bool) -> Path:
    if not path.strip():
        raise ParameterError(f"model: say where the {what} is; Limelight brings no weights.")
    found = Path(path).expanduser()
    if not (found.is_dir() if folder else found.exists()):
        raise ParameterError(f"model: there is no {what} {str(found)!r}. Check its name.")
    return found.absolute()


def _called(package: str, function: Any, *words: Any, **options: Any) -> Any:
    try:
        with _one_at_a_time:
            return function(*words, **options)
    except Exception as error:  # networks raise errors of every kind
        told = " ".join(str(error).split())[:300] or type(error).__name__
        raise ParameterError(
            f"{package} could not do it ({told}). Check that the model belongs to this version of "
            "it and to images of this kind."
        ) from error


def _labels(found: Any, image: np.ndarray[Any, Any]) -> Found:
    labels = np.asarray(found)
    if labels.shape != image.shape:
        raise ParameterError(
            f"The model gave labels of shape {labels.shape} for an image of {image.shape}."
        )
    made = labels.astype(np.int32)
    note(f"{len(np.unique(made[made > 0]))} objects")
    return Found(made)


@lru_cache(maxsize=2)
def _cellpose(models: Any, path: str, stamp: int, gpu: bool) -> Any:
    del stamp  # the same name with other weights is another model
    return models.CellposeModel(gpu=gpu, pretrained_model=path)


@version("1.0.0")
def segment_cellpose(
    image: IntensityImage,
    *,
    model: Annotated[str, About(kind="Character")],
    diameter: Annotated[float | None, About(unit="px", low=1)] = None,
    cell_probability: Annotated[float, About(low=-20, high=20)] = 0.0,
    flow_threshold: Annotated[float, About(low=0, high=10)] = 0.4,
    gpu: Annotated[bool, About(advanced=True)] = False,
) -> Found:
    """Find objects with a cellpose model whose weights you point to.

    Parameters
    ----------
    image : IntensityImage
        Grey values; a stack is segmented in 3D.
    model : str
        File of the weights.
    diameter : float
        Diameter of an object; by default that which the model was trained for.
    cell_probability : float
        Less finds dimmer and larger objects.
    flow_threshold : float
        More keeps objects of stranger shape.
    gpu : bool
        Whether to compute on the graphics card.
    """
    pixels = check.as_image(image, "segment_cellpose")
    path = _weights(model, "file of weights", folder=False)
    models = _needed("cellpose", "cellpose.models", "cellpose")
    stamp = path.stat().st_mtime_ns
    network = _called("cellpose", _cellpose, models, str(path), stamp, gpu)
    deep: dict[str, Any] = {"do_3D": True, "z_axis": 0} if pixels.ndim == 3 else {}
    found = _called(
        "cellpose",
        network.eval,
        pixels,
        diameter=diameter,
        cellprob_threshold=cell_probability,
        flow_threshold=flow_threshold,
        **deep,
    )
    return _labels(found[0], pixels)


@lru_cache(maxsize=2)
def _stardist(models: Any, path: str, stamp: int, deep: bool) -> Any:
    del stamp
    folder = Path(path)
    kind = models.StarDist3D if deep else models.StarDist2D
    return kind(None, name=folder.name, basedir=str(folder.parent))


@version("1.0.0")
def segment_stardist(
    image: IntensityImage,
    *,
    model: Annotated[str, About(kind="Character")],
    probability: Annotated[float | None, About(low=0, high=1)] = None,
    overlap: Annotated[float | None, About(low=0, high=1)] = None,
) -> Found:
    """Find star-convex objects, such as nuclei, with a stardist model that you point to.

    Parameters
    ----------
    image : IntensityImage
        Grey values; a stack needs a model for 3D.
    model : str
        Folder of the model (config.json, weights, thresholds.json).
    probability : float
        Less finds more objects; by default what the model was tuned to.
    overlap : float
        How much two objects may overlap before one is dropped; by default what the model says.
    """
    pixels = check.as_image(image, "segment_stardist")
    path = _weights(model, "folder of a model", folder=True)
    models = _needed("stardist", "stardist.models", "stardist")
    stamp = path.stat().st_mtime_ns
    network = _called("stardist", _stardist, models, str(path), stamp, pixels.ndim == 3)
    low, high = np.percentile(pixels, (1, 99.8))
    scaled = ((pixels - low) / max(high - low, 1e-6)).astype(np.float32)
    found = _called(
        "stardist", network.predict_instances, scaled, prob_thresh=probability, nms_thresh=overlap
    )
    return _labels(found[0], pixels)


@version("1.0.0")
def measure_cellprofiler(
    extract_objects: SegmentedObjects,
    assign_objects: SegmentedObjects,
    intensity_image: IntensityImage,
    *,
    features: Literal[
        "all",
        "intensity",
        "sizeshape",
        "zernike",
        "feret",
        "texture",
        "granularity",
        "radial_distribution",
        "radial_zernikes",
    ] = "all",
    aggregate: bool = False,
) -> Measured:
    """Measure what CellProfiler measures, through cp-measure.

    Parameters
    ----------
    extract_objects : SegmentedObjects
        What is measured.
    assign_objects : SegmentedObjects
        What the values belong to.
    intensity_image : IntensityImage
        Where it is measured.
    features : str
        Which of its sets; all is slow.
    aggregate : bool
        Whether the ones lie in the others, and are summed up.
    """
    where = "measure_cellprofiler"
    labels = check.as_labels(extract_objects.labels, where, "extract_objects")
    pixels = check.as_image(intensity_image, where, "intensity_image")
    check.check_same_shape(where, extract_objects=labels, intensity_image=pixels)
    bulk = _needed("cp-measure", "cp_measure.bulk", "cp-measure")
    sets = bulk.get_core_measurements_3d() if labels.ndim == 3 else bulk.get_core_measurements()
    wanted = list(_SETS) if features == "all" else [features]
    missing = [name for name in wanted if name not in sets]
    if features != "all" and missing:
        raise ParameterError(f"{where}: {features} is for planes, and this is a stack.")
    ids = extract_objects.ids
    columns: dict[str, Any] = {}
    if len(ids):
        # Its functions want objects numbered without gaps, and grey values from 0 to 1.
        dense = np.searchsorted(ids, labels).astype(np.int32) + 1
        dense[labels == 0] = 0
        top = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind in "ui" else 1.0
        scaled = pixels.astype(np.float64) / top
        for name in wanted:
            if name in sets:
                found = _called("cp-measure", sets[name], dense, scaled)
                columns |= {f"CellProfiler_{k}": np.asarray(v) for k, v in found.items()}
    table = pd.DataFrame(columns, index=pd.Index(ids, name="label"))
    return _assigned(table, extract_objects, assign_objects, aggregate, "intensity_image")
