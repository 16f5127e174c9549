"""Movies in TIFF files: plain, BigTIFF, ImageJ, OME, Micro-Manager; also split over several."""

from __future__ import annotations

import itertools
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.errors import FileError, TruncatedError
from limelight.core.remarks import remark
from limelight.io import micromanager
from limelight.io.file_movie import FileMovie
from limelight.io.ndtiff import read_index
from limelight.io.ome import Ome, nanometres, parse_ome, spread
from limelight.io.series import MissingPartError, find_parts
from limelight.io.tiff_part import TiffPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from limelight.core.camera import Camera

__all__ = [
    "TiffMovie",
    "check_alike",
    "choose_frames",
    "imagej_of",
    "imagej_unit",
    "join_parts",
    "ome_of",
    "open_tiff",
    "page_properties",
    "read_metadata",
]

_KEPT_OPEN = 64
_PLAUSIBLE_NM = (1.0, 50_000.0)
_SAMPLE = 64
_LETTERS = {"time": "T", "z": "Z", "channel": "C", "position": "P"}
_WORDS = {"T": "time point", "Z": "plane", "C": "channel", "P": "position"}


class TiffMovie(FileMovie):
    """A movie in one or several TIFF files.

    Parameters
    ----------
    path : path
        The first file, or the folder.
    parts : sequence of TiffPart
        The files, indexed.
    frames : 2D array of int64 (T, 2)
        File and page of every frame.
    summary : dict
        What Micro-Manager says of the acquisition.
    metadata, camera, problem
        As in `FileMovie`.

    Attributes
    ----------
    pages : 2D array of int64 (N, 2)
        File and page of every image, also of those that are not in the movie.
    planes : (dict, 1D array), optional
        Place on each axis, and index in `pages`, where there are several axes.
    """

    def __init__(
        self,
        path: str | Path,
        parts: Sequence[TiffPart],
        frames: NDArray[np.int64],
        *,
        summary: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        camera: Camera | None = None,
        problem: TruncatedError | None = None,
    ) -> None:
        self._parts = list(parts)
        self._frames = frames
        self.summary = summary or {}
        self.pages = frames
        self.planes: tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]] | None = None
        first = self._parts[0]
        super().__init__(
            path,
            (len(frames), first.height, first.width),
            first.dtype.newbyteorder(first.byte_order),  # type: ignore[arg-type]
            metadata=metadata,
            camera=camera,
            problem=problem,
        )

    @property
    def parts(self) -> list[TiffPart]:
        """The files."""
        return self._parts

    @property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """What can be chosen when it is opened: axis, and the labels of its places."""
        from limelight.io.tiff_planes import about_axis

        numbers = super().choices
        return {a: about_axis(self, a, len(n))[0] or n for a, n in numbers.items()}

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        target = np.empty((stop - start, *self.shape[1:]), self.dtype)
        wanted = self._frames[start:stop]
        joins = np.flatnonzero(np.diff(wanted[:, 0])) + 1
        edges = [0, *joins.tolist(), len(wanted)]
        for first, last in itertools.pairwise(edges):
            if first < last:
                part = self._parts[int(wanted[first, 0])]
                part.read_into(wanted[first:last, 1], target[first:last])
        return target

    def frame_metadata(self, index: int) -> dict[str, Any]:
        """Return what Micro-Manager or Limelight says of that frame; empty for other files."""
        part, page = self._frames[index].tolist()
        return page_properties(self._parts[part], page)

    def close(self) -> None:
        """Close the files."""
        for part in self._parts:
            part.close()


def open_tiff(path: str | Path, camera: Camera | None = None) -> TiffMovie:
    """Open a TIFF file as a movie, and the files that continue it.

    A file with several channels, planes or positions gives the movie over time of the first of
    each, and a warning that says so.

    Parameters
    ----------
    path : path
        The file; any file of a series.
    camera : Camera, optional
        Used instead of what the file says.

    Raises
    ------
    FileError
        If it cannot be read.
    """
    paths, missing = find_parts(path)
    parts: list[TiffPart] = []
    try:
        for p in paths:
            parts.append(TiffPart(p, keep_open=len(paths) <= _KEPT_OPEN))
        return _assemble(Path(paths[0]), parts, missing, camera)
    except BaseException:
        for part in parts:
            part.close()
        raise


def _assemble(
    path: Path, parts: list[TiffPart], missing: Path | None, camera: Camera | None
) -> TiffMovie:
    first = parts[0]
    headers = [micromanager.read_header(p.file, p.byte_order) for p in parts]
    text = first.description
    ome = ome_of(text)
    imagej = imagej_of(text)
    axes = _axes(text, ome, imagej)
    promised = 1
    for _, length in axes:
        promised *= length
    by_micromanager = headers[0] is not None
    for k, part in enumerate(parts):
        if by_micromanager or len(parts) > 1:
            part.index()
        else:
            lone = bool(imagej) or '"truncated": true' in text
            part.index(promised if k == 0 else None, lone_directory=lone)
    check_alike(parts)

    pages = join_parts(parts)
    problem = _cut(path, parts, headers, promised if not by_micromanager else None, pages)
    if problem is not None:
        pages = pages[: problem.readable]
    elif missing is not None:
        problem = MissingPartError(missing, len(pages), len(pages))
    if not len(pages):
        raise FileError(
            path,
            "the file is damaged or incomplete: not even its first frame is there.",
            "Copy the file again.",
        )
    planes, explicit = None, False
    if by_micromanager:
        planes = _micromanager_planes(parts, headers, pages)
    elif ome is not None and any(p.page or p.file or p.count > 1 for p in ome.planes):
        planes = _ome_planes(path, ome, len(parts[0]) if len(parts) == 1 else 0)
        explicit = planes is not None
    if planes is None:
        planes = _regular_planes(axes, len(pages))
    frames = pages
    if planes is not None:
        order, said = choose_frames(*planes)
        keep = order < len(pages)
        if explicit and not keep.all() and problem is None:
            problem = TruncatedError(path, int(keep.argmin()), int(keep.argmin()))
        frames = pages[order[keep]]
        if problem is not None and len(frames) < problem.readable:
            problem = type(problem)(problem.path, len(frames), len(frames))
        if said:
            remark(f"{path.name}: {said}", stacklevel=4)
    metadata, summary = read_metadata(first)
    movie = TiffMovie(
        path, parts, frames, summary=summary, metadata=metadata, camera=camera, problem=problem
    )
    if planes is not None:
        movie.pages, movie.planes = pages, planes
        words = {letter: word for word, letter in _LETTERS.items()}
        others = {words.get(a, a): len(np.unique(v)) for a, v in planes[0].items()}
        movie.other_axes = {a: n for a, n in others.items() if a != "time"}
    return movie


def join_parts(parts: Sequence[TiffPart]) -> NDArray[np.int64]:
    """Return file and page of all frames, shape (T, 2), the files one after the other."""
    rows = [
        np.stack([np.full(len(p), k, np.int64), np.arange(len(p), dtype=np.int64)], axis=1)
        for k, p in enumerate(parts)
    ]
    return np.concatenate(rows)


def check_alike(parts: Sequence[TiffPart]) -> None:
    """Raise if the frames of the files differ in size or type."""
    first = parts[0]
    for part in parts[1:]:
        if (part.height, part.width, part.dtype) != (first.height, first.width, first.dtype):
            raise FileError(
                part.path,
                f"its frames ({part.height} x {part.width}, {part.dtype}) differ from those of "
                f"{first.path.name} ({first.height} x {first.width}, {first.dtype}).",
                "Move it to another folder.",
            )


def _cut(
    path: Path,
    parts: Sequence[TiffPart],
    headers: Sequence[micromanager.Header | None],
    promised: int | None,
    pages: NDArray[np.int64],
) -> TruncatedError | None:
    """Return what is missing at the end of the first damaged file."""
    before = 0
    for part, header in zip(parts, headers, strict=True):
        before += len(part)
        listed = header is not None and header.index is not None
        if listed and header is not None and header.index is not None:
            if len(header.index) == len(part):
                continue  # the chain's loose end is Micro-Manager's own
        if part.broken:
            return TruncatedError(part.path, before, before)
    if promised is not None and len(parts) == 1 and len(pages) < promised:
        return TruncatedError(path, len(pages), len(pages))
    return None


@lru_cache(maxsize=1)
def ome_of(text: str) -> Ome | None:
    """Return what the OME-XML in a description says; None for other files."""
    return parse_ome(text) if "<OME" in text[:4096] else None


def imagej_of(text: str) -> dict[str, str]:
    """Return what ImageJ says of the file; empty for other files."""
    if not text.startswith("ImageJ="):
        return {}
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs if value}


def imagej_unit(imagej: dict[str, str]) -> str:
    """Return ImageJ's unit of length, which it writes with escapes where it is not ASCII."""
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), imagej.get("unit", ""))


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and int(text) > 0 else 1


def _axes(text: str, ome: Ome | None, imagej: dict[str, str]) -> list[tuple[str, int]]:
    """Return the axes that the description promises, the slowest first."""
    if ome is not None:
        return ome.axes
    if imagej:
        axes = [
            ("T", _whole(imagej.get("frames"))),
            ("Z", _whole(imagej.get("slices"))),
            ("C", _whole(imagej.get("channels"))),
        ]
        images = _whole(imagej.get("images"))
        return axes if np.prod([n for _, n in axes]) == images else [("T", images)]
    if text.startswith("{") and '"shape"' in text[:200]:
        try:
            values = json.loads(text)
            shape = [int(n) for n in values["shape"]]
        except (ValueError, TypeError, KeyError):
            return [("T", 1)]
        names = str(values.get("axes", ""))
        if len(names) != len(shape):
            names = "".join("TABDEF"[k] if k < 6 else "G" for k in range(len(shape) - 2)) + "YX"
        axes = list(zip(names, shape, strict=False))
        return [(a, n) for a, n in axes if a not in "YXS"] or [("T", 1)]
    return [("T", 1)]


def _regular_planes(
    axes: list[tuple[str, int]], pages: int
) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]] | None:
    """Return the place of every page on the axes, pages in the order of the axes."""
    long = [(a, n) for a, n in axes if n > 1]
    if len(long) < 2:
        return None
    index = np.arange(pages)
    places: dict[str, NDArray[np.int64]] = {}
    rest = index
    for name, length in reversed(long):
        rest, places[name] = np.divmod(rest, length)
    inside = rest == 0
    return {k: v[inside] for k, v in places.items()}, index[inside]


def _ome_planes(
    path: Path, ome: Ome, pages: int
) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]] | None:
    """Return the place of every page on the axes, as the OME-XML lists them."""
    if not pages or not ome.planes:
        return None
    others = {p.file for p in ome.planes} - {"", path.name}
    if len({p.file for p in ome.planes}) > 1:
        remark(
            f"{path.name}: its description names other files ({sorted(others)[0]}, ...), whose "
            "frames are not shown; open them one by one.",
            stacklevel=5,
        )
    own = {path.name, ""} if len({p.file for p in ome.planes}) > 1 else None
    rows = [
        (place, page)
        for run in ome.planes
        if own is None or run.file in own
        for place, page in spread(run, ome.axes)
    ]
    if not rows:
        return None
    names = [a for a, n in ome.axes if n > 1] or [ome.axes[0][0]]
    places = {a: np.array([place[a] for place, _ in rows], np.int64) for a in names}
    return places, np.array([page for _, page in rows], np.int64)


def _micromanager_planes(
    parts: Sequence[TiffPart],
    headers: Sequence[micromanager.Header | None],
    pages: NDArray[np.int64],
) -> tuple[dict[str, NDArray[np.int64]], NDArray[np.int64]] | None:
    """Return the place of every page on the axes, as Micro-Manager lists them."""
    counts = [len(p) for p in parts]
    maps = [h.index for h in headers if h is not None and h.index is not None]
    if [len(m) for m in maps] == counts:
        table = np.concatenate(maps)[: len(pages)]
        places = {
            "T": table[:, 2].astype(np.int64),
            "Z": table[:, 1].astype(np.int64),
            "C": table[:, 0].astype(np.int64),
            "P": table[:, 3].astype(np.int64),
        }
    else:
        found = _tagged_planes(parts, pages)
        if found is None:
            return None
        places = found
    places = {k: v for k, v in places.items() if len(np.unique(v)) > 1}
    if len(places) < 2:
        return None
    return places, np.arange(len(pages))


def _tagged_planes(
    parts: Sequence[TiffPart], pages: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]] | None:
    """Return the places that the frames' own texts tell; None where only time passes."""
    index = read_index(parts[0].path)

    def places_of(row: NDArray[np.int64]) -> dict[str, int | str]:
        part, page = parts[int(row[0])], int(row[1])
        axes = index.get((part.path.name, part.block(page)))
        if axes is not None:
            return micromanager.coordinates({"Axes": axes})
        return micromanager.coordinates(page_properties(part, page))

    # Reading the texts of all frames takes long, so some of them tell whether it is needed.
    few = np.unique(np.linspace(0, len(pages) - 1, _SAMPLE).astype(int))
    few = np.union1d(few, np.arange(min(_SAMPLE, len(pages))))
    rows = [places_of(row) for row in (pages if index else pages[few])]
    if len({tuple(sorted((k, str(v)) for k, v in r.items() if k != "time")) for r in rows}) < 2:
        return None
    if not index:
        rows = [places_of(row) for row in pages]
    result: dict[str, NDArray[np.int64]] = {}
    for axis in dict.fromkeys(axis for row in rows for axis in row):
        values = [row.get(axis, 0) for row in rows]
        known = {v: k for k, v in enumerate(dict.fromkeys(values))}
        result[_LETTERS.get(axis, axis)] = np.array(
            [v if isinstance(v, int) else known[v] for v in values], np.int64
        )
    return result


def choose_frames(
    places: dict[str, NDArray[np.int64]], pages: NDArray[np.int64]
) -> tuple[NDArray[np.int64], str]:
    """Choose the pages of one movie among those of several axes.

    Parameters
    ----------
    places : dict
        Place of every page on each axis, 1D arrays of equal length.
    pages : 1D array of int
        The pages.

    Returns
    -------
    array of int
        The chosen pages in order.
    str
        What was left out, empty if nothing was.
    """
    lengths = {name: len(np.unique(values)) for name, values in places.items()}
    words = {letter: word for word, letter in _LETTERS.items()}
    main = "T" if lengths.get("T", 1) > 1 else max(lengths, key=lambda a: lengths[a])
    keep = np.ones(len(pages), bool)
    left, shown, choice = [], [], ""
    for name, values in places.items():
        if name == main or lengths[name] < 2:
            continue
        keep &= values == values.min()
        word = _WORDS.get(name, f"place on axis {name}")
        left.append(f"{lengths[name]} {word}s")
        choice = choice or words.get(name, "time_axis")
        shown.append(f"{word} {int(values.min())}")
    order = np.argsort(places[main][keep], kind="stable")
    said = ""
    if left:
        said = (
            f"besides its {lengths[main]} {_WORDS.get(main, f'places on axis {main}')}s it has "
            f"{' and '.join(left)}; the movie is that of {' and '.join(shown)}. "
            f"open_movie(path, {choice}=...) opens another one."
        )
    return pages[keep][order], said


def page_properties(part: TiffPart, page: int) -> dict[str, Any]:
    """Return what Micro-Manager or Limelight says of a frame; empty for other files."""
    for tag in (micromanager.FRAME_TAG, micromanager.OWN_FRAME_TAG):
        if text := part.tag(page, tag):
            return micromanager.frame_properties(text)
    return {}


def read_metadata(part: TiffPart) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the file says of the movie, and Micro-Manager's summary."""
    header = micromanager.read_header(part.file, part.byte_order)
    ome, imagej = ome_of(part.description), imagej_of(part.description)
    summary = header.summary if header else {}
    properties = page_properties(part, 0)
    metadata: dict[str, Any] = {}
    size = micromanager.pixel_size_nm(properties, summary)
    exposure = micromanager.exposure_ms(properties)
    camera = micromanager.camera_name(properties)
    if properties:
        metadata["Micro-Manager Metadata"] = properties
    if header and header.comments:
        metadata["Micro-Manager Acquisition Comments"] = header.comments
    if ome is not None:
        size = size or ome.pixel_size_nm
        exposure = exposure or ome.exposure_ms
        camera = camera or ome.camera
    size = size or _resolution_nm(part, imagej)
    exposure = exposure or micromanager.positive(imagej.get("exposure_ms"))
    if camera:
        metadata["Camera"] = camera
    if size:
        metadata["Pixelsize"] = size
    if exposure:
        metadata["exposure_ms"] = exposure
    return metadata, summary


def _resolution_nm(part: TiffPart, imagej: dict[str, str]) -> float | None:
    """Return the size of a pixel by the resolution tags, nm; None where they mean no microscope."""
    per_unit, unit = part.encoding.resolution
    if per_unit <= 0:
        return None
    if imagej:
        return nanometres(1 / per_unit, imagej_unit(imagej))
    if unit == 3:
        size = 1e7 / per_unit
        return size if _PLAUSIBLE_NM[0] <= size <= _PLAUSIBLE_NM[1] else None
    return None
