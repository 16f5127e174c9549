"""Batch: a pipeline on every field of a folder, resumed where it was left.

.. code-block:: text

    DIR/
    ├── segmentation.yaml      what was done
    ├── status.csv             every field: done or failed, why, how long
    ├── labels/NAME_Nuclei.tif label images, named after their image
    ├── tables/NAME_Nuclei.csv one part per field (kept for resuming)
    ├── logs/NAME.log          what the modules said
    ├── features_Nuclei.csv    values: object and features
    ├── features_Nuclei.parquet
    └── metadata_Nuclei.csv    object, field, place, label, border

As OME-Zarr, ``images/NAME.ome.zarr`` with ``labels/Nuclei`` and ``tables/Nuclei`` takes the place
of the label images.  Of a plate it is ``images/PLATE.ome.zarr/A/1/0``, the mosaic of the well, and
the labels of its sites wait in ``sites``.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
import traceback
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from limelight.core.errors import FileError, LimelightError, ParameterError
from limelight.core.job import Job, Progress, run
from limelight.core.pool import thread_count
from limelight.core.report import RunRecord, report
from limelight.io.atomic import replacing
from limelight.io.cluster import connect
from limelight.segment.fields import Field, read_field
from limelight.segment.files import as_document, save_pipeline
from limelight.segment.results import Format, check_format, is_kept, keep
from limelight.segment.running import Cache, pipeline_job
from limelight.segment.wells import in_well, mosaics_job, note_of, place_fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from limelight.segment.pipeline import Pipeline
    from limelight.segment.running import PipelineResult

__all__ = ["BatchResult", "FieldStatus", "batch_job", "segment_field"]

_PLACE = ("plate_name", "well_name", "well_pos_y", "well_pos_x", "position", "tpoint")
_METADATA = ("centroid_z", "centroid_y", "centroid_x", "well_y", "well_x", "is_border")


@dataclass(frozen=True)
class FieldStatus:
    """How it went with a field.

    Parameters
    ----------
    name : str
        The field.
    state : str
        ``done``, ``failed`` or ``done before``.
    seconds : float
        Time that it took.
    message : str
        Why it failed, or how many objects there are.
    counts : mapping
        Number of objects of each kind.
    """

    name: str
    state: str
    seconds: float
    message: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class BatchResult:
    """What a batch gave.

    Parameters
    ----------
    folder : path
        Where the results are.
    fields : tuple of FieldStatus
        Every field, in order.
    tables : mapping
        File of the features of each kind of objects.
    wells : mapping
        Image of each well of plates, as OME-Zarr.
    """

    folder: Path
    fields: tuple[FieldStatus, ...]
    tables: Mapping[str, Path]
    wells: Mapping[str, Path] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[FieldStatus, ...]:
        """The fields that failed."""
        return tuple(f for f in self.fields if f.state == "failed")


def _description(pipeline: Pipeline, one: Field) -> str:
    """Return what a field's results depend on: the steps, and size and time of its files."""
    steps = []
    for step in pipeline.steps:
        if step.active:
            inputs, outputs = sorted(step.inputs.items()), sorted(step.outputs.items())
            values = sorted((k, repr(v)) for k, v in step.values.items())
            steps.append((step.module, step.load().version, inputs, outputs, values))
    files = []
    for channel, plane in sorted(one.channels.items()):
        place = sorted(plane.place.items())
        for path in _told_by(Path(plane.path)):
            stat = os.stat(path)
            files.append((channel, str(path), place, stat.st_size, stat.st_mtime_ns))
    return hashlib.sha256(repr((steps, files)).encode()).hexdigest()


def _told_by(path: Path) -> list[Path]:
    """Return what changes with an image: of a zarr not the folder, into which labels may go."""
    inside = [path / name for name in ("zarr.json", ".zattrs", ".zarray", "0")]
    there = [p for p in inside if p.exists()] if path.is_dir() else []
    return there or [path]


def segment_field(
    pipeline: Pipeline, one: Field, folder: Path, form: Format = "tiff"
) -> FieldStatus:
    """Run a pipeline on one field and keep its results; an error becomes a status.

    Parameters
    ----------
    pipeline : Pipeline
        What to do.
    one : Field
        The images.
    folder : path
        Where the results go.
    form : {"tiff", "ome-zarr", "into-input"}
        In which form.

    Returns
    -------
    FieldStatus
        How it went.
    """
    start = time.perf_counter()
    lines: list[str] = []
    try:
        images = read_field(one)
        described = _description(pipeline, one)
        result = run(
            pipeline_job(pipeline, images, cache=Cache(0)),
            lambda step: lines.extend(_lines(step)),
        )
        kept = {name: result.objects[name] for name in _kept_objects(pipeline, result)}
        counts = keep(one, images, kept, folder, form, described)
        message = ", ".join(f"{n} {name}" for name, n in counts.items()) or "no objects are kept"
        status = FieldStatus(one.name, "done", time.perf_counter() - start, message, counts)
    except (LimelightError, OSError, MemoryError) as error:
        message = str(error) or type(error).__name__
        status = FieldStatus(one.name, "failed", time.perf_counter() - start, message, {})
    except Exception as error:  # whatever it is, the other fields are not kept from their turn
        lines.append(traceback.format_exc())
        message = f"it failed in a way that was not foreseen: {type(error).__name__}: {error}"
        status = FieldStatus(one.name, "failed", time.perf_counter() - start, message, {})
    lines.append(f"{status.state} in {status.seconds:.2f} s: {status.message}")
    _write_text(folder / "logs" / f"{one.name}.log", "\n".join(lines) + "\n")
    return status


def _lines(step: Progress) -> list[str]:
    if step.partial is None:
        return []
    done = step.partial
    head = f"{done.step.name} ({done.step.module}): {done.seconds * 1000:.1f} ms"
    return [head, *(f"  {line}" for line in done.log)]


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _kept_objects(pipeline: Pipeline, result: PipelineResult) -> list[str]:
    names = [s.name for s in pipeline.saved if s.name in result.objects]
    return names or list(result.objects)


def _done_before(pipeline: Pipeline, one: Field, folder: Path, form: Format) -> FieldStatus | None:
    try:
        note = note_of(one, folder)
        if note is None:
            return None
        if note["described"] != _description(pipeline, one) or note.get("format") != form:
            return None
        counts = {str(k): int(v) for k, v in note["counts"].items()}
    except (ValueError, KeyError, TypeError):
        return None
    if not is_kept(one, list(counts), folder, form):
        return None
    message = ", ".join(f"{n} {name}" for name, n in counts.items())
    return FieldStatus(one.name, "done before", 0.0, message, counts)


def batch_job(
    pipeline: Pipeline,
    fields: Sequence[Field],
    folder: str | Path,
    *,
    threads: int | None = None,
    client: Any = None,
    again: bool = False,
    form: Format = "tiff",
) -> Job[BatchResult]:
    """Run a pipeline on many fields.

    Fields that were done before with the same steps on the same files are not done again.  A
    field that fails is told in its status, and the others go on.  A job that is cancelled keeps
    what is done.

    Parameters
    ----------
    pipeline : Pipeline
        What to do.
    fields : sequence of Field
        The images; see `limelight.segment.find_fields`.
    folder : path
        Where the results go; made if need be.
    threads : int, optional
        Fields at work at a time, by default one per core.
    client : dask.distributed.Client or str, optional
        A cluster, or its address; its workers see the files under the same paths.
    again : bool
        Whether to do everything again.
    form : {"tiff", "ome-zarr", "into-input"}
        Label images as TIFF; OME-Zarr with image, labels and features; or labels and features
        added to the OME-Zarr that the images come from.

    Yields
    ------
    Progress
        After every field, its `FieldStatus` as partial result.

    Returns
    -------
    BatchResult
        Status of all fields, files of the tables.

    Raises
    ------
    PipelineError
        If the pipeline cannot be run at all.
    FileError
        If the folder cannot be written to.
    """
    pipeline.check()
    if not fields:
        raise ParameterError("There is no field to segment.")
    check_format(form, fields)
    folder = Path(folder).expanduser()
    try:
        results = {"tiff": "labels", "ome-zarr": "images"}.get(form, "tables")
        for name in (results, "tables", "logs"):
            (folder / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            folder, f"the folder cannot be made ({error.strerror}).", "Choose another one."
        ) from error
    save_pipeline(pipeline, folder / "segmentation.yaml")
    began, start = datetime.now(UTC), time.perf_counter()
    statuses: dict[str, FieldStatus] = {}
    waiting: list[Field] = []
    for one in fields:
        before = None if again else _done_before(pipeline, one, folder, form)
        if before is None:
            waiting.append(one)
        else:
            statuses[one.name] = before
    total, done = len(fields), len(statuses)
    yield Progress(done, total, f"{done} fields done before" if done else "starting")
    crew = _Cluster(client) if client is not None else _Threads(thread_count(threads))
    try:
        for status in crew.results(pipeline, waiting, folder, form):
            statuses[status.name] = status
            done += 1
            yield Progress(done, total, f"{status.name}: {status.message}", partial=status)
    finally:
        crew.close()
        ordered = tuple(statuses[f.name] for f in fields if f.name in statuses)
        _write_status(ordered, folder)
    yield Progress(done, total, "joining the tables")
    tables = _join_tables(fields, ordered, folder)
    wells: dict[str, Path] = {}
    if form == "ome-zarr":
        mosaics = mosaics_job(fields, folder, threads=threads)
        try:
            while True:
                yield replace(next(mosaics), done=done, total=total)
        except StopIteration as stop:
            wells = stop.value
        finally:
            mosaics.close()
    result = BatchResult(folder, ordered, tables, wells)
    report(_record(pipeline, fields, result, began, time.perf_counter() - start, form))
    return result


def _record(
    pipeline: Pipeline,
    fields: Sequence[Field],
    result: BatchResult,
    began: datetime,
    seconds: float,
    form: Format,
) -> RunRecord:
    """Describe a batch for those who remember runs."""
    figures: dict[str, float] = {
        "n_fields": len(result.fields),
        "n_failed": len(result.failed),
        "seconds_per_field": _mean([s.seconds for s in result.fields if s.state == "done"]),
    }
    for status in result.fields:
        for name, count in status.counts.items():
            key = f"n_{name}"
            figures[key] = figures.get(key, 0) + count
    sources = {str(Path(p.path).parent) for f in fields for p in f.channels.values()}
    return RunRecord(
        kind="segmentation",
        file=result.folder / "segmentation.yaml",
        source=sources.pop() if len(sources) == 1 else None,
        started=began,
        duration_s=seconds,
        settings={"format": form, "pipeline": as_document(pipeline)},
        figures=figures,
        notes={"n_failed": result.failed[0].message} if result.failed else {},
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")


class _Threads:
    """Fields on threads: kernels and files release the interpreter's lock."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="limelight-segment")
        self._count = count
        self._stop = threading.Event()

    def results(
        self, pipeline: Pipeline, fields: Sequence[Field], folder: Path, form: Format
    ) -> Any:
        left = iter(fields)
        under_way: set[Future[FieldStatus]] = set()
        while True:
            for one in left:
                under_way.add(self._pool.submit(segment_field, pipeline, one, folder, form))
                if len(under_way) >= self._count:
                    break
            if not under_way:
                return
            ready, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for future in ready:
                yield future.result()

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


class _Cluster:
    """Fields on the workers of a dask cluster."""

    def __init__(self, client: Any) -> None:
        self._client, self._own, _ = connect(client)
        self._futures: list[Any] = []

    def results(
        self, pipeline: Pipeline, fields: Sequence[Field], folder: Path, form: Format
    ) -> Any:
        from distributed import as_completed

        shared = self._client.scatter(pipeline, broadcast=True)
        self._futures = [
            self._client.submit(segment_field, shared, one, folder.absolute(), form, pure=False)
            for one in fields
        ]
        for future in as_completed(self._futures):  # type: ignore[no-untyped-call]
            yield future.result()

    def close(self) -> None:
        for future in self._futures:
            future.cancel()
        if self._own:
            self._client.close()


def _write_status(statuses: Sequence[FieldStatus], folder: Path) -> None:
    table = pd.DataFrame(
        [(s.name, s.state, round(s.seconds, 3), s.message) for s in statuses],
        columns=["field", "state", "seconds", "message"],
    )
    with replacing(folder / "status.csv") as temporary:
        table.to_csv(temporary, index=False)


def _join_tables(
    fields: Sequence[Field], statuses: Sequence[FieldStatus], folder: Path
) -> dict[str, Path]:
    """Join the fields' tables into the two files per kind of objects that TissueMAPS exports."""
    by_name = {f.name: f for f in fields}
    notes = {f.name: note for f in fields if (note := note_of(f, folder)) is not None}
    places = place_fields(fields, notes)
    parts: dict[str, list[pd.DataFrame]] = {}
    for status in statuses:
        for name in status.counts:
            part = folder / "tables" / f"{status.name}_{name}.csv"
            table = pd.read_csv(part)
            if status.name in places:
                table = in_well(table, places[status.name])
            table.insert(0, "field", status.name)
            for key, value in reversed(list(by_name[status.name].about.items())):
                table.insert(1, key, value)
            parts.setdefault(name, []).append(table)
    written = {}
    for name, tables in parts.items():
        joined = pd.concat(tables, ignore_index=True)
        joined.insert(0, "mapobject_id", range(1, len(joined) + 1))
        about = ["mapobject_id", "field", *_PLACE, "label", "well_label", *_METADATA]
        about += [c for c in joined.columns if c.startswith(("parent_", "count_"))]
        about = [c for c in about if c in joined.columns]
        values = ["mapobject_id", *(c for c in joined.columns if c not in about)]
        for file, columns in ((f"features_{name}.csv", values), (f"metadata_{name}.csv", about)):
            with replacing(folder / file) as temporary:
                joined[columns].to_csv(temporary, index=False)
        written[name] = folder / f"features_{name}.csv"
        try:
            with replacing(folder / f"features_{name}.parquet") as temporary:
                joined.to_parquet(temporary, index=False)
            written[name] = folder / f"features_{name}.parquet"
        except ImportError:  # pyarrow is an extra
            (folder / f"features_{name}.parquet").unlink(missing_ok=True)
    return written
