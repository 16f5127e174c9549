"""The vector type against numpy and scipy, lane by lane."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erf

pytest.importorskip("numba")
from numba import njit

from limelight.core import lanes as L


@njit
def elementary(table):
    x = L.load(table, 0)
    L.store(table, 1, L.exp(x))
    z = L.load(table, 2)
    L.store(table, 3, L.erf_with_exp(z, L.exp(-z * z)))
    L.store(table, 5, L.log(L.load(table, 4)))
    L.store(table, 8, L.arctan2(L.load(table, 6), L.load(table, 7)))
    L.store(table, 9, L.sqrt(L.fabs(x)))


@njit
def logic(table):
    a = L.load(table, 0)
    b = L.load(table, 1)
    L.store(table, 2, L.where((a < b) & ~(a <= 0.0), a, -b))
    L.store(table, 3, L.clip(a, -1.0, 1.0))
    L.store(table, 4, L.minimum(a, b))
    L.store(table, 5, L.maximum(a, b))
    L.store(table, 6, (2 * a - 1) / (b + 3.5))
    L.store(table, 7, 7.0)
    return L.bits((a > b) | (a >= 2.0))


@njit
def linear(matrix, n, vector, diagonal, scratch):
    L.factorize(matrix, n)
    L.solve(matrix, n, vector)
    L.inverse_diagonal(matrix, n, diagonal, scratch)


def test_elementary_functions_agree_with_numpy():
    rng = np.random.default_rng(1)
    worst = dict.fromkeys(("exp", "erf", "log", "arctan2"), 0.0)
    for _ in range(200):
        table = np.zeros((10, L.WIDTH), np.float32)
        table[0] = -rng.uniform(0, 86, L.WIDTH)
        table[2] = rng.normal(0, 2, L.WIDTH)
        table[4] = np.exp(rng.uniform(-80, 80, L.WIDTH))
        table[6:8] = rng.normal(0, 1, (2, L.WIDTH)) * 10.0 ** rng.integers(-4, 4, (2, L.WIDTH))
        elementary(table)
        exact = table.astype(np.float64)
        errors = {
            "exp": table[1] / np.exp(exact[0]) - 1,
            "erf": table[3] - erf(exact[2]),
            "log": (table[5] - np.log(exact[4])) / np.maximum(1, np.abs(np.log(exact[4]))),
            "arctan2": table[8] - np.arctan2(exact[6], exact[7]),
        }
        for name, error in errors.items():
            worst[name] = max(worst[name], float(np.abs(error).max()))
        np.testing.assert_array_equal(table[9], np.sqrt(np.abs(table[0])))
    assert worst["exp"] < 2e-7
    assert worst["erf"] < 5e-7
    assert worst["log"] < 3e-7
    assert worst["arctan2"] < 4e-7


def test_limits_of_the_elementary_functions():
    table = np.zeros((10, L.WIDTH), np.float32)
    table[0, :4] = [0.0, -200.0, -np.inf, np.nan]
    table[2, :4] = [0.0, 12.0, -12.0, np.nan]
    table[4] = 1.0
    elementary(table)
    np.testing.assert_array_equal(table[1, :4], [1.0, 0.0, 0.0, np.nan])
    np.testing.assert_allclose(table[3, :4], [0.0, 1.0, -1.0, np.nan], atol=1e-7)
    np.testing.assert_array_equal(table[5], 0.0)
    np.testing.assert_array_equal(table[8], 0.0)


def test_logic_agrees_with_numpy():
    rng = np.random.default_rng(2)
    table = rng.normal(0, 2, (8, L.WIDTH)).astype(np.float32)
    table[0, 3] = np.nan
    a, b = table[0].copy(), table[1].copy()
    word = logic(table)
    np.testing.assert_array_equal(table[2], np.where((a < b) & ~(a <= 0), a, -b))
    np.testing.assert_array_equal(table[3], np.clip(a, -1, 1))
    finite = ~np.isnan(a)
    np.testing.assert_array_equal(table[4][finite], np.minimum(a, b)[finite])
    np.testing.assert_array_equal(table[5][finite], np.maximum(a, b)[finite])
    np.testing.assert_allclose(table[6], (2 * a - 1) / (b + np.float32(3.5)), rtol=3e-6, atol=1e-6)
    np.testing.assert_array_equal(table[7], 7.0)
    assert word == sum(1 << k for k in range(L.WIDTH) if a[k] > b[k] or a[k] >= 2)


@pytest.mark.parametrize("n", [1, 2, 4, 5, 6, 9])
def test_linear_systems_agree_with_numpy(n):
    rng = np.random.default_rng(n)
    roots = rng.normal(size=(L.WIDTH, n, 2 * n))
    matrices = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(n)
    vectors = rng.normal(size=(L.WIDTH, n))
    matrix = np.ascontiguousarray(matrices.reshape(L.WIDTH, -1).T, np.float32)
    upper = np.triu_indices(n, 1)
    matrix.reshape(n, n, L.WIDTH)[upper] = np.nan  # is not to be read
    vector = np.ascontiguousarray(vectors.T, np.float32)
    diagonal = np.empty((n, L.WIDTH), np.float32)
    linear(matrix, n, vector, diagonal, np.empty_like(diagonal))
    expected = np.linalg.solve(matrices, vectors[..., np.newaxis])[..., 0]
    np.testing.assert_allclose(vector.T, expected, rtol=2e-3, atol=2e-4)
    inverse = np.diagonal(np.linalg.inv(matrices), axis1=1, axis2=2)
    np.testing.assert_allclose(diagonal.T, inverse, rtol=2e-3)


def test_a_singular_lane_stays_alone():
    good = np.array([[2.0, 0.5], [0.5, 1.0]])
    matrix = np.repeat(good.reshape(4, 1), L.WIDTH, axis=1).astype(np.float32)
    matrix[:, 5] = 0.0
    vector = np.ones((2, L.WIDTH), np.float32)
    diagonal = np.empty((2, L.WIDTH), np.float32)
    linear(matrix, 2, vector, diagonal, np.empty_like(diagonal))
    others = np.arange(L.WIDTH) != 5
    np.testing.assert_allclose(
        vector[:, others].T, np.linalg.solve(good, [1, 1])[None].repeat(15, 0)
    )
    assert not np.isfinite(vector[:, 5]).all()


@njit
def moved(flat, out, start):
    L.store_to(out, start, L.load_from(flat, start + 3))
    return L.total(L.load_from(flat, start))


def test_neighbours_are_loaded_stored_and_summed_anywhere():
    flat = np.random.default_rng(0).normal(size=64).astype(np.float32)
    for start in (0, 1, 7, 29):
        out = np.zeros(64, np.float32)
        total = moved(flat, out, start)
        assert (out[start : start + 16] == flat[start + 3 : start + 19]).all()
        assert not out[:start].any() and not out[start + 16 :].any()
        assert total == pytest.approx(float(flat[start : start + 16].sum()), abs=1e-5)


def test_wrong_arrays_are_refused_when_compiling():
    with pytest.raises(Exception, match="float32"):
        linear(np.zeros((4, 16)), 2, np.zeros((2, 16)), np.zeros((2, 16)), np.zeros((2, 16)))
