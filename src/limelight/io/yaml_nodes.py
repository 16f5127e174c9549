"""YAML that knows where it was written, so that a wrong value can be named by line and key."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import yaml

from limelight.core.errors import CameraConfigError, FileError
from limelight.io.shared_file import explain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Node", "read_nodes"]


class Node:
    """A value in a YAML file, and where it is.

    Parameters
    ----------
    path : path
        The file.
    node : yaml.Node
        The value.
    keys : tuple of str
        The keys that lead to it.
    line : int
        Line of its key, from 1.
    kind : class of FileError
        What an error in it is raised as.
    """

    def __init__(
        self,
        path: Path,
        node: yaml.Node,
        keys: tuple[str, ...],
        line: int,
        kind: type[FileError] = CameraConfigError,
    ) -> None:
        self._path = path
        self._node = node
        self._kind = kind
        self.keys = keys
        self.line = line

    def error(self, reason: str, remedy: str = "Correct it there.") -> FileError:
        """Return an error that names file, line and key."""
        where = " > ".join(self.keys)
        return self._kind(
            self._path, f"line {self.line}{f', {where}' if where else ''}: {reason}", remedy
        )

    def _child(self, node: yaml.Node, keys: tuple[str, ...], line: int) -> Node:
        return Node(self._path, node, keys, line, self._kind)

    @property
    def is_mapping(self) -> bool:
        """Whether it has keys."""
        return isinstance(self._node, yaml.MappingNode)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there."""
        return isinstance(self._node, yaml.ScalarNode) and self._node.tag.endswith(":null")

    @property
    def shown(self) -> str:
        """The value as it stands in the file, for messages."""
        if isinstance(self._node, yaml.ScalarNode):
            return repr(self._node.value)
        return "a list" if isinstance(self._node, yaml.SequenceNode) else "several keys"

    def items(self) -> Iterator[tuple[str, Node]]:
        """Yield keys, as they are written, and values.

        Raises
        ------
        CameraConfigError
            If it has no keys, or one of them twice.
        """
        if not isinstance(self._node, yaml.MappingNode):
            raise self.error(f"keys with values are needed here, not {self.shown}.")
        seen: dict[str, int] = {}
        for key, value in self._node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise self._child(key, self.keys, line).error("a key must be a single word.")
            child = self._child(value, (*self.keys, key.value), line)
            if key.value in seen:
                raise child.error(f"this key is there twice (first in line {seen[key.value]}).")
            seen[key.value] = line
            yield key.value, child

    def elements(self) -> list[Node]:
        """Return the elements of a list; nothing at all counts as an empty list.

        Raises
        ------
        FileError
            If it is not a list.
        """
        if self.is_empty:
            return []
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.error(f"a list is needed here, not {self.shown}.")
        return [self._child(item, self.keys, item.start_mark.line + 1) for item in self._node.value]

    def texts(self) -> list[str]:
        """Return a list of texts; a single one counts as a list of one."""
        if isinstance(self._node, yaml.ScalarNode) and not self.is_empty:
            return [str(self._node.value)]
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.error(f"a list is needed here, not {self.shown}.")
        for item in self._node.value:
            if not isinstance(item, yaml.ScalarNode):
                line = item.start_mark.line + 1
                raise self._child(item, self.keys, line).error("the list must hold single words.")
        return [str(item.value) for item in self._node.value]

    def text(self) -> str:
        """Return a text."""
        if not isinstance(self._node, yaml.ScalarNode) or self.is_empty:
            raise self.error(f"a text is needed here, not {self.shown}.")
        return str(self._node.value)

    def number(self) -> float | None:
        """Return a finite number, None where there is none."""
        if not isinstance(self._node, yaml.ScalarNode) or not self._node.tag.endswith(
            (":int", ":float", ":str")
        ):
            return None
        try:
            # YAML 1.1 takes 1e5 for a text; a person does not.
            value = float(self._node.value)
        except ValueError:
            return None
        return value if math.isfinite(value) else None

    def value(self) -> Any:
        """Return the value in plain Python types."""
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_document(self._node)
        except yaml.YAMLError as error:
            raise self.error("this cannot be understood.") from error
        finally:
            loader.dispose()


def read_nodes(
    path: Path,
    kind: type[FileError] = CameraConfigError,
    needs: str = "It needs a key 'Cameras'.",
) -> Node:
    """Read a YAML file.

    Parameters
    ----------
    path : path
        The file.
    kind : class of FileError
        What an error in it is raised as.
    needs : str
        What an empty file lacks, for the message.

    Raises
    ------
    CameraConfigError
        (or the other kind) If it is not valid YAML; names the line.
    FileError
        If it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise explain(path, error) from error
    except UnicodeDecodeError as error:
        raise kind(path, "this is not a text file.", "Save it as UTF-8.") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        where = f"line {mark.line + 1}: " if mark else ""
        raise kind(
            path,
            f"{where}this is not valid YAML ({problem}).",
            "Check the indentation there, and whether a key is missing in the line above.",
        ) from error
    if root is None:
        raise kind(path, "the file is empty.", needs)
    return Node(path, root, (), root.start_mark.line + 1, kind)
