"""The fits as registered parts, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.core.fit import fit_mle
from limelight.core.fit.bounds import gaussian_spot
from limelight.core.parts import Fitter, make, name_of, names
from limelight.core.settings import fields_of
from limelight.core.spots import Spots

OWN = (
    "avg", "lq", "lq-fixed", "lq-sigmaxy", "mle", "mle-fixed", "mle-sigmaxy", "phasor",
    "phasor-sigmaxy",
)  # fmt: skip


@pytest.fixture(scope="module")
def spots():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-0.5, 0.5, (2, 40))
    mean = gaussian_spot(2000, 10, 1.2, box=7, x=x, y=y)
    return Spots(rng.poisson(mean).astype(np.float32))


def test_all_are_registered():
    assert set(OWN) <= set(names("fitters"))


@pytest.mark.parametrize("name", OWN)
def test_part_fits(name, spots):
    fitter = make("fitters", name)
    assert isinstance(fitter, Fitter)
    assert name_of("fitters", fitter) == name
    result = fitter.fit(spots)
    assert {"x", "y", "photons", "bg", "sx", "sy", "lpx", "lpy"} <= set(result)
    assert {len(column) for column in result.values()} == {40}
    assert np.isfinite(result["x"]).all()
    assert all(field.help for field in fields_of(type(fitter)))
    assert len(fitter.fit(Spots(np.empty((0, 7, 7), np.float32)))["x"]) == 0


@pytest.mark.parametrize("name", [n for n in OWN if n != "avg"])
def test_part_knows_the_camera(name, spots):
    fitter = make("fitters", name)
    plain = fitter.fit(spots)
    variance = np.full(spots.photons.shape, 25.0, np.float32)
    noisy = fitter.fit(Spots(spots.photons, variance=variance, excess_noise=2.0))
    assert (noisy["lpx"] > 1.5 * plain["lpx"]).all()


def test_settings_reach_the_fit(spots):
    fixed = make("fitters", "mle-fixed", sigma=1.1).fit(spots)
    np.testing.assert_array_equal(fixed["sx"], np.float32(1.1))
    one = make("fitters", "mle", max_iterations=1, start_sigma=2.0).fit(spots)
    assert (one["iterations"] == 1).all()
    separate = make("fitters", "mle-sigmaxy").fit(spots)
    expected = fit_mle(spots.photons, sigma="separate")
    np.testing.assert_array_equal(separate["sy"], expected["sy"])
    assert (separate["sx"] != separate["sy"]).all()


def test_a_width_too_large_for_the_box_is_refused(spots):
    with pytest.raises(ParameterError, match="sigma"):
        make("fitters", "mle-fixed", sigma=6.0).fit(spots)


def test_importing_compiles_nothing():
    code = (
        "import sys, limelight.core.fit.fitters, limelight.core.fit.bounds\n"
        "assert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
