from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from limelight.core.camera import Camera
from limelight.core.detect import detect_net_gradient, detect_snr, temporal_background
from limelight.core.detect.detectors import SNR, NetGradient
from limelight.core.errors import ParameterError
from limelight.core.movie import Block
from limelight.core.parts import Detector

MOVIE = np.load(Path(__file__).with_name("picasso_spots.npz"))["movie"]
CAMERA = Camera(baseline=100.0, read_noise=1.0)


def block(start, stop, detector, background=None):
    first, last = detector.context(start, stop, len(MOVIE))
    return Block(MOVIE[first:last], first, start, stop, len(MOVIE), CAMERA, background)


def assert_same(a, b):
    for name in ("frame", "y", "x", "score"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("detector", [NetGradient(min_net_gradient=300), SNR()])
def test_is_a_detector(detector):
    assert isinstance(detector, Detector)
    assert hasattr(detector, detector.threshold_name)
    found = detector.detect(block(4, 9, detector), 7)
    assert len(found) > 5
    assert found.frame.max() <= 4
    verdicts = detector.explain(block(4, 9, detector), 7)
    first = found.frame == 0
    np.testing.assert_array_equal(verdicts.y[verdicts.accepted], found.y[first])
    np.testing.assert_array_equal(verdicts.score[verdicts.accepted], found.score[first])
    assert verdicts.threshold == getattr(detector, detector.threshold_name)


def test_net_gradient_is_the_function():
    detector = NetGradient(min_net_gradient=300)
    roi = (5, 6, 50, 60)
    assert_same(
        detector.detect(block(4, 9, detector), 5, roi),
        detect_net_gradient(MOVIE[4:9], 300, 5, roi=roi),
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"peaks": "labels", "debounce": 4},
        {"min_snr": 0.5, "low_pass": 1.1, "high_pass": 2.5, "noise": "measured"},
    ],
)
def test_snr_is_the_function(settings):
    names = {"min_snr": "threshold"}
    detector = SNR(**settings)
    expected = detect_snr(
        MOVIE, 4, 9, camera=CAMERA, box=5, **{names.get(k, k): v for k, v in settings.items()}
    )
    assert_same(detector.detect(block(4, 9, detector), 5), expected)


@pytest.mark.parametrize("detector", [NetGradient(min_net_gradient=300), SNR()])
def test_a_background_that_the_block_brings_is_used(detector):
    background = temporal_background(MOVIE, 4, 9, method="median")
    with_it = block(4, 9, detector, background)
    found = detector.detect(with_it, 7)
    if isinstance(detector, SNR):
        expected = detect_snr(MOVIE, 4, 9, camera=CAMERA, background=background)
    else:
        expected = detect_net_gradient(MOVIE[4:9].astype(np.float32) - background, 300)
    assert_same(found, expected)
    verdicts = detector.explain(with_it, 7)
    np.testing.assert_array_equal(verdicts.y[verdicts.accepted], found.y[found.frame == 0])


def test_settings_are_checked():
    with pytest.raises(ParameterError, match="low_pass must be less"):
        SNR(low_pass=4)
    with pytest.raises(ParameterError, match="min_snr"):
        SNR(min_snr=-1)


def test_listing_settings_loads_no_compiler():
    code = (
        "import sys; from limelight.core.detect.detectors import SNR; SNR();"
        "import limelight.core.detect; print('numba' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
