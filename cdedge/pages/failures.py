"""Where trackers lost their target: the first frame from which on they share nothing with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path

import numpy as np

from cdedge.evaluation.metrics import overlaps
from cdedge.evaluation.result_files import read_result
from cdedge.evaluation.results import Evaluation
from cdedge.evaluation.sequence import Boxes, Dataset, Frame, read_frame
from cdedge.evaluation.sequence import Sequence as Clip
from cdedge_runtime.box import Box

LOST_FRAMES = 10
SHOWN = 8


@dataclass(frozen=True, eq=False)
class FailureFrame:
    """The frame at ``index`` (from 0) of ``frames``; ``prediction`` is None where none was reported."""

    tracker: str
    sequence: str
    index: int
    frames: int
    image: Frame
    truth: Box
    prediction: Box | None


@dataclass(frozen=True, eq=False)
class _Loss:
    tracker: str
    clip: Clip
    index: int
    boxes: Boxes


def find_failures(
    dataset: Dataset, results: Sequence[tuple[Evaluation, Path]], *, limit: int = SHOWN
) -> tuple[FailureFrame, ...]:
    """First lost frames in the worst sequences of each tracker, given as its scores and its results folder.

    Trackers take turns until there are ``limit``. A sequence counts where the overlap is 0 in ten annotated
    frames in a row. Raises `BadInput` where a result or an image cannot be read.
    """
    found = [list(islice(_losses(dataset, evaluation, folder), limit)) for evaluation, folder in results]
    turns = [loss for loss in chain.from_iterable(zip_longest(*found)) if loss is not None][:limit]
    order = [evaluation.name for evaluation, _ in results]
    return tuple(_frame(loss) for loss in sorted(turns, key=lambda loss: order.index(loss.tracker)))


def first_lost_frame(predictions: Boxes, truth: Boxes) -> int | None:
    """Index of the first frame from which on ten annotated frames in a row have no overlap; None without.

    Both are (N, 4) ``x, y, w, h``; rows of ``truth`` that are NaN or have no size are passed over.
    """
    annotated = np.flatnonzero((truth[:, 2:] > 0).all(axis=1))
    if len(annotated) < LOST_FRAMES:
        return None
    missed = ~(overlaps(predictions, truth)[annotated] > 0)
    runs = np.lib.stride_tricks.sliding_window_view(missed, LOST_FRAMES).all(axis=1)
    return int(annotated[int(runs.argmax())]) if runs.any() else None


def _losses(dataset: Dataset, evaluation: Evaluation, folder: Path) -> Iterator[_Loss]:
    clips = {clip.name: clip for clip in dataset.sequences}
    for score in sorted(evaluation.scores, key=lambda score: score.curves.auc):
        clip = clips[score.name]
        boxes = read_result(folder, clip).boxes
        boxes = np.concatenate([clip.boxes[:1], boxes[1:]])
        index = first_lost_frame(boxes, clip.boxes)
        if index is not None:
            yield _Loss(evaluation.name, clip, index, boxes)


def _frame(loss: _Loss) -> FailureFrame:
    clip, index = loss.clip, loss.index
    image, truth = read_frame(clip.frame_paths[index]), _box(clip.boxes[index])
    row = loss.boxes[index]
    prediction = _box(row) if np.isfinite(row).all() and (row[2:] > 0).all() else None
    return FailureFrame(loss.tracker, clip.name, index, len(clip), image, truth, prediction)


def _box(row: Boxes) -> Box:
    x, y, w, h = (float(v) for v in row)
    return Box(x, y, w, h)
