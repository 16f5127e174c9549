"""Results of the bead tools on disk: tables, calibrations, images, pictures, and the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.core.plain import plain
from limelight.core.report import RunRecord, report
from limelight.io.atomic import replacing
from limelight.io.calibration import save_calibration
from limelight.io.documents import dump_documents

if TYPE_CHECKING:
    import pandas as pd

    from limelight.core.psf.spline import SplinePSF
    from limelight.core.settings import Settings
    from limelight.reslice.jobs import AverageResult, BeadResult, CalibrationResult
    from limelight.reslice.stack import Stack

__all__ = ["save_average", "save_beads", "save_calibrated", "save_psf_image", "save_table"]


def save_table(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a table of beads: CSV, or HDF5 (a compound ``beads``) by the suffix."""
    path = Path(path)
    with replacing(path) as temporary:
        if path.suffix.lower() in (".hdf5", ".h5"):
            import h5py

            kinds = [
                (str(n), h5py.string_dtype() if table[n].dtype.kind not in "iuf" else "<f8")
                for n in table.columns
            ]
            records = np.empty(len(table), kinds)
            for name in table.columns:
                records[name] = table[name].to_numpy()
            with h5py.File(temporary, "w") as file:
                file.create_dataset("beads", data=records)
        else:
            table.to_csv(temporary, index=False)
    return path


def save_psf_image(model: SplinePSF, path: str | Path) -> Path:
    """Write the averaged point spread function as OME-TIFF or OME-Zarr with its scale, float32."""
    from limelight.io.image_writer import OutgoingImage, write_image

    scale = (model.step_nm / 1000, model.pixel_nm / 1000, model.pixel_nm / 1000)
    image = OutgoingImage(model.volume().astype(np.float32), ("z",), scale, ("um",) * 3, name="psf")
    return write_image(path, image)


def save_beads(
    result: BeadResult, stack: Stack, settings: Settings, target: Path, *, picture: bool = True
) -> list[Path]:
    """Write ``<target>.csv``, ``.hdf5``, ``.yaml`` and ``.png``; report the run."""
    table = save_table(result.table, target.with_name(target.name + ".csv"))
    written = [table, save_table(result.table, target.with_name(target.name + ".hdf5"))]
    document = {
        "Stack": str(stack.path or stack.name),
        "Settings": settings.to_dict(),
        "Scale in um (z, y, x)": list(stack.scale_um),
        "Beads": len(result.table),
        "Measured": len(result.good),
        "Summary": result.summary,
        "Theoretical FWHM in um (lateral, axial)": result.theory_um,
        "Field": {
            name: {
                "Degree": found.degree,
                "Coefficients of 1, x, y, x^2, xy, y^2 (x, y: -1 to 1)": found.coefficients,
                "Medians": found.binned,
                "Beads": found.counts,
            }
            for name, found in result.maps.items()
        },
    }
    written.append(_save_text(target, ".yaml", dump_documents([document])))
    if picture:
        from limelight.reslice.figures import bead_figure

        written.append(_save_figure(bead_figure(result, stack.name), target))
    figures = {f"median_{n}": s["median"] for n, s in result.summary.items()}
    figures["n_beads"] = float(len(result.good))
    _report("beads", table, stack, settings, figures, result.seconds)
    return written


def save_calibrated(
    result: CalibrationResult,
    stack: Stack,
    settings: Settings,
    target: Path,
    *,
    picture: bool = True,
) -> list[Path]:
    """Write ``<target>.yaml`` and ``.png``; report the run."""
    path = save_calibration(result.calibration, target.with_name(target.name + ".yaml"))
    written = [path]
    if picture:
        from limelight.reslice.figures import calibration_figure

        written.append(_save_figure(calibration_figure(result, stack.name), target))
    low, high = result.calibration.usable
    figures = {
        "n_beads": float(len(result.beads.good)),
        "rms_z_nm": result.rms_nm,
        "usable_low_nm": low,
        "usable_high_nm": high,
    }
    _report("calibration", path, stack, settings, figures, result.seconds)
    return written


def save_average(
    result: AverageResult, stack: Stack, settings: Settings, target: Path, *, picture: bool = True
) -> list[Path]:
    """Write ``<target>.hdf5``, the image ``<target>.ome.tif`` and ``.png``; report the run."""
    path = save_calibration(result.model, target.with_name(target.name + ".hdf5"))
    written = [path, save_psf_image(result.model, target.with_name(target.name + ".ome.tif"))]
    if picture:
        from limelight.reslice.figures import spline_figure

        written.append(_save_figure(spline_figure(result, stack.name), target))
    averaged = result.averaged
    figures = {
        "n_beads": float(averaged.used.sum()),
        "similarity": float(np.median(averaged.similarity[averaged.used])),
    }
    _report("calibration", path, stack, settings, figures, result.seconds)
    return written


def _save_text(target: Path, suffix: str, text: str) -> Path:
    path = target.with_name(target.name + suffix)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _save_figure(figure: Any, target: Path) -> Path:
    path = target.with_name(target.name + ".png")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
    return path


def _report(
    kind: Any,
    path: Path,
    stack: Stack,
    settings: Settings,
    figures: dict[str, float],
    seconds: float,
) -> None:
    report(
        RunRecord(
            kind=kind,
            file=path,
            source=stack.path,
            duration_s=seconds,
            settings=json.loads(json.dumps(plain(settings.to_dict()))),
            camera=stack.camera.to_dict(),
            figures=figures,
        )
    )
