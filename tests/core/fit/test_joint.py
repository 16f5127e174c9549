"""The kernel of the joint fit against plain numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import erf

from limelight.core import lanes as lanes
from limelight.core.fit import _joint as joint


def _model(theta, molecules, shape):
    """Plain model and its derivatives, (rows, columns) and (parameters, rows, columns)."""
    b, s = theta[:2]
    model = np.full(shape, float(b))
    grad = np.zeros((2 + 3 * molecules, *shape))
    grad[0] = 1

    def axis(count, centre):
        edges = np.arange(count + 1) - 0.5 - centre
        gauss = np.exp(-0.5 * (edges / s) ** 2) / np.sqrt(2 * np.pi) / s
        share = np.diff(0.5 * erf(edges / s / np.sqrt(2)))
        return share, -np.diff(gauss), -np.diff(edges / s * gauss)

    for k in range(molecules):
        x, y, n = theta[2 + 3 * k : 5 + 3 * k]
        ex, dx, vx = axis(shape[1], x)
        ey, dy, vy = axis(shape[0], y)
        model += n * np.outer(ey, ex)
        grad[1] += n * (np.outer(ey, vx) + np.outer(vy, ex))
        grad[2 + 3 * k] = n * np.outer(ey, dx)
        grad[3 + 3 * k] = n * np.outer(dy, ex)
        grad[4 + 3 * k] = np.outer(ey, ex)
    return model, grad


def _likelihood(data, model):
    ratio = np.where(data > 0, model / np.where(data > 0, data, 1), 1)
    return (data * np.log(ratio) - model + data).sum()


def _put(array, image):
    """Write an image to the (rows * chunks, 16) layout of a region."""
    rows, columns = image.shape
    chunks = -(-columns // lanes.WIDTH)
    padded = np.zeros((rows, chunks * lanes.WIDTH))
    padded[:, :columns] = image
    array[: rows * chunks] = padded.reshape(-1, lanes.WIDTH)
    return chunks


def _region(data, fixed=0.0):
    rows, columns = data.shape
    chunks = -(-columns // lanes.WIDTH)
    region = joint.new_region(rows + 3, chunks)
    for array in (region.data, region.fixed):
        array[:] = 1e4
    _put(region.data, data)
    _put(region.fixed, np.broadcast_to(fixed, data.shape))
    _put(region.mask, np.ones(data.shape))
    return region, rows, chunks


def _theta(rng, molecules, shape, apart=3.0):
    theta = np.zeros(joint.PARAMETERS)
    theta[:2] = rng.uniform(5, 30), rng.uniform(0.9, 1.6)
    for k in range(molecules):
        theta[2 + 3 * k] = rng.uniform(3, shape[1] - 4)
        theta[3 + 3 * k] = rng.uniform(3, shape[0] - 4)
        theta[4 + 3 * k] = rng.uniform(500, 4000)
    return theta


@pytest.mark.parametrize(
    ("molecules", "shape"), [(1, (7, 7)), (2, (9, 13)), (3, (18, 16)), (5, (20, 37))]
)
def test_model_gradient_and_information(molecules, shape):
    rng = np.random.default_rng(molecules)
    theta = _theta(rng, molecules, shape)
    fixed = rng.uniform(0, 9, shape)
    model, grad = _model(theta, molecules, shape)
    model += fixed
    data = rng.poisson(model * rng.uniform(0.8, 1.2, shape)).astype(float)
    data[0, 0] = 0.0
    data[0, 1] = -3.0
    region, rows, chunks = _region(data, fixed)
    # whatever is in pixels that are not used must not matter
    free = 2 + 3 * molecules
    g, h = np.empty(joint.PARAMETERS), np.empty((joint.PARAMETERS,) * 2)
    value = joint.evaluate(region, rows, chunks, theta, molecules, g, h)
    positive = np.where(data > 0, data, 0)
    expected = _likelihood(positive, model)
    assert value == pytest.approx(expected, rel=2e-4, abs=0.05)
    slope = ((data / model - 1) * grad).sum(axis=(1, 2))
    information = np.einsum("iyx,jyx,yx->ij", grad, grad, 1 / model)
    scale = np.sqrt(np.diag(information))
    np.testing.assert_allclose(g[:free] / scale, slope / scale, atol=2e-3)
    lower = np.tril_indices(free)
    relative = information / np.outer(scale, scale)
    np.testing.assert_allclose(
        (h[:free, :free] / np.outer(scale, scale))[lower], relative[lower], atol=1e-4
    )


@pytest.mark.parametrize("molecules", [1, 2, 3])
def test_fit_finds_the_maximum_that_scipy_finds(molecules):
    rng = np.random.default_rng(10 + molecules)
    shape = (12, 14)
    truth = np.zeros(joint.PARAMETERS)
    truth[:2] = 15, 1.2
    for k, (x, y) in enumerate([(5.2, 5.8), (7.9, 6.3), (5.9, 8.8)][:molecules]):
        truth[2 + 3 * k : 5 + 3 * k] = x, y, 2000 + 500 * k
    data = rng.poisson(_model(truth, molecules, shape)[0]).astype(float)
    free = 2 + 3 * molecules
    prior, spread = 1.25, 0.1

    def cost(p):
        model, grad = _model(p, molecules, shape)
        slope = ((data / model - 1) * grad).sum(axis=(1, 2))
        slope[1] -= (p[1] - prior) / spread**2
        return (
            -_likelihood(data, model) + 0.5 * ((p[1] - prior) / spread) ** 2,
            -slope,
        )

    start = truth[:free] * 1.0
    start[2::3] += 0.4
    start[4::3] *= 0.8
    best = minimize(
        cost,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.1, None), (0.5, 3)] + [(0, 14), (0, 14), (10, None)] * molecules,
        options={"maxiter": 3000, "maxfun": 9000, "ftol": 1e-14, "gtol": 1e-9},
    )
    region, rows, chunks = _region(data)
    theta = np.zeros(joint.PARAMETERS)
    theta[:free] = start
    variance = np.empty(joint.PARAMETERS)
    value, done = joint.joint_fit(
        region, rows, chunks, theta, molecules, prior, spread, 4.0, 0.01, 40, variance
    )
    assert done < 15
    assert value == pytest.approx(-best.fun, abs=0.02)
    model, grad = _model(best.x, molecules, shape)
    information = np.einsum("iyx,jyx,yx->ij", grad, grad, 1 / model)
    information[1, 1] += 1 / spread**2
    bound = np.diag(np.linalg.inv(information))
    np.testing.assert_allclose((theta[:free] - best.x) / np.sqrt(bound), 0, atol=0.05)
    np.testing.assert_allclose(variance[:free], bound, rtol=0.02)


def test_a_width_can_be_held():
    truth = np.zeros(joint.PARAMETERS)
    truth[:5] = 10, 1.2, 5, 5, 3000
    region, rows, chunks = _region(_model(truth, 1, (11, 11))[0])
    theta = truth.copy()
    theta[1], theta[2] = 1.4, 5.5
    variance = np.empty(joint.PARAMETERS)
    joint.joint_fit(region, rows, chunks, theta, 1, 1.4, 0.0, 3.0, 0.01, 40, variance)
    assert theta[1] == 1.4
    assert theta[2] == pytest.approx(5, abs=0.01)


def test_lanes_are_summed():
    from numba import njit

    @njit
    def add(table):
        return joint.total(lanes.load(table, 0))

    table = np.arange(16, dtype=np.float32)[None]
    assert add(table) == 120
