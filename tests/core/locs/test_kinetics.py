from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from limelight.core.errors import ParameterError
from limelight.core.locs import bright_times, dark_times, fit_exponential, link


def plain_dark(frame, length, group):
    last = frame + length - 1
    out = []
    for i in range(len(frame)):
        before = last[(group == group[i]) & (last < frame[i])]
        out.append(frame[i] - before.max() - 1 if len(before) else -1)
    return np.array(out)


def test_dark_times_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(3)
    for n in (1, 2, 50, 300):
        frame, length = rng.integers(0, 200, n), rng.integers(1, 9, n)
        group = rng.integers(-2, 3, n)
        table = pd.DataFrame({"frame": frame, "x": 0.0, "y": 0.0, "len": length, "group": group})
        assert np.array_equal(dark_times(table), plain_dark(frame, length, group))
        alone = table.drop(columns="group")
        assert np.array_equal(dark_times(alone), plain_dark(frame, length, np.zeros(n)))


def test_bright_times_of_simulated_molecules(blinking_maker) -> None:
    locs = blinking_maker(30_000, 20_000, precision=0.02, sites=5_000, bright=5.0)
    times = bright_times(link(locs, 0.2, 0))
    fit = fit_exponential(times)
    # Whole frames with a chance p = 1/5 to end: the exponential has tau = -1 / ln(1 - p).
    expected = -1 / np.log(1 - 1 / 5.0)
    assert abs(fit.tau - expected) < 4 * fit.tau_error
    assert fit.tau_error < 0.05 * fit.tau


def test_exponential_times_give_their_constant() -> None:
    rng = np.random.default_rng(0)
    for tau, n, draw in (
        (0.5, 200, lambda n: rng.exponential(0.5, n)),
        (3000.0, 2000, lambda n: rng.exponential(3000.0, n)),
        (-1 / np.log(1 - 0.05), 1000, lambda n: rng.geometric(0.05, n)),
    ):
        fits = [fit_exponential(draw(n)) for _ in range(60)]
        misses = np.array([(fit.tau - tau) / fit.tau_error for fit in fits])
        assert abs(misses.mean()) < 0.6
        assert 0.7 < misses.std() < 1.4
        np.testing.assert_allclose(fits[0](fits[0].times), fits[0].fraction, atol=0.1)


def test_minus_one_is_left_out() -> None:
    times = np.concatenate([np.full(500, -1), np.random.default_rng(1).exponential(10, 2000)])
    assert abs(fit_exponential(times).tau - 10) < 1.5


def test_messages(blinking) -> None:
    with pytest.raises(ParameterError, match="Link the localizations first"):
        bright_times(blinking)
    with pytest.raises(ParameterError, match="Link the localizations first"):
        dark_times(blinking)
    with pytest.raises(ParameterError, match="too few"):
        fit_exponential(np.array([2, 2, 2, 5]))
    with pytest.raises(ParameterError, match="too few"):
        fit_exponential(np.array([]))
    assert len(dark_times(link(blinking.table.iloc[:0]))) == 0
