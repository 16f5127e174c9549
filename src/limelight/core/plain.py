"""Values made of plain types only, as YAML, JSON and databases can hold them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["plain"]


def plain(value: Any) -> Any:
    """Return the value made of plain types only: numbers, texts, lists, dictionaries, None."""
    if isinstance(value, np.generic | np.ndarray):  # first: numpy's float64 is a float, too
        return plain(value.tolist())
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {_key(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode("ascii")
    return str(value)


def _key(key: Any) -> Any:
    key = plain(key)
    return key if isinstance(key, str | int | float | bool) or key is None else str(key)
