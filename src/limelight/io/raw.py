"""Movies in ``.raw`` files: nothing but pixels, described by a YAML file beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import yaml

from limelight.core.errors import FileError, ParameterError
from limelight.io.atomic import replacing
from limelight.io.blocks import blocks_of
from limelight.io.contiguous import ContiguousMovie
from limelight.io.shared_file import explain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from limelight.core.camera import Camera
    from limelight.core.movie import Movie

__all__ = [
    "DATA_TYPES",
    "RawSpecification",
    "open_raw",
    "read_specification",
    "specification_path",
    "write_raw",
]

DATA_TYPES = (
    *("uint8", "int8", "uint16", "int16", "uint32", "int32"),
    *("uint64", "int64", "float16", "float32", "float64"),
)
"""The types of pixels that a raw file may have."""


@dataclass(frozen=True)
class RawSpecification:
    """What one has to know to read a raw file.

    Parameters
    ----------
    data_type : str
        One of `DATA_TYPES`.
    height, width : int
        Size of a frame, pixels.
    byte_order : str
        ``"<"`` where the low byte comes first (nearly always), ``">"`` where the high one does.
    header : int
        Bytes before the first frame.
    frames : int, optional
        Number of frames; None: as many as the file holds.

    Raises
    ------
    ParameterError
        If a value is out of range.
    """

    data_type: str = "uint16"
    height: int = 512
    width: int = 512
    byte_order: Literal["<", ">"] = "<"
    header: int = 0
    frames: int | None = None

    def __post_init__(self) -> None:
        if self.data_type not in DATA_TYPES:
            raise ParameterError(
                f"Data Type must be one of {', '.join(DATA_TYPES)}, not {self.data_type!r}."
            )
        if self.byte_order not in ("<", ">"):
            raise ParameterError(f"Byte Order must be '<' or '>', not {self.byte_order!r}.")
        low = {"Height": 1, "Width": 1, "Header": 0, "Frames": 1}
        for name, least in low.items():
            value = getattr(self, name.lower())
            if value is None and name == "Frames":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ParameterError(
                    f"{name} must be a whole number, {least} or more, not {value!r}."
                )

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels with their byte order."""
        return np.dtype(self.data_type).newbyteorder(self.byte_order)

    @property
    def frame_bytes(self) -> int:
        """Size of a frame in bytes."""
        return self.height * self.width * self.dtype.itemsize

    def fit(self, size: int) -> tuple[int, int]:
        """Return how many whole frames a file of that size holds, and the bytes left over."""
        return divmod(max(0, size - self.header), self.frame_bytes)

    def to_dict(self) -> dict[str, Any]:
        """Return the specification as its YAML file holds it."""
        values: dict[str, Any] = {"Byte Order": self.byte_order, "Data Type": self.data_type}
        if self.frames is not None:
            values["Frames"] = self.frames
        values |= {"Height": self.height, "Width": self.width}
        if self.header:
            values["Header"] = self.header
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RawSpecification:
        """Read the specification from what its YAML file holds.

        Raises
        ------
        ParameterError
            If a value is missing or wrong.
        """
        missing = [k for k in ("Data Type", "Height", "Width") if k not in values]
        if missing:
            raise ParameterError(f"{', '.join(missing)} is missing.")
        try:
            data_type = np.dtype(str(values["Data Type"])).newbyteorder("=").name
        except Exception:  # numpy raises many sorts of errors for what is no type
            data_type = str(values["Data Type"])
        return cls(
            data_type=data_type,
            height=values["Height"],
            width=values["Width"],
            byte_order=values.get("Byte Order", "<"),
            header=values.get("Header", 0),
            frames=values.get("Frames"),
        )

    @classmethod
    def parse(cls, text: str) -> RawSpecification:
        """Read the specification from a text such as ``uint16,512,512``.

        Type, height and width, then bytes of the header if there is one; ``>`` before the type
        where the high byte comes first.

        Raises
        ------
        ParameterError
            If it is not of that form.
        """
        words = [w.strip() for w in text.split(",")]
        numbers = [int(w) for w in words[1:] if w.isdecimal()]
        if len(words) not in (3, 4) or len(numbers) != len(words) - 1:
            raise ParameterError(
                f"A raw file is described by TYPE,HEIGHT,WIDTH or TYPE,HEIGHT,WIDTH,HEADER, such "
                f"as uint16,512,512, not {text!r}."
            )
        high_first = words[0].startswith(">")
        return cls(
            data_type=words[0].removeprefix(">"),
            height=numbers[0],
            width=numbers[1],
            byte_order=">" if high_first else "<",
            header=numbers[2] if len(numbers) > 2 else 0,
        )

    def save(self, path: str | Path) -> Path:
        """Write the YAML file beside a raw file.

        Parameters
        ----------
        path : path
            The raw file.

        Returns
        -------
        path
            The file that was written.
        """
        target = specification_path(path)
        with replacing(target) as temporary:
            text = yaml.safe_dump(self.to_dict(), default_flow_style=False)
            temporary.write_text(text, encoding="utf-8")
        return target


def specification_path(path: str | Path) -> Path:
    """Return the name of the YAML file that belongs to a raw file."""
    return Path(path).with_suffix(".yaml")


def _documents(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise explain(path, error) from error
    except UnicodeDecodeError as error:
        raise FileError(path, "this is not a text file.", "Write it again.") from error
    try:
        documents = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise FileError(path, f"this is not valid YAML{where}.", "Correct that line.") from error
    if not documents or not isinstance(documents[0], dict):
        raise FileError(
            path, "it does not describe a movie.", "It needs Data Type, Height and Width."
        )
    return [d for d in documents if isinstance(d, dict)]


def read_specification(path: str | Path) -> tuple[RawSpecification, dict[str, Any]]:
    """Read the YAML file that belongs to a raw file.

    Returns
    -------
    RawSpecification
        How to read it.
    dict
        Everything that the file says.

    Raises
    ------
    FileError
        If it is missing or wrong.
    """
    source = specification_path(path)
    if not source.exists():
        raise FileError(
            path,
            f"there is no {source.name} beside it that tells its data type, height and width.",
            "Give a RawSpecification (--raw), or drop it onto napari and answer the questions.",
        )
    values = _documents(source)[0]
    try:
        return RawSpecification.from_dict(values), values
    except ParameterError as error:
        raise FileError(source, str(error), "Correct it there.") from error


class RawMovie(ContiguousMovie):
    """A movie in a raw file."""

    _specification: RawSpecification
    _was_given = False

    @property
    def opened_as(self) -> tuple[str, dict[str, Any]]:
        """What `limelight.io.open_movie` has to be given to open it again: path and choices."""
        return str(self.path), {"raw": self._specification} if self._was_given else {}

    def __reduce__(self) -> tuple[Any, ...]:
        return open_raw, (str(self.path), self._specification, self._given_camera)


def open_raw(
    path: str | Path,
    specification: RawSpecification | None = None,
    camera: Camera | None = None,
) -> RawMovie:
    """Open a raw file.

    Parameters
    ----------
    path : path
        The file.
    specification : RawSpecification, optional
        How to read it; by default as the YAML file beside it says.
    camera : Camera, optional
        What is known of the camera.

    Raises
    ------
    FileError
        If it cannot be read, or there is no specification.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise explain(path, error) from error
    information: dict[str, Any] = {}
    was_given = specification is not None
    if specification is None:
        specification, information = read_specification(path)
    frames, _ = specification.fit(size)
    shape = (specification.frames or max(frames, 1), specification.height, specification.width)
    extra = {k: v for k, v in information.items() if k not in ("Frames", "Height", "Width")}
    movie = RawMovie(
        path, shape, specification.dtype, offset=specification.header, metadata=extra, camera=camera
    )
    movie._specification, movie._was_given = specification, was_given
    return movie


def write_raw(
    path: str | Path,
    frames: Movie | NDArray[Any] | Iterable[NDArray[Any]],
    information: Mapping[str, Any] | None = None,
) -> Path:
    """Write a raw file and its YAML file, frame by frame.

    Parameters
    ----------
    path : path
        The file; ``.raw`` is added where it has no suffix.
    frames : Movie, array (T, Y, X) or iterable of arrays (Y, X) or (N, Y, X)
        The counts.
    information : mapping, optional
        What else the YAML file should say.

    Returns
    -------
    path
        The raw file.
    """
    path = Path(path)
    path = path if path.suffix else path.with_suffix(".raw")
    count, first = 0, None
    with replacing(path) as temporary, temporary.open("wb") as file:
        for block in blocks_of(frames)[1]:
            piece = np.asarray(block)
            if first is None:
                first = piece
            if piece.shape[-2:] != first.shape[-2:] or piece.dtype != first.dtype:
                raise ParameterError("All frames must have the same shape and type.")
            count += 1 if piece.ndim == 2 else len(piece)
            little = piece.astype(piece.dtype.newbyteorder("<"), copy=False)
            file.write(np.ascontiguousarray(little).data)
        if first is None:
            raise ParameterError("There are no frames to write.")
    height, width = first.shape[-2:]
    name = first.dtype.newbyteorder("=").name
    specification = RawSpecification(name, height, width, "<", 0, count)
    with replacing(specification_path(path)) as temporary:
        values = {**(information or {}), **specification.to_dict()}
        temporary.write_text(yaml.safe_dump(values, default_flow_style=False), encoding="utf-8")
    return path
