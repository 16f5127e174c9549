"""Views and profiles of volumes with known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.core.errors import ParameterError
from limelight.core.psf import line_profile, profiles, reslice, stack_limits, width_of

FWHM = 2 * np.sqrt(2 * np.log(2))


@pytest.fixture
def volume():
    return np.random.default_rng(0).integers(0, 1000, (7, 9, 11)).astype(np.uint16)


def test_slices_are_the_planes_through_the_point(volume):
    views = reslice(volume, (2, 3, 4), scale_um=(0.2, 0.1, 0.1))
    assert (views.xy == volume[2]).all()
    assert (views.xz == volume[:, 3]).all()
    assert (views.yz == volume[:, :, 4].T).all()
    assert np.shares_memory(views.xz, volume)
    assert views.pixel_um == {"xy": (0.1, 0.1), "xz": (0.2, 0.1), "yz": (0.1, 0.2)}


def test_maxima_look_through_the_volume(volume):
    views = reslice(volume, (2, 3, 4), mode="max")
    assert (views.xy == volume.max(0)).all()
    assert (views.xz == volume.max(1)).all()
    assert (views.yz == volume.max(2).T).all()


def test_lazy_arrays_are_read_where_they_are_cut(volume):
    import dask.array

    views = reslice(dask.array.from_array(volume, chunks=(1, 9, 11)), (6, 0, 10))
    assert (views.yz == volume[:, :, 10].T).all()


def test_a_point_outside_goes_to_the_rim(volume):
    assert reslice(volume, (-5, 99, 3.6)).point == (0, 8, 4)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"mode": "mean"}, "slice"),
        ({"scale_um": (1, 0, 1)}, "above 0"),
        ({"scale_um": (1, 1)}, "scale_um"),
    ],
)
def test_bad_arguments_are_named(volume, arguments, word):
    with pytest.raises(ParameterError, match=word):
        reslice(volume, (0, 0, 0), **arguments)
    with pytest.raises(ParameterError, match="channel"):
        reslice(volume[None], (0, 0, 0))
    with pytest.raises(ParameterError, match="axis"):
        line_profile(volume, (0, 0, 0), "w")


@given(
    sigma=st.floats(1.2, 6.0),
    centre=st.floats(25.0, 35.0),
    height=st.floats(1.0, 1e5),
    floor=st.floats(-100, 100),
    step=st.floats(0.01, 10.0),
)
def test_width_of_a_gaussian(sigma, centre, height, floor, step):
    x = np.arange(61.0)
    y = floor + height * np.exp(-0.5 * ((x - centre) / sigma) ** 2)
    fwhm, middle, peak, _ = width_of(x * step, y, background=floor)
    assert fwhm == pytest.approx(FWHM * sigma * step, rel=0.015)
    assert middle == pytest.approx(centre * step, abs=0.02 * step)
    assert peak - floor == pytest.approx(height, rel=0.02)


@pytest.mark.parametrize(
    "values",
    [np.zeros(20), np.arange(20.0), np.ones(3), np.full(20, np.nan)],
    ids=["flat", "rising", "short", "nan"],
)
def test_no_peak_has_no_width(values):
    assert np.isnan(width_of(np.arange(float(len(values))), values)[0])


def test_profiles_of_a_bead():
    z, y, x = np.ogrid[:41, :31, :31]
    bead = 100 * np.exp(
        -(((z - 20.3) / 4) ** 2 + ((y - 15) / 1.5) ** 2 + ((x - 14.8) / 2) ** 2) / 2
    )
    found = profiles(bead + 7, (20, 15, 15), scale_um=(0.1, 0.05, 0.05))
    for axis, sigma_um, centre in (("z", 0.4, 2.03), ("y", 0.075, 0.75), ("x", 0.1, 0.74)):
        assert found[axis].fwhm_um == pytest.approx(FWHM * sigma_um, rel=0.01)
        assert found[axis].centre_um == pytest.approx(centre, abs=0.003)
    near = line_profile(bead, (20, 15, 15), "z", reach=10, half_width=1)
    assert len(near.value) == 21 and near.position_um[0] == 10


def test_the_limits_of_a_stack_are_those_of_its_values():
    rng = np.random.default_rng(0)
    stack = rng.normal(100, 5, (90, 30, 31))
    low, high = stack_limits(stack)
    assert (low, high) == pytest.approx(tuple(np.percentile(stack, (1, 99.9))), abs=0.5)
    stack[::2, 0, 0] = np.nan  # of which percentiles would be NaN
    assert stack_limits(stack) == pytest.approx((low, high), abs=0.1)
    assert stack_limits(np.full((3, 4, 4), 7, np.uint16)) == (7.0, 8.0)
    assert stack_limits(np.full((3, 4, 4), np.nan)) == (0.0, 1.0)
