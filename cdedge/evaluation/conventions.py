"""What evaluators do with annotation rows and predictions that are no box; each way has a name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.errors import BadInput, Usage

from .sequence import Boxes


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
