from __future__ import annotations

import pytest

from limelight.core.errors import ParameterError
from limelight.localize import LocalizeSettings


def test_the_default_needs_no_threshold():
    record = LocalizeSettings().to_record()
    assert record["detect"] == "snr" and record["fit"] == "multi" and record["box"] == 7


def test_flat_values_find_their_part():
    settings = LocalizeSettings.of("net-gradient", "mle", box=9, min_net_gradient=3000)
    assert settings.box == 9 and settings.detector.min_net_gradient == 3000


def test_a_threshold_chooses_its_detector():
    assert LocalizeSettings.of(min_net_gradient=3000).to_record()["detect"] == "net-gradient"


def test_settings_survive_being_replaced():
    settings = LocalizeSettings.of("net-gradient", min_net_gradient=3000)
    assert settings.replace(box=9).detector == settings.detector


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"box": 6}, "choose 5 or 7"),
        ({"box": 99}, "at most 31"),
        ({"roi": (1, 2, 3)}, "4 whole numbers"),
        ({"roi": (5, 5, 5, 9)}, "empty"),
        ({"roi": (0, 0, 1.5, 2)}, "whole numbers"),
        ({"frames": (1,)}, "2 whole numbers"),
        ({"background_window": (5, 5)}, "empty"),
        ({"bxo": 7}, "Did you mean 'box'"),
        ({"background": "medain"}, "Did you mean 'median'"),
    ],
)
def test_a_wrong_value_says_what_would_do(values, word):
    with pytest.raises(ParameterError, match=word):
        LocalizeSettings.of(**values)


def test_the_frame_range_stays_within_the_movie():
    assert LocalizeSettings(frames=(5, 99)).frame_range(10) == (5, 10)
    assert LocalizeSettings().frame_range(10) == (0, 10)
    with pytest.raises(ParameterError, match="no frame"):
        LocalizeSettings(frames=(10, 20)).frame_range(10)
