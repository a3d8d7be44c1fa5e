"""One-pass evaluation as OTB defines it (Wu et al., Object Tracking Benchmark, 2015), and its variants by name.

Boxes are (N, 4) float64 ``x, y, w, h``, 0-based and continuous. OTB's center rule on its 1-based boxes, ``x + (w - 1)
/ 2``, differs from the continuous ``x + w / 2`` by a constant, so the errors agree. A convention says what becomes of
annotation rows and predictions that are no box.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdedge.evaluation.sequence import Boxes
from cdedge_runtime.errors import BadInput, Usage


@dataclass(frozen=True)
class Convention:
    """An evaluator's rules; a frame whose annotation is invalid is no success, but stays in the denominator.

    valid_needs_position: a valid row has all four numbers above 0 in the annotation's own convention, not
    only w and h.
    invalid_error, invalid_normalized_error: center errors of an invalid row; -1 is a hit at every threshold,
    infinity a miss.
    repairs_every_bad_box: a prediction that is not finite or has no size becomes the one before it; otherwise
    only w or h of exactly 0 is repaired, and any other bad prediction is an error.
    """

    name: str
    valid_needs_position: bool
    invalid_error: float
    invalid_normalized_error: float
    repairs_every_bad_box: bool


CONVENTIONS = {
    # MATLAB's calcSeqErrRobust.m
    "otb": Convention("otb", True, -1.0, -1.0, True),
    # pytracking's extract_results.py
    "pytracking": Convention("pytracking", False, np.inf, -1.0, False),
    # pytracking's extract_results.py for UAV123
    "pytracking-uav": Convention("pytracking-uav", False, -1.0, -1.0, False),
    # pytracking's extract_results.py for LaSOT
    "pytracking-lasot": Convention("pytracking-lasot", False, np.inf, np.inf, False),
}


def get_convention(name: str) -> Convention:
    """Return the convention of that name; raises `Usage` naming those there are."""
    if name not in CONVENTIONS:
        raise Usage(f"unknown convention {name!r}, expected one of: {', '.join(CONVENTIONS)}")
    return CONVENTIONS[name]


def valid_rows(truth: Boxes, origin: int, convention: Convention) -> NDArray[np.bool_]:
    """Which rows of 0-based ``truth`` count as annotated, (N,)."""
    positive = truth + np.array([origin, origin, 0, 0]) > 0
    columns = positive if convention.valid_needs_position else positive[:, 2:]
    return np.asarray(columns.all(axis=1))


def repaired(predictions: Boxes, truth: Boxes, convention: Convention) -> Boxes:
    """Predictions with bad boxes replaced by the one before, where the target is annotated."""
    bad = _bad(predictions, convention) & ~np.isnan(truth).any(axis=1)
    if not bad.any():
        return predictions
    last_good = np.maximum.accumulate(np.where(bad, 0, np.arange(len(bad))))
    return predictions[last_good]


def _bad(predictions: Boxes, convention: Convention) -> NDArray[np.bool_]:
    missing, size = ~np.isfinite(predictions).all(axis=1), predictions[:, 2:]
    if convention.repairs_every_bad_box:
        return np.asarray(missing | (size <= 0).any(axis=1))
    wrong = missing | (size < 0).any(axis=1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise BadInput(
            f"the {convention.name} convention refuses NaN and negative sizes, frame {row} (from 0) is "
            f"{predictions[row]}; the otb convention repeats the box before"
        )
    return np.asarray((size == 0).any(axis=1))


Curve = NDArray[np.float64]
CENTER_THRESHOLDS_PX: Curve = np.arange(51, dtype=np.float64)
NORMALIZED_THRESHOLDS: Curve = np.arange(51) / 100
OVERLAP_THRESHOLDS: Curve = np.linspace(0, 1, 21)


@dataclass(frozen=True, eq=False)
class Curves:
    """The three curves of a sequence, or of the mean over sequences, and their scores.

    precision: (51,) share of frames with a center error <= 0..50 px.
    normalized_precision: (51,) the same with the error over the target's width and height, <= 0..0.5.
    success: (21,) share of frames with an overlap > 0, 0.05, .. 1, strictly, so a perfect tracker
    has 20 ones and one 0.
    """

    precision: Curve
    normalized_precision: Curve
    success: Curve

    @property
    def precision_20px(self) -> float:
        """Share of frames within 20 px."""
        return float(self.precision[20])

    @property
    def normalized_precision_score(self) -> float:
        """Area under the normalised precision, 0..0.5 (Mueller et al., TrackingNet, 2018; LaSOT)."""
        return float(self.normalized_precision.mean())

    @property
    def auc(self) -> float:
        """Mean of the 21 success values."""
        return float(self.success.mean())

    @property
    def sr_50(self) -> float:
        """Success rate at an overlap of 0.5."""
        return float(self.success[10])


def overlaps(predictions: Boxes, truth: Boxes) -> NDArray[np.float64]:
    """Intersection over union of each pair of rows, (N,) in 0..1; NaN where a box is NaN."""
    low = np.maximum(predictions[:, :2], truth[:, :2])
    high = np.minimum(predictions[:, :2] + predictions[:, 2:], truth[:, :2] + truth[:, 2:])
    shared = np.maximum(high - low, 0).prod(axis=1)
    union = predictions[:, 2:].prod(axis=1) + truth[:, 2:].prod(axis=1) - shared
    ratio = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    # rounding can put equal boxes above 1, which would count as a success at the threshold of 1
    return np.where(np.isnan(union), np.nan, np.minimum(ratio, 1))


def center_errors_px(predictions: Boxes, truth: Boxes) -> NDArray[np.float64]:
    """Distance of the centers of each pair of rows in pixels, (N,)."""
    return _lengths(_center_offsets(predictions, truth))


def normalized_center_errors(predictions: Boxes, truth: Boxes) -> NDArray[np.float64]:
    """Center errors with x over the target's width, y over its height, (N,); NaN where it has no size."""
    size = np.where(truth[:, 2:] > 0, truth[:, 2:], np.nan)
    return _lengths(_center_offsets(predictions, truth) / size)


def score_sequence(predictions: Boxes, truth: Boxes, *, origin: int, convention: Convention) -> Curves:
    """Curves of one sequence; the first prediction counts as the ground truth.

    ``origin`` is that of the annotation's own convention, on which the validity of its rows depends.
    Raises `BadInput` where the shapes differ, or where only the first frame is annotated.
    """
    if predictions.shape != truth.shape or truth.ndim != 2 or truth.shape[1] != 4:
        raise BadInput(f"{predictions.shape} predictions for {truth.shape} ground truth, expected (N, 4) twice")
    valid = valid_rows(truth, origin, convention)
    if not valid[1:].any():  # the first is given: alone it would score as if all was well
        raise BadInput("no frame after the first has ground truth, so there is nothing to score")
    boxes = repaired(np.concatenate([truth[:1], predictions[1:]]), truth, convention)
    overlap = np.where(valid, overlaps(boxes, truth), -1.0)
    error = np.where(valid, center_errors_px(boxes, truth), convention.invalid_error)
    normalized = np.where(valid, normalized_center_errors(boxes, truth), convention.invalid_normalized_error)
    return Curves(
        precision=_share(error[:, None] <= CENTER_THRESHOLDS_PX),
        normalized_precision=_share(normalized[:, None] <= NORMALIZED_THRESHOLDS),
        success=_share(overlap[:, None] > OVERLAP_THRESHOLDS),
    )


def mean_curves(curves: Items[Curves], *, matlab_compat: bool = False) -> Curves:
    """Mean over sequences, each with the same weight.

    ``matlab_compat`` drops, curve by curve, the sequences whose whole curve is 0, as OTB's MATLAB plots do:
    total failures vanish from the mean.
    """
    if not curves:
        raise BadInput("no sequence was scored, so there is no mean")
    return Curves(
        precision=_mean([c.precision for c in curves], matlab_compat),
        normalized_precision=_mean([c.normalized_precision for c in curves], matlab_compat),
        success=_mean([c.success for c in curves], matlab_compat),
    )


def _mean(rows: list[Curve], drop_zeros: bool) -> Curve:
    table = np.stack(rows)
    if drop_zeros:
        table = table[table.sum(axis=1) > np.finfo(float).eps]
    return np.asarray(table.mean(axis=0)) if len(table) else np.zeros(len(rows[0]))


def _share(hits: NDArray[np.bool_]) -> Curve:
    return np.asarray(hits.mean(axis=0), np.float64)


def _center_offsets(predictions: Boxes, truth: Boxes) -> NDArray[np.float64]:
    return (predictions[:, :2] - truth[:, :2]) + (predictions[:, 2:] - truth[:, 2:]) / 2


def _lengths(offsets: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hypot(offsets[:, 0], offsets[:, 1])
