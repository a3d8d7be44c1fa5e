"""Evaluations made up for the pages' tests."""

from __future__ import annotations

import numpy as np

from cdedge.evaluation.metrics import get_convention, mean_curves, score_sequence
from cdedge.evaluation.results import Evaluation, SequenceScore, Speed

FRAMES = 30
TRUTH = np.tile([20.0, 30.0, 40.0, 40.0], (FRAMES, 1))


def make_scores(drift_px: float, names: tuple[str, ...]) -> tuple[SequenceScore, ...]:
    """Scores of boxes that drift away, faster from one sequence to the next."""
    scores = []
    for number, name in enumerate(names, 1):
        boxes = TRUTH + np.arange(FRAMES)[:, None] * [drift_px * number, 0, 0, 0]
        curves = score_sequence(boxes, TRUTH, origin=0, convention=get_convention("otb"))
        attributes = ("OCC", "<i>") if number % 2 else ("FM",)
        scores.append(SequenceScore(name, FRAMES + number, attributes, curves, 50.0))
    return tuple(scores)


def make_evaluation(
    name: str,
    drift_px: float,
    *,
    names: tuple[str, ...] = ("Ant", "Bee", "Cat"),
    fps: float | None = 30.0,
    kind: str = "otb",
) -> Evaluation:
    """A tracker whose boxes drift by ``drift_px`` a frame and more."""
    scores = make_scores(drift_px, names)
    speed = None if fps is None else Speed(fps, 5.0, 1e3 / fps, 2e3 / fps, 3e3 / fps)
    mean = mean_curves([score.curves for score in scores])
    return Evaluation(name, kind, "otb", scores, (), mean, (mean.auc - 0.1, mean.auc + 0.1), (0.0, 1.0), speed)
