"""Projects of TissueMAPS: ``pipeline.yaml`` and ``handles/<name>.handles.yaml``.

A project that is loaded and saved unchanged keeps its files to the byte: texts of help and
comments belong to whoever wrote them.  A file is written anew only where what it says has changed.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from limelight.core.errors import (
    FileError,
    ParameterError,
    PartError,
    PipelineFileError,
    suggest,
)
from limelight.io.atomic import replacing
from limelight.io.yaml_nodes import Node, read_nodes
from limelight.segment.module import load
from limelight.segment.pipeline import Channel, Pipeline, SavedObjects, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from limelight.segment.module import Module

__all__ = ["is_project", "load_project", "save_project"]

_FILE = "pipeline.yaml"
_CONSTANTS = ("Numeric", "Character", "Boolean", "Scalar", "Sequence", "Set", "Plot")


def is_project(path: Path) -> bool:
    """Tell whether a folder, or a file, is a TissueMAPS pipeline."""
    if path.is_dir():
        return (path / _FILE).is_file()
    return path.name.endswith(_FILE) and (path.parent / "handles").is_dir()


def _needed(words: Mapping[str, Node], key: str, parent: Node) -> Node:
    if key not in words:
        raise parent.error(f"the key {key!r} is missing.")
    return words[key]


def load_project(path: Path) -> Pipeline:
    """Load a project.

    Parameters
    ----------
    path : path
        Its ``pipeline.yaml``, or the folder that it is in.

    Raises
    ------
    PipelineFileError
        If a file is wrong; names file, line, module, key and the allowed values.
    FileError
        If a file is missing or cannot be read.
    """
    path = path / _FILE if path.is_dir() else path
    root = read_nodes(path, PipelineFileError, "It needs the keys 'input' and 'pipeline'.")
    if not root.is_mapping:
        raise root.error("keys with values are needed here.")
    words = dict(root.items())
    given = dict(words["input"].items()) if "input" in words and words["input"].is_mapping else {}
    channels = []
    for node in given["channels"].elements() if "channels" in given else []:
        inner = dict(node.items())
        correct = bool(inner["correct"].value()) if "correct" in inner else False
        channels.append(Channel(_needed(inner, "name", node).text(), correct))
    objects = []
    for node in given["objects"].elements() if "objects" in given else []:
        objects.append(_needed(dict(node.items()), "name", node).text())
    steps = [_load_step(path.parent, n) for n in _needed(words, "pipeline", root).elements()]
    saved = []
    if "output" in words and words["output"].is_mapping:
        output = dict(words["output"].items())
        for node in output["objects"].elements() if "objects" in output else []:
            inner = dict(node.items())
            polygons = bool(inner["as_polygons"].value()) if "as_polygons" in inner else True
            saved.append(SavedObjects(_needed(inner, "name", node).text(), polygons))
    folder = path.resolve().parent.name
    return Pipeline(
        name=folder,
        description=_text(words.get("description")),
        version=_text(words.get("version")),
        channels=tuple(channels),
        objects=tuple(objects),
        steps=tuple(steps),
        saved=tuple(saved),
    )


def _text(node: Node | None) -> str:
    return "" if node is None or node.is_empty else node.text()


def _load_step(folder: Path, node: Node) -> Step:
    words = dict(node.items())
    source = _needed(words, "source", node)
    file = PurePosixPath(source.text())
    if file.suffix.lower() in (".m", ".r"):
        raise source.error(
            f"{file.name} is a module in {'Matlab' if file.suffix.lower() == '.m' else 'R'}, and "
            "only those in Python are there.",
            f"Use {file.stem}.py with its own handles, or switch to another module.",
        )
    module_name = file.stem
    try:
        module = load(module_name)
    except PartError as error:
        raise source.error(str(error), "Correct the name, or install the package.") from error
    handles = _needed(words, "handles", node)
    path = folder / PurePosixPath(handles.text())
    if not path.is_file():
        raise handles.error(f"there is no file {handles.text()!r}.", "Copy it there.")
    active = bool(words["active"].value()) if "active" in words else True
    step = _load_handles(path, module)
    name = path.name.removesuffix(".handles.yaml").removesuffix(".yaml")
    values = {k: v for k, v in step.values.items() if v != module.defaults[k]}
    outputs = {o: k for o, k in step.outputs.items() if k != f"{name}.{o}"}
    kept = {"source": source.text(), "handles": handles.text(), "text": _read_text(path)}
    return replace(step, name=name, active=active, values=values, outputs=outputs, source=kept)


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")


def _load_handles(path: Path, module: Module) -> Step:
    root = read_nodes(path, PipelineFileError, "It needs the keys 'version', 'input', 'output'.")
    if not root.is_mapping:
        raise root.error("keys with values are needed here.")
    words = dict(root.items())
    version = _needed(words, "version", root)
    if version.text() != module.version:
        raise version.error(
            f"these handles are of version {version.text()}, the module {module.name!r} is of "
            f"version {module.version}.",
            "Compare its inputs with those of the module, and write the module's version there.",
        )
    inputs: dict[str, str] = {}
    values: dict[str, Any] = {}
    plot = False
    wanted = {i.name for i in module.inputs}
    fields = {f.name: f for f in module.fields}
    for node in _needed(words, "input", root).elements():
        item = dict(node.items())
        name = _needed(item, "name", node).text()
        kind = _needed(item, "type", node).text()
        if kind == "Plot" or name == "plot":
            plot = bool(item["value"].value()) if "value" in item else False
        elif name in wanted:
            key = _needed(item, "key", node)
            if not key.is_empty:
                inputs[name] = key.text()
        elif name in fields:
            value = _needed(item, "value", node)
            given = value.value()
            if given is None and fields[name].default is not None:
                continue
            try:
                values[name] = fields[name].check(given, f"{module.name}")
            except ParameterError as error:
                if given is None:
                    continue
                raise value.error(f"{name}: {error}") from error
        elif kind in _CONSTANTS or "key" in item:
            raise item["name"].error(
                f"the module {module.name!r} has no input {name!r}. "
                f"{suggest(name, [*wanted, *fields])}"
            )
    outputs = {}
    known = {o.name for o in module.outputs}
    for node in words["output"].elements() if "output" in words else []:
        item = dict(node.items())
        name = _needed(item, "name", node).text()
        if name in known and "key" in item and not item["key"].is_empty:
            outputs[name] = item["key"].text()
        elif name not in known and _needed(item, "type", node).text() != "Figure":
            raise item["name"].error(
                f"the module {module.name!r} has no output {name!r}. {suggest(name, known)}"
            )
    return Step("", module.name, inputs, values, outputs, plot=plot)


def save_project(pipeline: Pipeline, path: Path) -> Path:
    """Save a pipeline as a project.

    Parameters
    ----------
    pipeline : Pipeline
        What to save.
    path : path
        A folder, made if need be, or the ``pipeline.yaml`` in it.

    Returns
    -------
    path
        The ``pipeline.yaml``.

    Raises
    ------
    FileError
        If it cannot be written.
    """
    path = path if path.suffix == ".yaml" else path / _FILE
    try:
        (path.parent / "handles").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            path.parent, f"the folder cannot be made ({error.strerror}).", "Choose another one."
        ) from error
    entries = []
    for step in pipeline.steps:
        handles = str(step.source.get("handles") or "")
        if PurePosixPath(handles).name != f"{step.name}.handles.yaml":
            handles = f"handles/{step.name}.handles.yaml"
        source = str(step.source.get("source") or f"{step.module}.py")
        entries.append({"source": source, "handles": handles, "active": step.active})
        target = path.parent / PurePosixPath(handles)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, _handles_document(step), str(step.source.get("text") or ""))
    document = {
        "description": pipeline.description,
        "version": pipeline.version,
        "input": {
            "channels": [{"name": c.name, "correct": c.correct} for c in pipeline.channels],
            "objects": [{"name": name} for name in pipeline.objects],
        },
        "pipeline": entries,
        "output": {
            "objects": [{"name": s.name, "as_polygons": s.as_polygons} for s in pipeline.saved]
        },
    }
    _write(path, document, _read_text(path) if path.is_file() else "")
    return path


def _write(path: Path, document: Mapping[str, Any], before: str) -> None:
    """Write a document, or the text from before where that says the same."""
    if before and _says(before) == _without_empty(document):
        text = before
    else:
        text = "---\n" + yaml.dump(dict(document), sort_keys=False, allow_unicode=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _says(text: str) -> Any:
    try:
        return _without_empty(yaml.safe_load(text))
    except yaml.YAMLError:
        return None


def _without_empty(value: Any) -> Any:
    """Return what a document says: an empty value is as good as none."""
    if isinstance(value, dict):
        kept = {k: _without_empty(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        return [_without_empty(v) for v in value]
    return value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _handles_document(step: Step) -> dict[str, Any]:
    """Describe a step as handles: those that it was loaded from, with what has changed."""
    module = step.load()
    old = yaml.safe_load(str(step.source["text"])) if step.source.get("text") else None
    if isinstance(old, dict):
        fields = {f.name: f for f in module.fields}
        for item in old.get("input") or []:
            name = item.get("name")
            if item.get("type") == "Plot" or name == "plot":
                if bool(item.get("value")) != step.plot:
                    item["value"] = step.plot
            elif name in fields:
                chosen = step.values.get(name, fields[name].default)
                if item.get("value") is not None or chosen != fields[name].default:
                    item["value"] = _plain(chosen)
            else:
                item["key"] = step.inputs.get(name)
        for item in old.get("output") or []:
            if item.get("key"):
                item["key"] = step.key(item["name"])
        return old
    return _new_handles(step, module)


def _new_handles(step: Step, module: Module) -> dict[str, Any]:
    inputs: list[dict[str, Any]] = [
        {"name": i.name, "type": i.pipe, "key": step.inputs.get(i.name), "help": i.help}
        for i in module.inputs
    ]
    for field in module.fields:
        item: dict[str, Any] = {"name": field.name, "type": module.kinds[field.name]}
        item["value"] = _plain(step.values.get(field.name, field.default))
        if field.choices:
            item["options"] = list(field.choices)
        inputs.append({**item, "help": field.help})
    inputs.append(
        {"name": "plot", "type": "Plot", "value": step.plot, "help": "Whether to make a figure."}
    )
    outputs: list[dict[str, Any]] = []
    for output in module.outputs:
        item = {"name": output.name, "type": output.pipe}
        if output.pipe == "Measurement":
            item |= {"objects": "assign_objects", "objects_ref": "extract_objects"}
            if any(i.name == "intensity_image" for i in module.inputs):
                item["channel_ref"] = "intensity_image"
        else:
            item["key"] = step.key(output.name)
        outputs.append({**item, "help": output.help})
    outputs.append({"name": "figure", "type": "Figure"})
    return {"version": module.version, "input": inputs, "output": outputs}
