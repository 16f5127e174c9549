"""Conditions on the columns of a table, as people write them: ``photons > 500 and lpx < 0.2``.

The text is parsed by Python's own parser, and only what is listed here is understood: nothing of
it is ever run.
"""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import ParameterError, suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from limelight.core.localizations import Localizations

__all__ = ["matches", "range_text"]

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "log": np.log,
    "log10": np.log10,
    "hypot": np.hypot,
    "min": np.minimum,
    "max": np.maximum,
    "isfinite": np.isfinite,
}
_KNOWN = "It may hold columns, numbers, < <= > >= == !=, and, or, not, + - * / ** %, and " + (
    ", ".join(f"{name}()" for name in _FUNCTIONS) + "."
)


def matches(locs: Localizations, text: str) -> NDArray[np.bool_]:
    """Tell which molecules a condition holds for.

    Parameters
    ----------
    locs : Localizations
        The molecules.
    text : str
        The condition, such as ``"photons > 500 and 0.8 < sx < 1.6"`` or
        ``"hypot(x - 60, y - 40) < 10"``.  Commas between conditions mean *and*.

    Returns
    -------
    1D array of bool (N,)
        A comparison with a NaN does not hold (but for ``!=``).

    Raises
    ------
    ParameterError
        If it cannot be read, or names a column that is not there.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        where = getattr(error, "offset", None)
        after = f" near {text.strip()[max(where - 8, 0) : where + 4]!r}" if where else ""
        raise ParameterError(f"filter: {text!r} cannot be read{after}. {_KNOWN}") from error
    parts = tree.elts if isinstance(tree, ast.Tuple) else [tree]
    keep = np.ones(len(locs), np.bool_)
    with np.errstate(all="ignore"):
        for part in parts:
            found = np.asarray(_value(part, locs, text))
            if found.dtype != np.bool_:
                raise ParameterError(
                    f"filter: {ast.unparse(part)!r} is no condition: it has to be true or false, "
                    "as in 'photons > 500'."
                )
            keep &= found
    return keep


def _value(node: ast.expr, locs: Localizations, text: str) -> Any:
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        return node.value
    if isinstance(node, ast.Name):
        return _column(locs, node.id)
    if isinstance(node, ast.Compare):
        return _chain(node, locs, text)
    if isinstance(node, ast.BoolOp):
        join = operator.and_ if isinstance(node.op, ast.And) else operator.or_
        result = _condition(node.values[0], locs, text)
        for other in node.values[1:]:
            result = join(result, _condition(other, locs, text))
        return result
    if isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not | ast.Invert):
            return ~_condition(node.operand, locs, text)
        value = _value(node.operand, locs, text)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        left, right = _value(node.left, locs, text), _value(node.right, locs, text)
        return _applied(_BINARY[type(node.op)], (left, right), node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        name = node.func.id
        if name not in _FUNCTIONS:
            raise ParameterError(
                f"filter: there is no function {name!r}. {suggest(name, _FUNCTIONS)}"
            )
        return _applied(_FUNCTIONS[name], [_value(a, locs, text) for a in node.args], node)
    raise ParameterError(f"filter: {ast.unparse(node)!r} is not understood. {_KNOWN}")


def _applied(function: Callable[..., Any], values: Any, node: ast.expr) -> Any:
    try:
        return function(*values)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ParameterError(f"filter: {ast.unparse(node)!r} cannot be computed.") from error


def _condition(node: ast.expr, locs: Localizations, text: str) -> NDArray[np.bool_]:
    found = np.asarray(_value(node, locs, text))
    if found.dtype != np.bool_:
        raise ParameterError(
            f"filter: {ast.unparse(node)!r} is no condition: write out both, as in "
            "'photons > 500 and photons < 2000'."
        )
    return found


def _chain(node: ast.Compare, locs: Localizations, text: str) -> NDArray[np.bool_]:
    result: Any = True
    left = _value(node.left, locs, text)
    for operation, right_node in zip(node.ops, node.comparators, strict=True):
        if type(operation) not in _COMPARE:
            raise ParameterError(f"filter: {ast.unparse(node)!r} is not understood. {_KNOWN}")
        right = _value(right_node, locs, text)
        result = result & _applied(_COMPARE[type(operation)], (left, right), node)
        left = right
    return np.asarray(result, np.bool_)


def _column(locs: Localizations, name: str) -> NDArray[Any]:
    if name not in locs:
        raise ParameterError(
            f"filter: the table has no column {name!r}. {suggest(name, locs.columns)}"
        )
    values = locs[name]
    if values.dtype.kind not in "uifb":
        raise ParameterError(f"filter: the column {name!r} must be of numbers.")
    # Differences of unsigned numbers would wrap around.
    return values.astype(np.int64) if values.dtype.kind == "u" else values


def range_text(ranges: Mapping[str, tuple[float | None, float | None]]) -> str:
    """Return the condition that values lie in ranges, both ends included.

    Parameters
    ----------
    ranges : mapping of column to (low, high)
        None leaves an end open.
    """
    parts = []
    for column, (low, high) in ranges.items():
        if low is not None and high is not None:
            parts.append(f"{low!r} <= {column} <= {high!r}")
        elif low is not None:
            parts.append(f"{column} >= {low!r}")
        elif high is not None:
            parts.append(f"{column} <= {high!r}")
    return " and ".join(parts)
