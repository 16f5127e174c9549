"""``limelight segment PIPELINE --input FOLDER --output DIR``: objects and features of images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from limelight.core.errors import ParameterError
from limelight.core.job import Progress, run
from limelight.segment import batch_job, find_fields, load_pipeline, shipped
from limelight.segment.results import FORMATS
from limelight.segment.wells import ORDERS, Layout

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["add_to", "main"]


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "pipeline",
        metavar="PIPELINE",
        help="a pipeline's file, a folder with a TissueMAPS pipeline.yaml, or "
        + " | ".join(shipped()),
    )
    parser.add_argument(
        "--input",
        required=True,
        metavar="PATH",
        help="a folder of images, an image, a pattern such as 'plate1/*.tif', or an OME-Zarr",
    )
    parser.add_argument(
        "--output", required=True, type=Path, metavar="DIR", help="folder for the results"
    )
    parser.add_argument(
        "--channel",
        action="append",
        default=[],
        metavar="NAME=PATTERN",
        help="file names of a channel, such as DAPI='*_w1.tif'; files belong together where what "
        "* stands for is the same. Once for each channel",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="tiff",
        help="label images as TIFF (default), OME-Zarr with image, labels and features, or labels "
        "and features added to the OME-Zarr that is the input",
    )
    parser.add_argument(
        "--layout",
        choices=ORDERS,
        default=ORDERS[0],
        help="how the sites of a well lie, where the files do not say it (default: row by row)",
    )
    parser.add_argument(
        "--columns",
        type=int,
        metavar="N",
        help="sites of a well beside each other (default: as near to a square as can be)",
    )
    crew = parser.add_mutually_exclusive_group()
    crew.add_argument("--jobs", type=int, metavar="N", help="fields at a time (default: cores)")
    crew.add_argument("--dask", metavar="ADDRESS", help="spread the work over a dask cluster")
    parser.add_argument(
        "--overwrite", action="store_true", help="segment again what is done already"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _patterns(words: Sequence[str]) -> dict[str, str]:
    patterns = {}
    for word in words:
        name, sign, pattern = word.partition("=")
        if not (sign and name and pattern):
            raise ParameterError(f"--channel must have the form NAME=PATTERN, not {word!r}.")
        patterns[name] = pattern
    return patterns


def main(options: argparse.Namespace) -> int:
    """Segment all fields; go on after a bad one.

    Returns
    -------
    int
        0, or 1 if any field failed.
    """
    pipeline = load_pipeline(options.pipeline)
    channels = [c.name for c in pipeline.channels]
    layout = Layout(options.layout, options.columns)
    fields = find_fields(options.input, channels, _patterns(options.channel), layout)
    with tqdm(total=len(fields), unit="field", disable=options.quiet or None) as bar:

        def show(step: Progress) -> None:
            bar.update(step.done - bar.n)
            if step.partial is not None and step.partial.state == "failed":
                bar.write(f"{step.partial.name}: {step.partial.message}", file=sys.stderr)

        job = batch_job(
            pipeline,
            fields,
            options.output,
            threads=options.jobs,
            client=options.dask,
            again=options.overwrite,
            form=options.format,
        )
        result = run(job, show)
    done = [f for f in result.fields if f.state == "done"]
    before = [f for f in result.fields if f.state == "done before"]
    objects: dict[str, int] = {}
    for field in (*done, *before):
        for name, count in field.counts.items():
            objects[name] = objects.get(name, 0) + count
    told = ", ".join(f"{count:,} {name}" for name, count in objects.items()) or "no objects"
    print(
        f"{len(done)} of {len(fields)} fields segmented, {len(before)} done before, "
        f"{len(result.failed)} failed; {told}."
    )
    for name, path in result.tables.items():
        print(f"  {name}: {path}")
    if result.wells:
        print(f"  {len(result.wells)} wells: {next(iter(result.wells.values())).parents[2]}")
    for field in result.failed:
        print(f"  failed: {field.name}: {field.message}")
    return 1 if result.failed else 0
