"""Files of pipelines: Limelight's single YAML file, and a choice between it and a project.

.. code-block:: yaml

    limelight: pipeline 1
    name: nuclei
    description: Nuclei in one channel.
    channels: [DAPI]
    steps:
      - smooth: {image: DAPI, filter_name: gaussian, filter_size: 5}
      - threshold_otsu: {image: smooth.smoothed_image}
      - second threshold: {module: threshold_manual, image: DAPI, threshold: 300, active: false}
      - register_objects: {mask: label.label_image, outputs: {objects: Nuclei}}
    save: [Nuclei]

A step's name is that of its module unless it says otherwise.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from limelight.core.errors import FileError, ParameterError, PipelineFileError, suggest
from limelight.io.atomic import replacing
from limelight.io.yaml_nodes import Node, read_nodes
from limelight.segment.module import load
from limelight.segment.pipeline import Channel, Pipeline, SavedObjects, Step
from limelight.segment.project import is_project, load_project, save_project

if TYPE_CHECKING:
    from limelight.segment.module import Module

__all__ = ["as_document", "load_pipeline", "save_pipeline", "shipped"]

_HEADER = "limelight"
_FORM = "pipeline 1"
_STEP_WORDS = ("module", "active", "plot", "outputs")


def shipped() -> dict[str, Path]:
    """Return the files of the pipelines that come with Limelight, by name."""
    folder = Path(str(files("limelight.segment") / "shipped"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_pipeline(source: str | Path) -> Pipeline:
    """Load a pipeline.

    Parameters
    ----------
    source : path or str
        A file in Limelight's form, a TissueMAPS ``pipeline.yaml`` or the folder that it is in, or
        the name of a pipeline that comes with Limelight.

    Raises
    ------
    PipelineFileError
        If the file is wrong; names line and key.
    FileError
        If it cannot be read.
    """
    path = Path(source)
    if not path.exists():
        known = shipped()
        if str(source) in known:
            path = known[str(source)]
        elif path.suffix:
            raise FileError(path, "there is no such file.", "Check the name and the folder.")
        else:
            raise FileError(
                path,
                "there is no such file, and no pipeline of this name comes with Limelight.",
                suggest(str(source), known),
            )
    if is_project(path):
        return load_project(path)
    return _read(path)


def save_pipeline(pipeline: Pipeline, path: str | Path) -> Path:
    """Save a pipeline.

    Parameters
    ----------
    pipeline : Pipeline
        What to save.
    path : path
        A ``.yaml`` file; or a folder, or a file of the name ``pipeline.yaml``, for the form of a
        TissueMAPS project.

    Returns
    -------
    path
        The file that was written.

    Raises
    ------
    FileError
        If it cannot be written; the old file is still there then.
    """
    path = Path(path)
    if path.is_dir() or path.name == "pipeline.yaml" or not path.suffix:
        return save_project(pipeline, path)
    text = yaml.dump(
        as_document(pipeline),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,
        width=100,
    )
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def as_document(pipeline: Pipeline) -> dict[str, Any]:
    """Return a pipeline as the plain values that its file holds."""
    document: dict[str, Any] = {_HEADER: _FORM, "name": pipeline.name}
    if pipeline.description:
        document["description"] = pipeline.description
    if pipeline.version:
        document["version"] = pipeline.version
    document["channels"] = [
        {"name": c.name, "correct": True} if c.correct else c.name for c in pipeline.channels
    ]
    if pipeline.objects:
        document["objects"] = list(pipeline.objects)
    document["steps"] = [{step.name: _step_document(step)} for step in pipeline.steps]
    document["save"] = [
        s.name if s.as_polygons else {"name": s.name, "as_polygons": False} for s in pipeline.saved
    ]
    return document


def _step_document(step: Step) -> dict[str, Any]:
    words: dict[str, Any] = {} if step.module == step.name else {"module": step.module}
    words |= dict(step.inputs)
    words |= {k: list(v) if isinstance(v, tuple) else v for k, v in step.values.items()}
    given = {o: k for o, k in step.outputs.items() if k != f"{step.name}.{o}"}
    if given:
        words["outputs"] = given
    if not step.active:
        words["active"] = False
    if step.plot:
        words["plot"] = True
    return words


def _read(path: Path) -> Pipeline:
    needs = f"A pipeline starts with '{_HEADER}: {_FORM}'."
    root = read_nodes(path, PipelineFileError, needs)
    if not root.is_mapping:
        raise root.error("keys with values are needed here.", needs)
    found = dict(root.items())
    if _HEADER not in found or found[_HEADER].value() != _FORM:
        raise root.error(
            "this is not a pipeline of a form that is known.",
            f"{needs} A TissueMAPS project has its handles in a folder beside it.",
        )
    known = (_HEADER, "name", "description", "version", "channels", "objects", "steps", "save")
    for key, node in found.items():
        if key not in known:
            raise node.error(f"there is no such key. {suggest(key, known)}")
    return Pipeline(
        name=found["name"].text() if "name" in found else path.stem,
        description=found["description"].text() if "description" in found else "",
        version=found["version"].text() if "version" in found else "",
        channels=tuple(_channel(n) for n in _list(found, "channels")),
        objects=tuple(n.text() for n in _list(found, "objects")),
        steps=tuple(_step(n) for n in _list(found, "steps")),
        saved=tuple(_saved(n) for n in _list(found, "save")),
    )


def _list(found: dict[str, Node], key: str) -> list[Node]:
    return found[key].elements() if key in found else []


def _words(node: Node, *known: str) -> dict[str, Node]:
    words = dict(node.items())
    for key, child in words.items():
        if key not in known:
            raise child.error(f"there is no such key. {suggest(key, known)}")
    if known[0] not in words:
        raise node.error(f"the key {known[0]!r} is missing.")
    return words


def flag(node: Node) -> bool:
    """Return a yes or no.

    Raises
    ------
    PipelineFileError
        If it is neither.
    """
    value = node.value()
    if not isinstance(value, bool):
        raise node.error(f"true or false is needed here, not {node.shown}.")
    return value


def _channel(node: Node) -> Channel:
    if not node.is_mapping:
        return Channel(node.text())
    words = _words(node, "name", "correct")
    return Channel(words["name"].text(), flag(words["correct"]) if "correct" in words else False)


def _saved(node: Node) -> SavedObjects:
    if not node.is_mapping:
        return SavedObjects(node.text())
    words = _words(node, "name", "as_polygons")
    polygons = flag(words["as_polygons"]) if "as_polygons" in words else True
    return SavedObjects(words["name"].text(), polygons)


def _step(node: Node) -> Step:
    if not node.is_mapping:
        name, words = node.text(), {}
    else:
        steps = list(node.items())
        if len(steps) != 1:
            raise node.error("a step is one name with what belongs to it indented below.")
        name, inner = steps[0]
        words = {} if inner.is_empty else dict(inner.items())
        node = inner
    module_name = words["module"].text() if "module" in words else name
    try:
        module = load(module_name)
    except Exception as error:
        raise node.error(str(error), "Correct the name, or install the package.") from error
    inputs, values = _arguments(module, words)
    outputs = {}
    if "outputs" in words:
        outputs = {key: child.text() for key, child in words["outputs"].items()}
        names = [o.name for o in module.outputs]
        for key, child in words["outputs"].items():
            if key not in names:
                raise child.error(f"{module.name} has no such output. {suggest(key, names)}")
    return Step(
        name,
        module_name,
        inputs,
        values,
        outputs,
        active=flag(words["active"]) if "active" in words else True,
        plot=flag(words["plot"]) if "plot" in words else False,
    )


def _arguments(module: Module, words: dict[str, Node]) -> tuple[dict[str, str], dict[str, Any]]:
    inputs, values = {}, {}
    wanted = {i.name for i in module.inputs}
    fields = {f.name: f for f in module.fields}
    for key, child in words.items():
        if key in _STEP_WORDS:
            continue
        if key in wanted:
            inputs[key] = child.text()
        elif key in fields:
            values[key] = checked(module, key, child)
        else:
            known = [*wanted, *fields, *_STEP_WORDS]
            raise child.error(f"{module.name} has no such argument. {suggest(key, known)}")
    return inputs, values


def checked(module: Module, key: str, node: Node) -> Any:
    """Return a setting's value in its own type.

    Raises
    ------
    PipelineFileError
        If it is none that the module takes; names line, key and what would do.
    """
    field = next(f for f in module.fields if f.name == key)
    try:
        value = field.check(node.value(), module.name)
    except ParameterError as error:
        raise node.error(str(error)) from error
    return value
