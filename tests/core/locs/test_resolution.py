from __future__ import annotations

import numpy as np
import pytest

from limelight.core.errors import ParameterError
from limelight.core.localizations import Localizations
from limelight.core.locs import frc
from limelight.core.locs.resolution import _correlate, _draw_kernel, _tukey


def plain_rings(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    fa, fb = np.fft.fft2(a.astype(float)), np.fft.fft2(b.astype(float))
    k = np.fft.fftfreq(len(a)) * len(a)
    ring = np.floor(np.hypot(k[:, None], k) + 0.5).astype(int).ravel()

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(ring, values.ravel())[: len(a) // 2 + 1]

    return total((fa * fb.conj()).real) / np.sqrt(total(abs(fa) ** 2) * total(abs(fb) ** 2))


def test_rings_are_those_of_the_whole_plane() -> None:
    rng = np.random.default_rng(0)
    for size in (16, 50, 128):
        images = rng.normal(size=(2, size, size)).astype(np.float32)
        images[1] += images[0]
        curve, samples = _correlate(images, None)
        np.testing.assert_allclose(curve, plain_rings(*images), atol=1e-5)
        assert samples[0] == 1
        assert abs(samples[:-1].sum() / (np.pi * (size / 2 - 0.5) ** 2) - 1) < 0.05


def test_pictures_count_molecules_by_half() -> None:
    images = np.zeros((2, 8, 8), np.float32)
    y, x = np.array([1.0, 1.2, 6.0]), np.array([2.0, 2.4, 9.0])
    half = np.array([0, 1, 1], np.uint8)
    ones = np.ones(8, np.float32)
    _draw_kernel(images, y, x, half, 1.0, 0.0, 0.0, ones, ones)
    assert images[0, 1, 2] == 1 and images[1, 1, 2] == 1
    assert images.sum() == 2  # the third lies beside the picture
    assert _tukey(64)[32] == 1 and _tukey(64)[0] < 0.01


def test_resolution_of_points_with_known_precision(blinking_maker) -> None:
    # Sites that return often: the correlation falls with the precision's Gaussian alone.  With
    # signal to noise A = N exp(-4 pi^2 q^2 s^2) per site and half, FRC = A / (A + 1) = 1/7.
    found = []
    for precision in (0.1, 0.2):
        locs = blinking_maker(60_000, 2_000, precision=precision, sites=600, bright=1.0001)
        result = frc(locs, repeats=2)
        expected = 2 * np.pi * precision * 100 / np.sqrt(np.log(6 * 60_000 / 600 / 2))
        assert result.reliable
        assert abs(result.resolution_nm / expected - 1) < 0.1
        assert result.resolution_error_nm < 0.05 * result.resolution_nm
        found.append(result.resolution_nm)
    assert 1.8 < found[1] / found[0] < 2.2


def test_halving_by_molecules_looks_better_than_it_is(blinking_maker) -> None:
    locs = blinking_maker(20_000, 2_000, sites=8_000, bright=5.0)
    blocks, molecules = frc(locs), frc(locs, split="molecules")
    assert molecules.resolution_nm < blocks.resolution_nm
    assert "both halves" in molecules.notes[0]
    assert "return" in blocks.notes[0]


def test_nothing_in_common_is_no_resolution() -> None:
    rng = np.random.default_rng(0)
    columns = {"frame": np.arange(20_000) // 10}
    columns |= {axis: rng.uniform(0, 40, 20_000) for axis in "xy"}
    result = frc(Localizations.from_columns(columns), pixel_size_nm=20.0)
    # The common outline of the field is all that the halves share.
    assert not result.reliable or result.resolution_nm > 500


def test_a_pixel_too_large_is_noted(blinking_maker) -> None:
    locs = blinking_maker(60_000, 2_000, sites=300, bright=1.001, precision=0.02)
    result = frc(locs, pixel_size_nm=50.0)
    assert not result.reliable
    assert np.isnan(result.resolution_nm)
    assert "smaller pixel_size_nm" in result.notes[0]


def test_threads_do_not_matter(blinking: Localizations) -> None:
    one, four = frc(blinking, threads=1), frc(blinking, threads=4)
    assert np.array_equal(one.correlation, four.correlation)
    assert one.resolution_nm == four.resolution_nm


def test_messages(blinking, broken) -> None:
    with pytest.raises(ParameterError, match="at least 100 molecules"):
        frc(blinking.table.iloc[:50])
    with pytest.raises(ParameterError, match="split='molecules'"):
        frc(blinking.table.assign(frame=np.uint32(3)))
    with pytest.raises(ParameterError, match="viewport"):
        frc(blinking, viewport=(0, 0, 1, 1))
    with pytest.raises(ParameterError, match="too large"):
        frc(blinking, pixel_size_nm=0.01)
    for bad in ({"split": "x"}, {"repeats": 0}, {"pixel_size_nm": -1.0}, {"block_frames": 0}):
        with pytest.raises(ParameterError, match=next(iter(bad))):
            frc(blinking, **bad)
    with pytest.raises(ParameterError, match="empty"):
        frc(broken["empty"])
    with pytest.raises(ParameterError, match="'x' is not a finite"):
        frc(broken["nan"])
