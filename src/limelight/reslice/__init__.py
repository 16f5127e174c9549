"""See and measure the point spread function, live and from files.

Looking, without any window (a dock only draws what these return)::

    live = LiveVolume(200, (512, 512), "uint16", scale_um=(0.1, 0.16, 0.16), channels=2,
                      clip=(256, 256), stacks=2)
    live.put(frame.pixels, z, channel)              # from the acquisition's thread, ~0.2 ms
    views = live.views((z, y, x), channel, mode="slice" or "max")   # from the window's timer
    views.xy, views.xz, views.yz                    # (Y, X), (Z, X), (Y, Z)
    views.pixel_um["xz"]                            # (height, width) of a pixel, µm
    live.limits(channel)                            # contrast; live.set_contrast("fixed", 100, 300)
    live.profile((z, y, x), "z", channel)           # Profile: position_um, value, fwhm_um
    live.stack(channel)                             # copy of the newest complete stack, or None

    limelight.core.psf.reslice(volume, (z, y, x), mode=..., scale_um=...)     # any array (Z, Y, X)
    limelight.core.psf.line_profile(volume, (z, y, x), "x", scale_um=...)

Measuring, as jobs (`limelight.run` exhausts one; a dock gives it to its runner)::

    stack = open_stack("beads.ome.tif", step_nm=100, pixel_nm=108)     # file, array or Stack
    result = run(measure_job(stack, BeadSettings(na=1.4, wavelength_nm=600)))
    result.table, result.summary, result.maps, result.theory_um        # DataFrame, dict, FieldMap
    run(calibrate_job(stack, CalibrationSettings())).calibration       # ZCalibration
    run(spline_job(stack, SplineSettings())).model                     # SplinePSF
    save_beads(result, stack, settings, Path("beads_beads"))           # csv, hdf5, yaml, png
    save_calibrated(...), save_average(...)                            # yaml / hdf5 + image, png
    trend = limelight.core.psf.Trend(); trend.add(seconds, result.table); trend.curve("fwhm_z_um")

Names load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "AverageResult": "jobs",
    "BeadResult": "jobs",
    "BeadSettings": "settings",
    "CalibrationResult": "jobs",
    "CalibrationSettings": "settings",
    "LiveVolume": "live_volume",
    "SplineSettings": "settings",
    "Stack": "stack",
    "bead_figure": "figures",
    "calibrate_job": "jobs",
    "calibration_figure": "figures",
    "central_clip": "live_volume",
    "measure_job": "jobs",
    "open_stack": "stack",
    "save_average": "saving",
    "save_beads": "saving",
    "save_calibrated": "saving",
    "save_psf_image": "saving",
    "save_table": "saving",
    "spline_figure": "figures",
    "spline_job": "jobs",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
