"""Bridge: what scripts for older Pycro-Manager ask for, answered without Java."""

from __future__ import annotations

from typing import Any

from limelight.acquire.core_access import Core
from limelight.core.errors import LimelightError

__all__ = ["Bridge"]


class _Vector(list[Any]):
    """A list as the Java core's vectors are filled."""

    def add(self, value: Any) -> None:
        """Append a value."""
        self.append(value)

    def size(self) -> int:
        """Return the number of values."""
        return len(self)


class _Studio:
    """Stands for Micro-Manager's window, which there is none of."""

    def __getattr__(self, name: str) -> Any:
        raise LimelightError(
            f"studio.{name}: Micro-Manager's window is not part of Limelight. What belongs to the "
            "microscope is reached through Core(), what is shown through napari."
        )


class Bridge:
    """The connection to Micro-Manager that scripts open first; here there is nothing to open."""

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        self._core = Core()

    def get_core(self) -> Core:
        """Return the core."""
        return self._core

    def get_studio(self) -> Any:
        """Return what stands for Micro-Manager's window."""
        return _Studio()

    def construct_java_object(self, name: str, *_arguments: Any, **_options: Any) -> Any:
        """Return a vector, the only Java objects that the core is given.

        Raises
        ------
        LimelightError
            If another class is asked for.
        """
        if name.startswith("mmcorej.") and name.endswith("Vector"):
            return _Vector()
        raise LimelightError(f"There is no Java, and so no {name}.")

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> Bridge:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
