"""Our OTB numbers against got10k 0.1.3, a second implementation.

They agree where every annotation row is valid and every prediction has a size. Elsewhere they differ by
definition, each difference pinned below: got10k never repairs a bad prediction, and an invalid annotation row
is a miss in both its measures. (Its speed is the mean of 1/t, ours the frames over the sum of the times.)
"""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from cdedge.evaluation.metrics import CONVENTIONS, center_errors_px, overlaps, score_sequence

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.simplefilter("ignore", SyntaxWarning)
    otb = pytest.importorskip("got10k.experiments.otb", reason="got10k 0.1.3 or the six it needs is not here")

OTB = CONVENTIONS["otb"]
BINS = SimpleNamespace(nbins_iou=21, nbins_ce=51)


def theirs(predictions, truth):
    """got10k's curves of 1-based boxes, the first prediction set as its report does."""
    boxes = np.concatenate([truth[:1], predictions[1:]])
    with np.errstate(invalid="ignore"):
        ious, errors = otb.rect_iou(boxes, truth), otb.center_error(boxes, truth)
    return otb.ExperimentOTB._calc_curves(BINS, ious, errors)


def ours(predictions, truth):
    shift = [1, 1, 0, 0]
    return score_sequence(predictions - shift, truth - shift, origin=1, convention=OTB)


def boxes(seed, frames=300):
    """Targets, and predictions from perfect to lost, as 1-based boxes with three decimals."""
    random = np.random.default_rng(seed)
    truth = np.hstack([random.uniform(1, 400, (frames, 2)), random.uniform(4, 120, (frames, 2))])
    noise = random.normal(size=(frames, 4)) * random.choice([0, 1, 5, 40], (frames, 1))
    predictions = truth + noise
    predictions[:, 2:] = np.maximum(predictions[:, 2:], 0.5)
    return predictions.round(3), truth.round(3)


@pytest.mark.parametrize("seed", range(20))
def test_curves_agree_to_1e_9(seed):
    predictions, truth = boxes(seed)
    success, precision = theirs(predictions, truth)
    curves = ours(predictions, truth)
    np.testing.assert_allclose(curves.success, success, rtol=0, atol=1e-9)
    np.testing.assert_allclose(curves.precision, precision, rtol=0, atol=1e-9)
    assert 0.2 < curves.auc < 0.9  # neither all hits nor all misses


@pytest.mark.parametrize("seed", range(5))
def test_overlaps_and_center_errors_agree_to_1e_9(seed):
    predictions, truth = boxes(seed)
    np.testing.assert_allclose(overlaps(predictions, truth), otb.rect_iou(predictions, truth), rtol=0, atol=1e-9)
    expected = otb.center_error(predictions, truth)
    np.testing.assert_allclose(center_errors_px(predictions, truth), expected, rtol=0, atol=1e-9)


def test_difference_a_bad_prediction_is_repaired_by_us_only():
    truth = np.tile([50.0, 60, 30, 40], (4, 1))
    predictions = truth.copy()
    predictions[2] = np.nan
    success, precision = theirs(predictions, truth)
    assert (success[0], precision[20]) == (0.75, 0.75)
    assert (ours(predictions, truth).success[0], ours(predictions, truth).precision_20px) == (1, 1)


def test_difference_an_absent_target_is_a_hit_in_precision_for_us_only():
    truth = np.tile([50.0, 60, 30, 40], (4, 1))
    predictions = truth.copy()
    truth[2] = np.nan
    success, precision = theirs(predictions, truth)
    assert (success[0], precision[20]) == (0.75, 0.75)
    assert (ours(predictions, truth).success[0], ours(predictions, truth).precision_20px) == (0.75, 1)
