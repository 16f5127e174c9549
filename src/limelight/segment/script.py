"""Script: a pipeline as plain function calls."""

from __future__ import annotations

import keyword
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from limelight.segment.module import Module
    from limelight.segment.pipeline import Pipeline, Step

__all__ = ["as_script"]


def _identifier(name: str, taken: set[str]) -> str:
    word = re.sub(r"\W+", "_", name).strip("_").lower() or "x"
    if word[0].isdigit() or keyword.iskeyword(word):
        word = f"_{word}"
    stem, number = word, 2
    while word in taken:
        word = f"{stem}_{number}"
        number += 1
    taken.add(word)
    return word


def as_script(pipeline: Pipeline, files: dict[str, str] | None = None) -> str:
    """Return the script that does what a pipeline does, without one.

    Parameters
    ----------
    pipeline : Pipeline
        The pipeline; steps that are switched off are left out.
    files : dict, optional
        File of each channel's image.

    Returns
    -------
    str
        Python code.
    """
    steps = [(s, s.load()) for s in pipeline.steps if s.active]
    taken = {"imread", *(m.function.__name__ for _, m in steps)}
    names: dict[str, str] = {}
    lines = [*_imports(m for _, m in steps), ""]
    for channel in pipeline.channels:
        names[channel.name] = _identifier(channel.name, taken)
        file = (files or {}).get(channel.name, f"{channel.name}.tif")
        lines.append(f"{names[channel.name]} = imread({file!r})")
    lines.append("")
    tables: dict[str, str] = {}
    for step, module in steps:
        lines.extend(_call(step, module, names, taken, tables))
    return "\n".join(lines).rstrip() + "\n"


def _imports(modules: Iterable[Module]) -> list[str]:
    wanted: dict[str, set[str]] = {}
    for module in modules:
        home = module.function.__module__
        if home.startswith("limelight.segment.modules."):
            home = "limelight.segment.modules"
        wanted.setdefault(home, set()).add(module.function.__name__)
    lines = ["from tifffile import imread", ""]
    return lines + [
        f"from {home} import {', '.join(sorted(names))}" for home, names in sorted(wanted.items())
    ]


def _call(
    step: Step, module: Module, names: dict[str, str], taken: set[str], tables: dict[str, str]
) -> list[str]:
    objects = {i.name for i in module.inputs if i.pipe == "SegmentedObjects"}
    arguments = []
    for wanted in module.inputs:
        key = step.inputs.get(wanted.name)
        if key:
            source = names.get(key, repr(key))
            is_objects = key in tables and wanted.name not in objects
            arguments.append(f"{wanted.name}={source}{'.labels' if is_objects else ''}")
    chosen = module.settings(**step.values).to_dict()
    arguments += [f"{k}={v!r}" for k, v in chosen.items() if k in step.values]
    call = f"{module.function.__name__}({', '.join(arguments)})"
    result = _identifier(step.name, taken)
    lines = [f"{result} = {call}"]
    for output in module.outputs:
        key = step.key(output.name)
        if output.pipe == "Measurement":
            owner = step.inputs.get("assign_objects", "")
            measured = step.inputs.get("extract_objects", "")
            channel = step.inputs.get("intensity_image", "")
            words = []
            if measured and measured != owner:
                words.append(f"objects={measured!r}")
            if channel:
                words.append(f"channel={channel!r}")
            variable = names[owner]
            lines.append(
                f"{variable} = {variable}.with_features("
                f"{result}.{output.name}.named({', '.join(words)}))"
            )
        elif output.pipe == "SegmentedObjects":
            names[key] = tables[key] = _identifier(key, taken)
            lines.append(f"{names[key]} = {result}.{output.name}.named({key!r})")
        else:
            names[key] = f"{result}.{output.name}"
    return lines
