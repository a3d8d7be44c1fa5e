"""The score is a probability that obeys its cues; the appearance behind it knows the first frame's box again."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from cdedge_runtime import kinds
from cdedge_runtime.box import Box
from cdedge_runtime.trackers.appearance import Appearance, Likeness
from cdedge_runtime.trackers.score import CALIBRATIONS, appearance_of, box_score, cues, head_cue, logistic, probability

IMAGE = np.random.default_rng(5).integers(0, 60, (120, 160, 3), dtype=np.uint8)
TARGET = Box(60, 40, 24, 30)
IMAGE[40:70, 60:84] = np.random.default_rng(6).integers(100, 255, (30, 24, 3), dtype=np.uint8)


@pytest.mark.parametrize("tracker", CALIBRATIONS)
def test_the_score_is_a_probability_for_any_cues(tracker: str) -> None:
    values = itertools.product((0.0, 1.0, 40.0, 1e6), (0.0, 1.0), (0.0, 1.0), (-1.0, 1.0))
    scores = [probability(psr, Likeness(*like), CALIBRATIONS[tracker]) for psr, *like in values]
    assert all(0 <= score <= 1 for score in scores)
    assert min(scores) < 0.05
    assert max(scores) > 0.95


@pytest.mark.parametrize("tracker", CALIBRATIONS)
def test_more_of_any_cue_is_never_less_probable(tracker: str) -> None:
    least = (2.0, 0.2, 0.1, 0.0)
    for index, more in enumerate((20.0, 0.9, 0.6, 0.8)):
        values = [*least]
        values[index] = more
        low, high = (probability(v[0], Likeness(*v[1:]), CALIBRATIONS[tracker]) for v in (least, values))
        assert high >= low


def test_cues_by_hand() -> None:
    assert cues(math.e, Likeness(colour=0.5, contrast=0.4, pattern=0.8)) == pytest.approx((1, 0.4, 0.8, 0.4))
    assert cues(0.0, Likeness(colour=0.5, contrast=0.4, pattern=-0.8)) == pytest.approx((0, 0.4, 0.5, 0))


@pytest.mark.parametrize(
    ("tracker", "odds"),
    [("deepcd", 1.791), ("deepcd+deep", 1.502), ("deepcd+head", 1.103), ("deepcd+cdedge_head", 2.674)],
)
def test_the_score_by_hand(tracker: str, odds: float) -> None:
    """E.g. -8.12 + 0.69 * 3 + 7.55 * 0.5 + 4.25 * 0.6 + 4.21 * 0.36 = 1.79."""
    like = Likeness(colour=0.6, contrast=0.5, pattern=0.6)
    said = probability(math.exp(3), like, CALIBRATIONS[tracker], head=0.9)
    assert said == pytest.approx(1 / (1 + math.exp(-odds)), abs=0.001)


def test_every_tracker_with_a_response_is_calibrated() -> None:
    assert set(CALIBRATIONS) == (set(kinds.names()) - {"mdnet"}) | {"deepcd+deep", "deepcd+head", "deepcd+cdedge_head"}


@pytest.mark.parametrize(("odds", "probable"), [(0, 0.5), (math.log(3), 0.75), (-800, 0), (800, 1)])
def test_logistic_by_hand(odds: float, probable: float) -> None:
    assert logistic(odds) == pytest.approx(probable)


def test_the_first_box_is_like_itself() -> None:
    like = appearance_of(IMAGE, TARGET).likeness(IMAGE, TARGET.center, (TARGET.height, TARGET.width))
    assert like.colour == pytest.approx(1, abs=1e-5)
    assert like.pattern == pytest.approx(1, abs=1e-5)
    assert like.contrast > 0.9  # nothing around it has its colours


def test_likeness_falls_beside_the_target() -> None:
    first = appearance_of(IMAGE, TARGET)
    steps = [first.likeness(IMAGE, (TARGET.center[0] + dx, TARGET.center[1]), (30, 24)) for dx in (0, 6, 12, 40)]
    for cue in ("colour", "contrast"):
        values = [getattr(step, cue) for step in steps]
        assert values == sorted(values, reverse=True)
    assert steps[0].pattern > 0.9 > 0.4 > max(step.pattern for step in steps[1:])


def test_colour_and_contrast_by_hand() -> None:
    red, half = np.zeros((2, 80, 80, 3), np.uint8)
    red[..., 2] = half[..., 2] = 200
    half[:, 40:] = (200, 0, 0)
    like = Appearance(red, (40, 40), (20, 20)).likeness(half, (40, 40), (20, 20))
    assert like.colour == pytest.approx(math.sqrt(0.5), abs=0.03)  # one column of pixels is a mixture
    assert like.contrast == pytest.approx(0, abs=0.06)  # half and half around it, too
    assert Appearance(red, (40, 40), (20, 20)).likeness(half, (70, 40), (20, 20)).colour == pytest.approx(0, abs=1e-6)


def test_light_changes_colours_but_not_the_pattern() -> None:
    like = appearance_of(IMAGE, TARGET).likeness(IMAGE // 2 + 20, TARGET.center, (30, 24))
    assert like.pattern > 0.98
    assert like.colour < 0.9


def test_a_flat_box_has_no_pattern() -> None:
    flat = np.full((50, 50, 3), 90, np.uint8)
    like = Appearance(flat, (25, 25), (10, 10)).likeness(flat, (25, 25), (10, 10))
    assert (like.pattern, like.contrast) == (0, pytest.approx(0, abs=1e-6))


def test_a_box_heads_cue_by_hand() -> None:
    assert head_cue(0.75) == pytest.approx(math.log(3))
    assert [head_cue(1.0), head_cue(0.0)] == pytest.approx([math.log(9999), -math.log(9999)])


@pytest.mark.parametrize(("tracker", "contrast"), [("deepcd+head", 0.5), ("deepcd+cdedge_head", 0.2)])
def test_a_surer_box_head_is_more_probable(tracker: str, contrast: float) -> None:
    like = Likeness(0.6, contrast, 0.6)
    scores = [probability(12.0, like, CALIBRATIONS[tracker], head) for head in (0.1, 0.9, 0.999)]
    assert scores == sorted(scores)
    assert scores[0] < 0.5 < scores[2]


@pytest.mark.parametrize("tracker", sorted(set(CALIBRATIONS) - {"deepcd+head"}))
def test_a_right_box_scores_above_a_wrong_one(tracker: str) -> None:
    first = appearance_of(IMAGE, TARGET)
    right, wrong = (box_score(first, IMAGE, box, 15.0, tracker) for box in (TARGET, Box(5, 5, 24, 30)))
    assert right > 0.8 > 0.2 > wrong
