"""Segment: from pixels to objects to features: modules, pipelines, batches.

The same pipeline runs on an array, on a folder and on a live stream:

>>> from limelight.segment import Channel, Pipeline, pipeline_job, run
>>> pipeline = Pipeline(channels=(Channel("DAPI"),)).add("smooth").add("threshold_otsu")
>>> pipeline = pipeline.add("label").add("register_objects", outputs={"objects": "Nuclei"})
>>> result = run(pipeline_job(pipeline, {"DAPI": image}))
>>> result.objects["Nuclei"].features

``pipes.py``: what flows; ``module.py``: a function as a part; ``pipeline.py``: the order, its edits
and checks; ``running.py``: one field, with a cache; ``files.py`` and ``project.py``: the files;
``fields.py`` and ``batch.py``: folders; ``script.py``: plain Python; ``modules/``: its own modules.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limelight.core.job import run
    from limelight.segment.batch import BatchResult, FieldStatus, batch_job
    from limelight.segment.fields import Field, find_fields, read_field
    from limelight.segment.files import load_pipeline, save_pipeline, shipped
    from limelight.segment.module import About, Module, load, load_all, version
    from limelight.segment.pipeline import Channel, Pipeline, PipelineError, SavedObjects, Step
    from limelight.segment.pipes import (
        BinaryImage,
        Image,
        IntensityImage,
        LabelImage,
        MaskImage,
        Measurement,
        SegmentedObjects,
    )
    from limelight.segment.running import Cache, PipelineResult, StepResult, note, pipeline_job
    from limelight.segment.script import as_script
    from limelight.segment.wells import Layout

_FILES = {
    "batch": ("BatchResult", "FieldStatus", "batch_job"),
    "fields": ("Field", "find_fields", "read_field"),
    "files": ("load_pipeline", "save_pipeline", "shipped"),
    "module": ("About", "Module", "load", "load_all", "version"),
    "pipeline": ("Channel", "Pipeline", "PipelineError", "SavedObjects", "Step"),
    "pipes": (
        "BinaryImage",
        "Image",
        "IntensityImage",
        "LabelImage",
        "MaskImage",
        "Measurement",
        "SegmentedObjects",
    ),
    "running": ("Cache", "PipelineResult", "StepResult", "note", "pipeline_job"),
    "script": ("as_script",),
    "wells": ("Layout",),
}
_HOMES = {name: f"limelight.segment.{file}" for file, names in _FILES.items() for name in names}
_HOMES["run"] = "limelight.core.job"

__all__ = [
    "About",
    "BatchResult",
    "BinaryImage",
    "Cache",
    "Channel",
    "Field",
    "FieldStatus",
    "Image",
    "IntensityImage",
    "LabelImage",
    "Layout",
    "MaskImage",
    "Measurement",
    "Module",
    "Pipeline",
    "PipelineError",
    "PipelineResult",
    "SavedObjects",
    "SegmentedObjects",
    "Step",
    "StepResult",
    "as_script",
    "batch_job",
    "find_fields",
    "load",
    "load_all",
    "load_pipeline",
    "note",
    "pipeline_job",
    "read_field",
    "run",
    "save_pipeline",
    "shipped",
    "version",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
