"""YAML documents and JSON as Picasso's files hold them, read without running what they contain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from limelight.core.plain import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["dump_documents", "dump_json", "load_documents", "plain"]

_PYTHON = "tag:yaml.org,2002:python/"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader that also knows the tuples and numpy scalars of older files."""


class _Type(str):
    """The name of a numpy type, as an older file spells it."""


def _python_object(loader: Any, suffix: str, node: yaml.Node) -> Any:
    """Return a tuple as list, a numpy scalar as number, anything else as what it is made of."""
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.MappingNode):
        values = loader.construct_mapping(node, deep=True)
        if "numpy.dtype" in suffix:
            return _Type(values.get("args", ["f8"])[0])
        return values
    parts = loader.construct_sequence(node, deep=True)
    if "numpy.dtype" in suffix:
        return _Type(parts[0])
    if suffix.endswith("multiarray.scalar") and len(parts) == 2 and isinstance(parts[0], _Type):
        raw = parts[1] if isinstance(parts[1], bytes) else str(parts[1]).encode("latin-1")
        return np.frombuffer(raw, np.dtype(str(parts[0])))[0].item()
    return parts


_Loader.add_multi_constructor(_PYTHON, _python_object)


def load_documents(text: str) -> list[dict[str, Any]]:
    """Return the YAML documents of a text that are mappings.

    Raises
    ------
    ValueError
        If it is not YAML.
    """
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except (yaml.YAMLError, TypeError, ValueError, IndexError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise ValueError(f"not valid YAML{where}") from error
    return [d for d in documents if isinstance(d, dict)]


def dump_documents(documents: Sequence[Mapping[str, Any]]) -> str:
    """Return the documents as YAML."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump_all(
        [plain(dict(d)) for d in documents], Dumper=dumper, default_flow_style=False
    )
    return text


def dump_json(documents: Sequence[Mapping[str, Any]]) -> str:
    """Return the documents as one JSON list."""
    return json.dumps([plain(dict(d)) for d in documents])
