from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limelight.core.detect import (
    detect_net_gradient,
    explain_net_gradient,
    gradient_weights,
    net_gradient_at,
)
from limelight.core.errors import ParameterError

FIXTURE = np.load(Path(__file__).with_name("picasso_spots.npz"))
MOVIE = FIXTURE["movie"]


def twin(image, threshold, box):
    """The definition, word by word: arg max of each box, gradients projected to its centre."""
    image = np.asarray(image).astype(np.float64)
    height, width = image.shape
    half = box // 2
    found = []
    for y in range(half, height - half - 1):
        for x in range(half, width - half - 1):
            if np.argmax(image[y - half : y + half + 1, x - half : x + half + 1]) != box * box // 2:
                continue
            score = 0.0
            for i in range(y - half, y + half + 1):
                for j in range(x - half, x + half + 1):
                    if (i, j) == (y, x):
                        continue
                    gy = image[i + 1, j] - image[max(i - 1, 0), j]
                    gx = image[i, j + 1] - image[i, max(j - 1, 0)]
                    score += (gy * (y - i) + gx * (x - j)) / np.hypot(y - i, x - j)
            if score > threshold:
                found.append((y, x, score))
    return found


def rows(found):
    return list(zip(found.frame.tolist(), found.y.tolist(), found.x.tolist(), strict=True))


def columns(found):
    return found.frame, found.y, found.x, found.score


def assert_same(a, b):
    for left, right in zip(columns(a), columns(b), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize(
    ("name", "divide", "box", "threshold"),
    [("box7", 1, 7, 500.0), ("box5", 1, 5, 200.0), ("coarse", 16, 7, 5.0)],
)
def test_same_spots_as_picasso(name, divide, box, threshold):
    expected = FIXTURE[f"spots_{name}"]
    half = box // 2
    away = (expected[:, 1] > half) & (expected[:, 2] > half)  # there Picasso's gradient wraps
    expected = expected[away]
    found = detect_net_gradient(MOVIE // divide, threshold, box)
    ours = np.column_stack(columns(found))
    ours = ours[(ours[:, 1] > half) & (ours[:, 2] > half)]
    assert len(expected) > 40
    np.testing.assert_array_equal(ours[:, :3], expected[:, :3])
    np.testing.assert_allclose(ours[:, 3], expected[:, 3], rtol=1e-5)


@pytest.mark.parametrize(
    "dtype", ["u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8", ">u2", "f2", "?"]
)
def test_every_type_of_number(dtype):
    image = (MOVIE[0] // 16).astype(np.uint8)
    if dtype == "?":
        image = image > 8
    found = detect_net_gradient(image.astype(dtype), 3.0, 5)
    expected = twin(image, 3.0, 5)
    assert [(y, x) for _, y, x in rows(found)] == [(y, x) for y, x, _ in expected]
    np.testing.assert_allclose(found.score, [s for *_, s in expected], rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([3, 5, 7, 9, 15, 21]),
    st.sampled_from([2, 5, 65536]),
)
def test_twin_on_any_image(seed, height, width, box, levels):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, levels, (height, width)).astype(np.uint16)
    found = detect_net_gradient(image, 0.5, box)
    expected = twin(image, 0.5, box)
    # A score within rounding of the threshold may fall on either side.
    assert {(y, x) for _, y, x in rows(found)} ^ {(y, x) for y, x, s in expected} <= {
        (y, x) for y, x, s in expected if abs(s - 0.5) < 1e-3 * levels
    }
    if len(expected) == len(found.y):
        np.testing.assert_allclose(found.score, [s for *_, s in expected], rtol=1e-4, atol=1e-2)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 19), max_size=4, unique=True), st.booleans())
def test_blocks_do_not_matter(cuts, as_float):
    movie = MOVIE.astype(np.float32) if as_float else MOVIE
    whole = detect_net_gradient(movie, 300.0)
    edges = [0, *sorted(cuts), len(movie)]
    parts = [detect_net_gradient(movie[a:b], 300.0) for a, b in pairwise(edges)]
    frame = np.concatenate([p.frame + a for p, a in zip(parts, edges, strict=False)])
    np.testing.assert_array_equal(frame, whole.frame)
    for name in ("y", "x", "score"):
        joined = np.concatenate([getattr(p, name) for p in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name))


def test_types_and_order():
    found = detect_net_gradient(MOVIE, 300.0)
    assert [c.dtype for c in columns(found)] == [np.int32, np.int32, np.int32, np.float32]
    assert rows(found) == sorted(rows(found))


def test_more_maxima_than_first_expected():
    image = np.zeros((200, 200), np.uint8)
    image[1::2, 1::2] = 9
    found = detect_net_gradient(image, -1e9, 3)
    assert len(found) == 99 * 99
    assert rows(found) == [(0, y, x) for y, x, _ in twin(image, -1e9, 3)]


def test_scores_at_given_pixels_are_those_of_the_detection():
    found = detect_net_gradient(MOVIE, 0.0)
    again = net_gradient_at(MOVIE, found.frame, found.y, found.x)
    np.testing.assert_array_equal(again, found.score)


def test_score_is_a_correlation_with_weights_that_sum_to_zero():
    weights = gradient_weights(7)
    assert weights.shape == (9, 9)
    assert abs(weights.sum()) < 1e-12
    np.testing.assert_allclose(weights, weights.T)
    np.testing.assert_allclose(weights, weights[::-1, ::-1])
    image = MOVIE[3].astype(np.float64)
    expected = (image[20:29, 30:39] * weights).sum()
    assert net_gradient_at(image, [0], [24], [34])[0] == pytest.approx(expected, rel=1e-6)


def test_border_pixels_are_repeated_at_every_rim():
    image = MOVIE[0].astype(np.float64)
    padded = np.pad(image, 4, mode="edge")
    for y, x in [(0, 0), (63, 63), (3, 60), (60, 3), (60, 30)]:
        expected = (padded[y : y + 9, x : x + 9] * gradient_weights(7)).sum()
        assert net_gradient_at(image, 0, y, x)[0] == pytest.approx(expected, rel=1e-5, abs=1e-3)


def test_largest_counts_do_not_overflow():
    image = np.full((30, 30), 65535, np.uint16)
    image[:, ::2] = 0
    image[15, 15] = 65535
    assert_same(detect_net_gradient(image, 1.0), detect_net_gradient(image.astype(np.float64), 1.0))
    image = np.full((30, 30), np.iinfo(np.int32).min, np.int32)
    image[15, 15] = np.iinfo(np.int32).max
    found = detect_net_gradient(image, 0.0)
    assert rows(found) == [(0, 15, 15)]
    assert found.score[0] == pytest.approx(2.0**32 * gradient_weights(7)[4, 4], rel=1e-6)


def test_flat_image_has_no_maximum_and_a_plateau_has_one():
    assert len(detect_net_gradient(np.full((3, 50, 50), 7, np.uint16), -np.inf)) == 0
    image = np.zeros((30, 30), np.uint16)
    image[10:13, 10:13] = 65535
    assert rows(detect_net_gradient(image, 0.0)) == [(0, 10, 10)]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_pixel_that_is_no_number_only_blinds_its_surroundings(bad):
    image = MOVIE[0].astype(np.float32)
    before = detect_net_gradient(image, 300.0)
    y, x = int(before.y[1]), int(before.x[1])
    image[y, x] = bad
    after = detect_net_gradient(image, 300.0)
    far = np.maximum(abs(before.y - y), abs(before.x - x)) > 7
    kept = set(rows(after))
    assert (0, y, x) not in kept
    assert {r for r, f in zip(rows(before), far, strict=True) if f} <= kept
    assert np.isfinite(after.score).all()


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (7, 7), (6, 50), (50, 7), (8, 8)])
def test_images_not_much_larger_than_the_box(shape):
    image = np.zeros(shape, np.uint16)
    if min(shape) > 3:
        image[3, 3] = 100
    assert len(detect_net_gradient(image, 0.0)) == (1 if shape == (8, 8) else 0)


def test_no_frames_and_hopeless_thresholds():
    assert len(detect_net_gradient(MOVIE[:0], 0.0)) == 0
    assert len(detect_net_gradient(MOVIE, 1e30)) == 0
    assert len(detect_net_gradient(MOVIE, np.inf)) == 0


def test_a_view_with_gaps_is_searched_as_its_copy():
    view = MOVIE[::2, ::-1, 5:60]
    assert_same(detect_net_gradient(view, 300.0), detect_net_gradient(view.copy(), 300.0))


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.integers(-5, 70)] * 4))
def test_region_keeps_the_peaks_inside_it(region):
    a, b, c, d = region
    y0, y1, x0, x1 = min(a, c), max(a, c) + 1, min(b, d), max(b, d) + 1
    if y1 <= 0 or x1 <= 0 or y0 >= 64 or x0 >= 64:
        with pytest.raises(ParameterError, match="no pixel"):
            detect_net_gradient(MOVIE, 300.0, roi=(y0, x0, y1, x1))
        return
    found = detect_net_gradient(MOVIE, 300.0, roi=(y0, x0, y1, x1))
    whole = rows(detect_net_gradient(MOVIE, 300.0))
    assert rows(found) == [r for r in whole if y0 <= r[1] < y1 and x0 <= r[2] < x1]


def test_region_of_one_pixel():
    _, y, x = rows(detect_net_gradient(MOVIE[:1], 300.0))[0]
    assert rows(detect_net_gradient(MOVIE[:1], 300.0, roi=(y, x, y + 1, x + 1))) == [(0, y, x)]
    assert len(detect_net_gradient(MOVIE[:1], 300.0, roi=(y, x + 1, y + 1, x + 2))) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"box": 6}, "odd number"),
        ({"box": 1}, "odd number"),
        ({"box": 7.5}, "odd number"),
        ({"threshold": np.nan}, "not a number"),
        ({"roi": (1, 2, 3)}, "y0, x0, y1, x1"),
        ({"roi": "all"}, "y0, x0, y1, x1"),
        ({"roi": (5, 5, 5, 9)}, "no pixel"),
        ({"frames": np.zeros((2, 2, 9, 9))}, "T, Y, X"),
        ({"frames": np.zeros((9, 9), complex)}, "complex"),
        ({"frames": np.full((9, 9), "a")}, "numbers"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = {"frames": MOVIE, "threshold": 300.0, "box": 7, "roi": None} | change
    frames, threshold = arguments.pop("frames"), arguments.pop("threshold")
    with pytest.raises(ParameterError, match=message):
        detect_net_gradient(frames, threshold, **arguments)


def test_positions_outside_are_named():
    with pytest.raises(ParameterError, match="y must be from 0 to 63"):
        net_gradient_at(MOVIE, [0], [64], [0])
    with pytest.raises(ParameterError, match="frame must be from 0 to 19"):
        net_gradient_at(MOVIE, [-1], [4], [0])
    with pytest.raises(ParameterError, match="differ in length"):
        net_gradient_at(MOVIE, [0, 1], [4], [0])
    with pytest.raises(ParameterError, match="whole numbers"):
        net_gradient_at(MOVIE, [0], [4.5], [0])


class TestExplain:
    def test_accepted_are_the_candidates(self):
        for roi in (None, (10, 5, 50, 60)):
            for index in range(5):
                verdicts = explain_net_gradient(MOVIE[index], 300.0, roi=roi)
                found = detect_net_gradient(MOVIE[index], 300.0, roi=roi)
                took = verdicts.accepted
                np.testing.assert_array_equal(verdicts.y[took], found.y)
                np.testing.assert_array_equal(verdicts.x[took], found.x)
                np.testing.assert_array_equal(verdicts.score[took], found.score)

    def test_every_maximum_is_listed_once(self):
        verdicts = explain_net_gradient(MOVIE[0], 300.0)
        keys = list(zip(verdicts.y.tolist(), verdicts.x.tolist(), strict=True))
        assert len(keys) == len(set(keys))
        assert {(y, x) for y, x, _ in twin(MOVIE[0], -np.inf, 7)} <= set(keys)

    def test_each_reason(self):
        image = np.zeros((40, 60), np.float32)
        image[20, 20] = 100  # taken
        image[20, 22] = 90  # too near to it
        image[10, 40] = 5  # too faint
        image[1, 30] = 100  # at the rim
        image[20, 50] = 100  # outside the region
        image[31, 30] = 100  # beside a dead pixel
        image[33, 30] = np.nan
        verdicts = explain_net_gradient(image, 300.0, roi=(0, 0, 40, 45))
        said = {
            (int(y), int(x)): r
            for y, x, r in zip(verdicts.y, verdicts.x, verdicts.reason, strict=True)
        }
        assert said[20, 20] == ""
        assert said[20, 22] == "brighter pixel within 3 px"
        assert said[10, 40].startswith("below threshold: 20 <= 300")
        assert said[1, 30] == "box leaves the image"
        assert said[20, 50] == "outside the region of interest"
        assert said[31, 30] == "box holds a pixel that is not a number"
        assert verdicts.threshold == 300.0

    @pytest.mark.parametrize("shape", [(1, 1), (5, 30), (7, 7)])
    def test_small_images(self, shape):
        image = np.zeros(shape, np.uint16)
        image[0, 0] = 9
        verdicts = explain_net_gradient(image, 1.0)
        assert verdicts.reason == ["box leaves the image"]
        assert np.isnan(verdicts.score).all()
