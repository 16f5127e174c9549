from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from limelight.core.camera import Camera
from limelight.core.detect import background_context, detect_snr, explain_snr, temporal_background
from limelight.core.errors import ParameterError

MOVIE = np.load(Path(__file__).with_name("picasso_spots.npz"))["movie"]
WINDOW = (-8, 0)  # the movie has 20 frames
CAMERA = Camera(baseline=100.0, sensitivity=0.8, read_noise=1.5)


def signal_and_noise(image, behind, camera, low_pass=0.9, high_pass=3.0):
    """F and S, in double precision, with scipy's filters."""
    scale = np.asarray(camera.sensitivity, float) / camera.gain
    p = np.maximum(image.astype(float) - behind, 0) * scale
    blur = [
        ndimage.gaussian_filter(p, s, truncate=4, mode="reflect") for s in (low_pass, high_pass)
    ]
    n = (image.astype(float) - camera.baseline) * scale
    s2 = np.square(camera.read_noise) + camera.excess_noise * (np.maximum(n, scale) + 1)
    return np.maximum(blur[0] - blur[1], 0), np.sqrt(s2)


def twin(image, behind, camera, threshold, peaks, half=3, radius=1, debounce=0.0, **widths):
    f, s = signal_and_noise(image, behind, camera, **widths)
    mask = (f > threshold * s) & (f > 0)
    if peaks == "maxima":
        mask &= f == ndimage.maximum_filter(f, 2 * radius + 1, mode="constant")
        found = [(y, x, f[y, x]) for y, x in np.argwhere(mask).tolist()]
    else:
        labels, _ = ndimage.label(mask)
        found = []
        for n, window in enumerate(ndimage.find_objects(labels), start=1):
            cy, cx = ndimage.center_of_mass(f[window])
            y, x = window[0].start + cy, window[1].start + cx
            peak = f[window][labels[window] == n].max()
            found.append((int(np.floor(y + 0.5)), int(np.floor(x + 0.5)), peak))
    if debounce or peaks == "labels":
        kept = []
        for y, x, v in sorted(found, key=lambda r: -r[2]):
            if all((y - a) ** 2 + (x - b) ** 2 > debounce**2 for a, b, _ in kept):
                kept.append((y, x, v))
        found = kept
    height, width = image.shape
    found = [
        (y, x, v / s[y, x])
        for y, x, v in found
        if half <= y < height - half and half <= x < width - half
    ]
    return sorted(found)


def rows(found):
    return list(zip(found.frame.tolist(), found.y.tolist(), found.x.tolist(), strict=True))


def assert_same(a, b):
    for name in ("frame", "y", "x", "score"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def assert_twin(found, expected):
    assert [(y, x) for _, y, x in rows(found)] == [(y, x) for y, x, _ in expected]
    np.testing.assert_allclose(found.score, [v for *_, v in expected], rtol=2e-4)


@pytest.mark.parametrize("peaks", ["maxima", "labels"])
@pytest.mark.parametrize("debounce", [0.0, 6.0])
@pytest.mark.parametrize("threshold", [0.5, 1.0, 3.0])
def test_twin(peaks, debounce, threshold):
    behind = temporal_background(MOVIE, window=WINDOW)
    for t in (0, 7, 19):
        how = {"threshold": threshold, "peaks": peaks, "debounce": debounce}
        how |= {"background": "mean", "window": WINDOW}
        found = detect_snr(MOVIE, t, t + 1, camera=CAMERA, **how)
        expected = twin(MOVIE[t], behind[t], CAMERA, threshold, peaks, debounce=debounce)
        assert_twin(found, expected)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u8", "f4", "f8", ">u2"])
def test_every_type_of_number(dtype):
    movie = (MOVIE // 4).astype(dtype)
    camera = Camera(baseline=25.0, sensitivity=3.0)
    found = detect_snr(movie, 5, 6, camera=camera, background="mean", window=WINDOW)
    behind = temporal_background(movie, window=WINDOW)[5]
    expected = twin(movie[5], behind, camera, 1.0, "maxima")
    assert len(expected) > 2
    assert_twin(found, expected)


def test_camera_with_maps_and_gain():
    rng = np.random.default_rng(2)
    camera = Camera(
        baseline=rng.uniform(95, 105, (64, 64)).astype(np.float32),
        sensitivity=rng.uniform(2, 3, (64, 64)).astype(np.float32),
        read_noise=rng.uniform(1, 4, (64, 64)).astype(np.float32),
        gain=2.0,
    )
    found = detect_snr(MOVIE, 5, 6, camera=camera, background="mean", window=WINDOW)
    behind = temporal_background(MOVIE, window=WINDOW)[5]
    expected = twin(MOVIE[5], behind, camera, 1.0, "maxima")
    assert len(expected) > 2
    assert_twin(found, expected)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 30),
    st.integers(1, 30),
    st.sampled_from([(0.5, 1.0), (1.0, 2.5), (2.2, 6.0)]),
    st.sampled_from(["maxima", "labels"]),
    st.integers(1, 4),
)
def test_twin_on_any_image(seed, height, width, widths, peaks, radius):
    rng = np.random.default_rng(seed)
    image = (rng.exponential(40, (height, width)) + 100).astype(np.uint16)
    behind = np.full((height, width), 100, np.float32)
    filters = {"low_pass": widths[0], "high_pass": widths[1]}
    found = detect_snr(
        image, camera=CAMERA, background=behind, peaks=peaks, radius=radius, box=3, **filters
    )
    f, s = signal_and_noise(image, behind, CAMERA, **filters)
    if np.abs(f - s).min() > 1e-3:  # else rounding decides which side of the threshold
        expected = twin(image, behind, CAMERA, 1.0, peaks, 1, radius, **filters)
        assert_twin(found, expected)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["local", "mean", "median", "percentile", "none"]),
    st.sampled_from(["maxima", "labels"]),
    st.sampled_from(["camera", "measured"]),
    st.booleans(),
    st.lists(st.integers(1, 19), max_size=4, unique=True),
)
def test_blocks_do_not_matter(background, peaks, noise, as_float, cuts):
    movie = MOVIE.astype(np.float32) if as_float else MOVIE
    how = {
        "camera": CAMERA,
        "background": background,
        "peaks": peaks,
        "noise": noise,
        "window": (-8, 0),
    }
    whole = detect_snr(movie, **how)
    parts = []
    for a, b in pairwise([0, *sorted(cuts), len(movie)]):
        first, last = a, b
        if background not in ("local", "none"):
            first, last = background_context(a, b, 20, window=(-8, 0), method=background)
        part = detect_snr(movie[first:last], a, b, first=first, length=20, **how)
        parts.append((part.frame + a, part.y, part.x, part.score))
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    for name, column in zip(("frame", "y", "x", "score"), joined, strict=True):
        np.testing.assert_array_equal(column, getattr(whole, name))


def test_types_and_order():
    found = detect_snr(MOVIE, camera=CAMERA, peaks="labels", threshold=0.3)
    assert [c.dtype for c in (found.frame, found.y, found.x)] == [np.int32] * 3
    assert found.score.dtype == np.float32
    assert rows(found) == sorted(rows(found))


def test_touching_molecules_are_told_apart():
    rows_, columns = np.mgrid[:40, :40]
    image = np.full((40, 40), 20.0)
    for x in (18, 22):
        image += 200 * np.exp(-((rows_ - 20) ** 2 + (columns - x) ** 2) / (2 * 1.2**2))
    camera = Camera(read_noise=1.0)
    known = np.full((40, 40), 20, np.float32)
    found = detect_snr(image, camera=camera, background=known)
    assert [(y, x) for _, y, x in rows(found)] == [(20, 18), (20, 22)]
    found = detect_snr(image, camera=camera, background=known, peaks="labels")
    assert [(y, x) for _, y, x in rows(found)] == [(20, 20)]
    assert len(detect_snr(image, camera=camera, background=known, debounce=5.0)) == 1


def test_more_candidates_than_first_expected():
    image = np.zeros((120, 120), np.uint16)
    image[::3, ::3] = 1000
    found = detect_snr(image, camera=CAMERA, background="none", threshold=0.0, box=3, low_pass=0.5)
    assert len(found) == 38 * 38 + 2 * 38 + 1 or len(found) == 39 * 39
    assert len(found) > 256


def test_pure_noise_has_few_candidates_and_molecules_stand_out():
    rng = np.random.default_rng(4)
    movie = (rng.poisson(20, (40, 128, 128)) + 100).astype(np.uint16)
    camera = Camera(baseline=100.0)
    for background in ("local", "mean", "none"):
        assert len(detect_snr(movie, camera=camera, background=background)) <= 4


def test_noise_is_measured_where_the_camera_is_not_calibrated():
    counts = ((MOVIE.astype(float) - 100) * 20 + 400).astype(np.uint16)
    known = detect_snr(counts, camera=Camera(baseline=400.0, sensitivity=0.05))
    unknown = detect_snr(counts)
    trusting = detect_snr(counts, noise="camera")
    assert len(set(rows(known)) ^ set(rows(unknown))) < 0.2 * len(known)
    assert len(trusting) > 2 * len(known)
    measured = detect_snr(counts, camera=Camera(baseline=400.0, sensitivity=0.05), noise="measured")
    assert len(set(rows(known)) ^ set(rows(measured))) < 0.1 * len(known)


def test_first_frames_use_the_movies_first_window():
    movie = np.full((40, 30, 30), 120, np.uint16)
    movie[0, 15, 15] = 400
    assert rows(detect_snr(movie, camera=CAMERA, background="mean")) == [(0, 15, 15)]
    movie[:, 15, 20] = 400
    assert rows(detect_snr(movie, camera=CAMERA, background="mean")) == [(0, 15, 15)]


def test_a_movie_shorter_than_the_window_has_no_temporal_background():
    movie = np.full((5, 30, 30), 120, np.uint16)
    movie[:, 15, 15] = 400
    found = detect_snr(movie, camera=CAMERA, background="mean")
    assert rows(found) == [(t, 15, 15) for t in range(5)]
    assert_same(found, detect_snr(movie, camera=CAMERA))
    assert len(detect_snr(movie, camera=CAMERA, background="mean", window=(-5, 0))) == 0


def test_single_frame_needs_no_background():
    image = np.full((30, 30), 120, np.uint16)
    image[15, 15] = 400
    found = detect_snr(image, camera=CAMERA)
    assert rows(found) == [(0, 15, 15)]
    assert_same(found, detect_snr(image[None], camera=CAMERA))
    assert_same(found, detect_snr(image, camera=CAMERA, background="median"))


def test_flat_plateaus_and_largest_counts():
    for value in (0, 120, 65535):
        assert len(detect_snr(np.full((5, 30, 30), value, np.uint16), camera=CAMERA)) == 0
    movie = np.zeros((5, 60, 60), np.uint16)
    movie[2, 20:23, 20:23] = 65535
    assert rows(detect_snr(movie, camera=Camera(baseline=100.0))) == [(2, 21, 21)]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_pixel_that_is_no_number_only_blinds_its_surroundings(bad):
    movie = MOVIE.astype(np.float32)
    before = detect_snr(movie, 5, 6, camera=CAMERA, background="none")
    y, x = int(before.y[0]), int(before.x[0])
    movie[5, y, x] = bad
    after = detect_snr(movie, 5, 6, camera=CAMERA, background="none")
    assert (0, y, x) not in rows(after)
    far = np.maximum(abs(before.y - y), abs(before.x - x)) > 16
    assert {r for r, f in zip(rows(before), far, strict=True) if f} <= set(rows(after))
    assert np.isfinite(after.score).all()
    assert len(after) < len(before) + 3


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (7, 7), (6, 50), (3, 200)])
@pytest.mark.parametrize("peaks", ["maxima", "labels"])
def test_tiny_images(shape, peaks):
    image = np.full(shape, 120, np.uint16)
    if min(shape) > 3:
        image[3, 3] = 9000
    found = detect_snr(image, camera=CAMERA, peaks=peaks)
    assert len(found) == (1 if shape == (7, 7) else 0)


def test_no_frames_and_hopeless_thresholds():
    assert len(detect_snr(MOVIE[:0], camera=CAMERA)) == 0
    assert len(detect_snr(MOVIE, 3, 3, camera=CAMERA)) == 0
    assert len(detect_snr(MOVIE, camera=CAMERA, threshold=1e30)) == 0


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[st.integers(0, 63)] * 4), st.sampled_from(["maxima", "labels"]))
def test_region_keeps_the_peaks_inside_it(region, peaks):
    a, b, c, d = region
    y0, y1, x0, x1 = min(a, c), max(a, c) + 1, min(b, d), max(b, d) + 1
    how = {"camera": CAMERA, "peaks": peaks, "debounce": 4.0, "threshold": 0.5}
    found = detect_snr(MOVIE, roi=(y0, x0, y1, x1), **how)
    whole = rows(detect_snr(MOVIE, **how))
    assert rows(found) == [r for r in whole if y0 <= r[1] < y1 and x0 <= r[2] < x1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": -1.0}, "threshold"),
        ({"threshold": np.nan}, "threshold"),
        ({"low_pass": 3.0}, "low pass"),
        ({"low_pass": 0.0}, "low pass"),
        ({"peaks": "all"}, "'maxima' or 'labels'"),
        ({"noise": "all"}, "'auto', 'camera' or 'measured'"),
        ({"radius": 0}, "1 px or more"),
        ({"debounce": -1.0}, "debounce"),
        ({"box": 4}, "odd number"),
        ({"roi": (70, 0, 80, 9)}, "no pixel"),
        ({"background": "mode"}, "no method 'mode'"),
        ({"stop": 21}, "not among those given"),
        ({"background": "mean", "start": 15, "first": 12, "length": 99}, "needs frames"),
        ({"camera": Camera(baseline=np.zeros((3, 3)))}, "do not fit"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ParameterError, match=message):
        detect_snr(MOVIE, **({"camera": CAMERA} | change))


class TestExplain:
    @pytest.mark.parametrize("peaks", ["maxima", "labels"])
    @pytest.mark.parametrize("roi", [None, (10, 5, 50, 60)])
    def test_accepted_are_the_candidates(self, peaks, roi):
        how = {"camera": CAMERA, "peaks": peaks, "roi": roi, "debounce": 3.0}
        for t in range(3):
            verdicts = explain_snr(MOVIE, t, **how)
            found = detect_snr(MOVIE, t, t + 1, **how)
            took = verdicts.accepted
            np.testing.assert_array_equal(verdicts.y[took], found.y)
            np.testing.assert_array_equal(verdicts.x[took], found.x)
            np.testing.assert_array_equal(verdicts.score[took], found.score)

    def test_each_reason(self):
        movie = np.full((3, 50, 70), 120, np.float32)
        image = movie[1]
        for y, x, peak in [(20, 20, 500), (20, 24, 400), (35, 40, 6), (1, 30, 500), (20, 60, 500)]:
            image[y, x] += peak
        image[35, 12] += 500
        image[35, 14] = np.nan
        verdicts = explain_snr(
            movie, 1, camera=CAMERA, background="none", roi=(0, 0, 50, 55), debounce=5.0
        )
        keys = zip(verdicts.y.tolist(), verdicts.x.tolist(), strict=True)
        said = dict(zip(keys, verdicts.reason, strict=True))
        assert said[20, 20] == ""
        assert said[20, 24] == "brighter peak within 5 px"
        assert said[35, 40].startswith("below threshold: 0.")
        assert said[35, 40].endswith("<= 1")
        assert said[1, 30] == "box leaves the image"
        assert said[20, 60] == "outside the region of interest"
        assert said[35, 12] == "box holds a pixel that is not a number"
        assert verdicts.threshold == 1.0

    def test_joined_regions(self):
        image = np.full((40, 40), 120, np.uint16)
        image[20, 18] = image[20, 21] = 900
        verdicts = explain_snr(image, camera=CAMERA, peaks="labels")
        assert "joined with its surroundings into one spot" in verdicts.reason
        assert verdicts.accepted.sum() == 1

    @pytest.mark.parametrize("shape", [(1, 1), (5, 30)])
    def test_small_images(self, shape):
        image = np.full(shape, 120, np.uint16)
        image[0, 0] = 900
        assert set(explain_snr(image, camera=CAMERA).reason) <= {"box leaves the image"}
