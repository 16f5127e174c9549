from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from limelight.core.errors import ParameterError, suggest
from limelight.core.settings import Settings, fields_of, setting


class Blur(Settings):
    """Smooth a frame."""

    sigma: float = setting(1.0, help="Width.", unit="px", low=0.0, high=50.0)
    repeats: int = setting(1, help="How often.", low=1)
    method: Literal["mean", "median"] = setting("mean", help="Which.")
    region: tuple | None = setting(None, help="Where.")
    edges: bool = setting(False, help="Keep edges.")


def test_values_are_converted_to_the_declared_types():
    blur = Blur(sigma=2, repeats=np.int64(3), region=[1, 2.0])
    assert blur.sigma == 2.0 and type(blur.sigma) is float
    assert blur.repeats == 3 and type(blur.repeats) is int
    assert blur.region == (1, 2)


def test_settings_are_frozen_and_replaced():
    blur = Blur()
    with pytest.raises(AttributeError):
        blur.sigma = 3.0  # type: ignore[misc]
    assert blur.replace(sigma=3.0) == Blur(sigma=3.0)
    assert blur.sigma == 1.0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sigma": -1}, ["sigma", "at least 0.0 px", "-1.0"]),
        ({"sigma": 51}, ["at most 50.0 px"]),
        ({"sigma": float("nan")}, ["finite"]),
        ({"sigma": "wide"}, ["a number", "'wide'"]),
        ({"repeats": 1.5}, ["whole number", "1.5"]),
        ({"repeats": True}, ["whole number"]),
        ({"method": "medain"}, ["Did you mean 'median'?"]),
        ({"edges": 1}, ["True or False"]),
        ({"sigmma": 1}, ["no setting 'sigmma'", "Did you mean 'sigma'?"]),
    ],
)
def test_a_wrong_value_names_setting_range_and_remedy(values, words):
    with pytest.raises(ParameterError) as caught:
        Blur(**values)
    for word in ["Blur", *words]:
        assert word in str(caught.value)


@given(st.floats(0, 50), st.integers(1, 10**6), st.sampled_from(["mean", "median"]), st.booleans())
def test_text_and_dictionary_round_trips(sigma, repeats, method, edges):
    blur = Blur(sigma=sigma, repeats=repeats, method=method, edges=edges)
    assert Blur.from_dict(blur.to_dict()) == blur
    pairs = [(k, str(v)) for k, v in blur.to_dict().items()]
    assert Blur.from_text(pairs) == blur


def test_text_of_a_tuple_and_of_none():
    assert Blur.from_text([("region", "1,2")]).region == (1, 2)
    assert Blur.from_text([("region", "none")]).region is None
    with pytest.raises(ParameterError, match="sigma must be a number"):
        Blur.from_text([("sigma", "x")])


def test_fields_tell_what_a_form_needs():
    sigma, repeats, method, region, edges = fields_of(Blur)
    assert (sigma.unit, sigma.low, sigma.high, sigma.help) == ("px", 0.0, 50.0, "Width.")
    assert repeats.kinds == (int,) and not repeats.optional
    assert method.choices == ("mean", "median")
    assert region.optional and edges.kinds == (bool,)


def test_a_subclass_inherits_and_overrides():
    class Wide(Blur):
        """Smooth more."""

        sigma: float = setting(9.0, help="Width.", unit="px")

    assert Wide().sigma == 9.0 and Wide().repeats == 1


def test_suggest_lists_what_there_is_when_nothing_is_near():
    assert suggest("zzz", ["a", "b"]) == "There is: a, b."
