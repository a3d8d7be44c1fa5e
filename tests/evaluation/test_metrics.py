"""One-pass metrics: hand cases and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cdedge.evaluation.metrics import (
    CONVENTIONS,
    Curves,
    center_errors_px,
    get_convention,
    mean_curves,
    normalized_center_errors,
    overlaps,
    score_sequence,
)
from cdedge_runtime.errors import BadInput, Usage

OTB, PYTRACKING = CONVENTIONS["otb"], CONVENTIONS["pytracking"]
TRUTH = np.array([[10.0, 20, 30, 40]] * 4)
NAN = float("nan")

quarters = st.integers(0, 1600).map(lambda n: n / 4)  # exact in binary, so that shifts lose nothing
sizes = st.integers(1, 800).map(lambda n: n / 4)


@st.composite
def box_arrays(draw, count=6):
    corners = draw(arrays(np.float64, (count, 2), elements=quarters))
    return np.hstack([corners, draw(arrays(np.float64, (count, 2), elements=sizes))])


def moved(boxes, shift):
    return boxes + np.array([shift, shift, 0, 0])


def score(predictions, truth=TRUTH, *, origin=1, convention=OTB):
    return score_sequence(
        np.asarray(predictions, float), np.asarray(truth, float), origin=origin, convention=convention
    )


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((0, 0, 10, 10), 1),
        ((5, 0, 10, 10), 1 / 3),
        ((10, 0, 5, 5), 0),
        ((2, 2, 5, 5), 0.25),
        ((0, 0, 0, 0), 0),
    ],
)
def test_overlap_of_hand_cases(other, expected):
    assert overlaps(np.array([[0.0, 0, 10, 10]]), np.array([other], float)) == pytest.approx(expected)


@given(box_arrays(), box_arrays())
def test_overlap_is_symmetric_and_one_only_with_itself(first, second):
    ratio = overlaps(first, second)
    np.testing.assert_array_equal(ratio, overlaps(second, first))
    assert ((ratio >= 0) & (ratio <= 1)).all()
    assert (ratio[(abs(first - second) > 1e-6).any(axis=1)] < 1).all()
    np.testing.assert_array_equal(overlaps(first, first), 1)


@given(box_arrays(), box_arrays())
def test_center_error_is_otbs_one_based_rule(first, second):
    def otb_center(boxes):
        return boxes[:, :2] + 1 + (boxes[:, 2:] - 1) / 2

    expected = np.linalg.norm(otb_center(first) - otb_center(second), axis=1)
    np.testing.assert_allclose(center_errors_px(first, second), expected, atol=1e-9)


@given(box_arrays(), box_arrays(), st.integers(-50, 50))
def test_scores_do_not_change_when_everything_moves(predictions, truth, shift):
    truth = moved(truth, 200)  # so that no shift makes a position invalid
    first, second = score(predictions, truth), score(moved(predictions, shift), moved(truth, shift))
    for name in ("precision", "normalized_precision", "success"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@given(box_arrays())
def test_a_perfect_tracker_scores_20_of_21(truth):
    truth = moved(truth, 1)
    for convention in CONVENTIONS.values():
        curves = score(truth, truth, convention=convention)
        assert curves.auc == pytest.approx(20 / 21, abs=1e-12)
        assert (curves.precision_20px, curves.sr_50, curves.normalized_precision_score) == (1, 1, 1)


def test_rounding_never_lifts_a_perfect_tracker_above_20_of_21():
    random = np.random.default_rng(0)
    truth = np.hstack([random.uniform(1, 400, (1000, 2)), random.uniform(1, 100, (1000, 2))])
    assert score(truth, truth).auc == pytest.approx(20 / 21, abs=1e-12)


def test_success_is_strict_and_precision_is_not():
    half = [[10, 20, 30, 40], [10, 20, 30, 20], [30, 20, 30, 40], [30.25, 20, 30, 40]]
    curves = score(half)
    assert curves.sr_50 == 0.25  # an overlap of exactly 0.5 is no success
    assert curves.precision_20px == 0.75  # an error of exactly 20 px is a hit
    assert curves.success[9] == 0.5


def test_normalized_error_divides_by_the_targets_size():
    other = TRUTH[:1] + np.array([3, 4, 0, 0])
    assert normalized_center_errors(other, TRUTH[:1]) == pytest.approx(np.hypot(3 / 30, 4 / 40))
    curves = score(TRUTH + np.array([7.5, 0, 0, 0]))
    assert curves.normalized_precision_score == pytest.approx((25 / 4 + 26) / 51)  # a quarter of the width


def test_the_first_prediction_counts_as_the_ground_truth():
    lost = np.array([[500.0, 500, 5, 5]] * 4)
    assert score(lost).success[0] == 0.25


@pytest.mark.parametrize("bad", [(NAN, NAN, NAN, NAN), (10, 20, 0, 40), (10, 20, 30, -1), (np.inf, 0, 1, 1)])
def test_otb_repeats_the_box_before_a_bad_one(bad):
    predictions = TRUTH.copy()
    predictions[1] += [30, 0, 0, 0]
    predictions[2] = bad
    assert score(predictions).success[0] == 0.5


def test_pytracking_repairs_only_a_size_of_zero_and_refuses_the_rest():
    predictions = TRUTH.copy()
    predictions[2] = [10, 20, 0, 40]
    assert score(predictions, convention=PYTRACKING).success[0] == 1
    predictions[2] = NAN
    with pytest.raises(BadInput, match=r"refuses NaN and negative sizes, frame 2"):
        score(predictions, convention=PYTRACKING)


def test_a_bad_box_is_not_repaired_while_the_target_is_absent():
    truth, predictions = TRUTH.copy(), TRUTH.copy()
    truth[1] = NAN
    predictions[1:3] = [10, 20, 0, 0]
    assert score(predictions, truth, convention=PYTRACKING).success[0] == 0.5  # frame 2 repeats frame 1


@pytest.mark.parametrize(
    ("name", "precision", "normalized"),
    [("otb", 1, 1), ("pytracking", 0.75, 1), ("pytracking-uav", 1, 1), ("pytracking-lasot", 0.75, 0.75)],
)
def test_an_absent_target_is_no_success_and_a_hit_or_a_miss_by_convention(name, precision, normalized):
    truth = TRUTH.copy()
    truth[2] = NAN
    curves = score(TRUTH, truth, convention=get_convention(name))
    assert curves.success[0] == 0.75
    assert curves.precision_20px == precision
    assert curves.normalized_precision_score == normalized


@pytest.mark.parametrize(("convention", "expected"), [("otb", 0.75), ("pytracking", 1)])
def test_a_row_at_the_edge_is_invalid_for_otb_only(convention, expected):
    truth = TRUTH.copy()
    truth[2, 0] = -1  # 0 in the 1-based file
    assert score(truth, truth, convention=get_convention(convention)).success[0] == expected


def test_validity_depends_on_the_origin_of_the_annotation():
    truth = TRUTH.copy()
    truth[2, 0] = 0
    assert score(truth, truth, origin=1).success[0] == 1
    assert score(truth, truth, origin=0).success[0] == 0.75


def test_an_unknown_convention_names_those_there_are():
    with pytest.raises(Usage, match="expected one of: otb, pytracking"):
        get_convention("vot")


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(BadInput, match=r"\(3, 4\) predictions for \(4, 4\) ground truth"):
        score(TRUTH[:3])
    only_first = TRUTH.copy()
    only_first[1:] = NAN
    with pytest.raises(BadInput, match="nothing to score"):
        score(TRUTH, only_first)


def flat(value):
    return Curves(np.full(51, value), np.full(51, value), np.full(21, value))


def test_sequences_weigh_the_same_and_matlab_drops_total_failures():
    curves = [flat(1.0), flat(0.5), flat(0.0)]
    assert mean_curves(curves).auc == pytest.approx(0.5)
    assert mean_curves(curves, matlab_compat=True).auc == pytest.approx(0.75)
    assert mean_curves([flat(0.0)], matlab_compat=True).auc == 0
    with pytest.raises(BadInput):
        mean_curves([])
