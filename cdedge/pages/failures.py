"""Where trackers lost their target: the first frame from which on they share nothing with it, shown as pictures."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain, islice, zip_longest
from pathlib import Path

import cv2
import numpy as np

from cdedge.evaluation.metrics import overlaps
from cdedge.evaluation.result_files import read_result
from cdedge.evaluation.results import Evaluation
from cdedge.evaluation.sequence import Boxes, Dataset, Frame, read_frame
from cdedge.evaluation.sequence import Sequence as Clip
from cdedge_runtime.box import Box

URI_BYTES = 40_000
_LONGEST_PX = 480
_QUALITIES = (80, 65, 50)
_HEAD = "data:image/jpeg;base64,"
_KEY = '<p class="key"><span class="truth"></span> ground truth <span class="predicted"></span> prediction</p>'


def failure_gallery(failures: Sequence[FailureFrame]) -> str:
    """All failures side by side under one key."""
    return f'{_KEY}<div class="frames">{"".join(_figure(failure) for failure in failures)}</div>'


def jpeg_uri(image: Frame) -> str:
    """``image``, (H, W, 3) uint8 BGR, as a data URI of at most 40 kB, made smaller until it fits."""
    longest = _LONGEST_PX
    while True:
        small = _shrunk(image, longest)
        for quality in _QUALITIES:
            data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            uri = _HEAD + base64.b64encode(data.tobytes()).decode("ascii")
            if len(uri) <= URI_BYTES:
                return uri
        longest = longest * 3 // 4


def _shrunk(image: Frame, longest_px: int) -> Frame:
    height, width = image.shape[:2]
    scale = longest_px / max(height, width)
    if scale >= 1:
        return image
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, target, interpolation=cv2.INTER_AREA), np.uint8)


def overlaid(image: Frame, boxes: Sequence[tuple[Box, str]], words: str) -> str:
    """A picture with boxes over it, each with its class of page.css; ``words`` say what is to be seen."""
    height, width = image.shape[:2]
    shapes = "".join(_rectangle(box, css) for box, css in boxes)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(words)}">'
        f'<image href="{jpeg_uri(image)}" width="{width}" height="{height}" preserveAspectRatio="none"/>{shapes}</svg>'
    )


def _figure(failure: FailureFrame) -> str:
    boxes = [(failure.truth, "truth")]
    if failure.prediction is not None:
        boxes.append((failure.prediction, "predicted"))
    return (
        f"<figure>{overlaid(failure.image, boxes, _words(failure))}"
        f"<figcaption><strong>{escape(failure.tracker)}</strong> on {escape(failure.sequence)} "
        f"<span>{_caption(failure)}</span></figcaption></figure>"
    )


def _words(failure: FailureFrame) -> str:
    return f"{failure.tracker} loses the target of {failure.sequence} in {_caption(failure)}"


def _caption(failure: FailureFrame) -> str:
    text = f"frame {failure.index + 1:,} of {failure.frames:,}"
    if failure.prediction is None:
        return f"{text}; no box reported"
    return text if _is_visible(failure.prediction, failure.image) else f"{text}; prediction outside the image"


def _is_visible(box: Box, image: Frame) -> bool:
    height, width = image.shape[:2]
    return box.x < width and box.y < height and box.x + box.width > 0 and box.y + box.height > 0


def _rectangle(box: Box, css: str) -> str:
    place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
    return f'<rect class="halo" {place}/><rect class="{css}" {place}/>'


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
