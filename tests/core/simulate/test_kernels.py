from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import erf

from limelight.core.simulate.kernels import (
    add_spots_kernel,
    expose_kernel,
    normal_array,
    poisson_array,
)


@pytest.mark.parametrize("mean", [0.003, 0.7, 1.0, 5.25, 20.0, 63.99, 64.0, 150.3, 2500.0])
def test_poisson_numbers_follow_the_distribution(mean):
    drawn = np.empty(200_000, dtype=np.int64)
    poisson_array(np.random.default_rng(1), np.full(drawn.size, mean), drawn)
    law = stats.poisson(mean)
    edges = np.unique(law.ppf(np.linspace(0.001, 0.999, 40)))
    inside = np.concatenate(([-np.inf], edges, [np.inf]))
    expected = np.diff(np.concatenate(([0.0], law.cdf(edges), [1.0]))) * drawn.size
    observed, _ = np.histogram(drawn, bins=np.nextafter(inside, np.inf))
    keep = expected > 5
    chi2 = ((observed - expected)[keep] ** 2 / expected[keep]).sum()
    assert stats.chi2(max(keep.sum() - 1, 1)).sf(chi2) > 1e-4


def test_poisson_of_no_light_is_zero():
    drawn = np.full(4, 7, dtype=np.int64)
    poisson_array(np.random.default_rng(0), np.array([0.0, -1.0, -1e-30, 0.0]), drawn)
    assert (drawn == 0).all()


def test_normal_numbers_follow_the_distribution():
    drawn = np.empty(400_000)
    normal_array(np.random.default_rng(3), drawn)
    assert stats.kstest(drawn, "norm").pvalue > 1e-3
    # Beyond 3.44 another branch of the algorithm is at work.
    far = np.abs(drawn) > 3.5
    assert stats.binomtest(int(far.sum()), drawn.size, 2 * stats.norm.sf(3.5)).pvalue > 1e-3
    assert abs(stats.skew(drawn)) < 0.02


def _spots_twin(image, x, y, photons, sx, sy):
    rows, columns = (np.arange(n) for n in image.shape)
    for k in range(len(x)):
        ex = erf((columns[:, None] + [-0.5, 0.5] - x[k]) / (np.sqrt(2) * sx[k]))
        ey = erf((rows[:, None] + [-0.5, 0.5] - y[k]) / (np.sqrt(2) * sy[k]))
        image += photons[k] * np.outer(np.diff(ey)[:, 0] / 2, np.diff(ex)[:, 0] / 2)


def test_spots_match_the_plain_formula():
    rng = np.random.default_rng(5)
    x, y = rng.uniform(-6, 45, 30), rng.uniform(-6, 37, 30)
    sx, sy = rng.uniform(0.5, 2.5, (2, 30))
    photons = rng.uniform(100, 5000, 30)
    image, twin = np.ones((31, 40)), np.ones((31, 40))
    add_spots_kernel(image, x, y, photons, sx, sy)
    _spots_twin(twin, x, y, photons, sx, sy)
    np.testing.assert_allclose(image, twin, atol=1e-5)


def test_a_spot_sums_to_its_photons():
    image = np.zeros((40, 40))
    one = np.ones(1)
    add_spots_kernel(image, 19.3 * one, 20.8 * one, 1234.5 * one, 1.3 * one, 1.1 * one)
    assert image.sum() == pytest.approx(1234.5, rel=1e-6)
    rows, columns = np.indices(image.shape)
    assert (image * columns).sum() / image.sum() == pytest.approx(19.3, abs=1e-6)
    assert (image * rows).sum() / image.sum() == pytest.approx(20.8, abs=1e-6)


def test_counts_are_clipped_at_both_ends():
    out = np.empty((2, 50), dtype=np.uint8)
    mean = np.zeros((2, 50))
    mean[1] = 1e4
    zero, one = np.zeros((1, 1)), np.ones((1, 1))
    expose_kernel(np.random.default_rng(0), mean, False, 30 * one, one, zero, 255.0, out)
    assert (out[1] == 255).all()
    assert (out[0] == 0).sum() > 10
