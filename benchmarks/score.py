"""Fit the score's coefficients, or judge how well the score tells a right box from a wrong one.

    python benchmarks/score.py fit KIND DATA [--deep NETWORK ...] [--deep-head HEAD]
    python benchmarks/score.py judge KIND DATA [--deep NETWORK ...] [--deep-head HEAD] [--peer BACKBONE,HEAD]

KIND is one of `KINDS`; robust takes deep networks, whose frames are joined, and a box head. DATA is a folder with
`sequences/`, `train/videos` and `train2/videos`. Each target is tracked from several frames, each time with a model
exported there. Fitting uses both halves of split.toml and the videos for training, with `lost` going by the PSR alone,
so that the coefficients do not choose their own frames; every sequence counts by the root of its frames. A frame
without the target counts as an IoU of 0. Nothing is drawn: no seed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import tomllib
from numpy.typing import NDArray

from cdedge.evaluation.configuration import TrackerOptions
from cdedge.evaluation.datasets import load_dataset
from cdedge.evaluation.job import Pass, job_of, segment_starts
from cdedge.evaluation.metrics import overlaps
from cdedge.evaluation.peers import AnyTracker, Peer
from cdedge.evaluation.sequence import Sequence
from cdedge.evaluation.worker import export_job
from cdedge_export.options import ExportOptions
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.trackers import score

Values = NDArray[np.float64]

KINDS = {
    "fast": ExportOptions(),
    "accurate": ExportOptions(layers="11+12+21", mode="chain"),
    "robust": ExportOptions(profile="robust"),
    "cf2": ExportOptions(tracker="cf2", layers="11+12+21", distill=False),
    "cacf": ExportOptions(tracker="cacf", distill=False),
    "eco": ExportOptions(tracker="eco", layers="hog"),
}
FOLDERS = {
    "otb": ("otb", "sequences/OTB100"),
    "uav123": ("folder", "sequences/UAV123_10fps"),
    "uav123_half": ("folder", "sequences/UAV123_half"),
    "vot": ("vot", "sequences/VOT2018"),
}
STARTS, LONGEST = 8, 400  # passes per target, and frames of one
GOOD, BAD = 0.5, 0.1  # IoU above and below which a box is judged; between, it is neither
FAILED_FRAMES = 10  # a failure is so many bad frames in a row; `lost` should rise within as many
WEAK_RIDGE = 1e-3
CUES = ("psr", "contrast", "either", "both", "head")  # those of `score.cues`, and a box head's score


@dataclass(frozen=True, eq=False)
class Track:
    """What a tracker said from one start, per frame: IoU, score, PSR, lost, and `CUES` (N, 5)."""

    name: str
    iou: Values
    score: Values
    psr: Values
    lost: NDArray[np.bool_]
    cues: Values


# --- data


def half(data: Path, name: str) -> list[Sequence]:
    """The sequences of one half of split.toml."""
    split = tomllib.loads((Path(__file__).parent / "split.toml").read_text())[name]
    found = []
    for key, names in split.items():
        kind, folder = FOLDERS[key]
        if names:
            found += load_dataset(kind, data / folder, tuple(names)).sequences
    return found


def training(data: Path, parts: tuple[str, ...] = ("train", "train2")) -> list[Sequence]:
    """The videos for training with one target."""
    roots = [p for part in parts for p in sorted((data / part / "videos").iterdir())]
    return [s for p in roots if (p / "groundtruth_rect.txt").is_file() for s in load_dataset("folder", p).sequences]


def passes(sequence: Sequence, count: int) -> Iterator[Pass]:
    """``count`` of TRE's segments, evenly spread, with a first box of at least 2 px."""
    starts = segment_starts(sequence)
    for start in sorted({starts[i * (len(starts) - 1) // max(count, 1)] for i in range(count)}):
        part = replace(
            sequence,
            name=f"{sequence.name}.{start}",
            frame_paths=sequence.frame_paths[start : start + LONGEST],
            boxes=sequence.boxes[start : start + LONGEST],
        )
        if min(part.boxes[0][2:]) >= 2:
            yield Pass(sequence.name, part, part.first_box)


# --- tracks


class Recorder:
    """Stands in for `score.probability`, keeps what it is asked and answers ``always``, or the truth for None."""

    def __init__(self, always: float | None) -> None:
        self._always, self._truly, self.asked = always, score.probability, (0.0,) * len(CUES)

    def __call__(self, psr: float, like: score.Likeness, calibration: score.Calibration, head: float = 0.0) -> float:
        self.asked = *score.cues(psr, like), score.head_cue(head)
        return self._truly(psr, like, calibration, head) if self._always is None else self._always


def track(tracker: AnyTracker, item: Pass, recorder: Recorder) -> Track:
    """Track one pass."""
    frames = item.sequence.frames()
    tracker.init(next(frames), item.start)
    said, cues = [], []
    with mock.patch.object(score, "probability", recorder):
        for frame in frames:
            said.append(tracker.update(frame))
            cues.append(recorder.asked)
    boxes = np.array([(e.box.x, e.box.y, e.box.width, e.box.height) for e in said])
    return Track(
        item.target,
        np.nan_to_num(overlaps(boxes, item.sequence.boxes[1:])),
        np.array([e.score for e in said]),
        np.array([0.0 if e.psr is None else e.psr for e in said]),
        np.array([e.lost for e in said]),
        np.array(cues),
    )


def tracks(
    sequences: Iterable[Sequence], make: Callable[[Pass], AnyTracker], *, count: int, always: float | None = None
) -> list[Track]:
    """All passes of all sequences."""
    items = [item for sequence in sequences for item in passes(sequence, count)]
    return [track(make(item), item, Recorder(always)) for item in items]


def exported(options: ExportOptions) -> Callable[[Pass], AnyTracker]:
    """Makes the tracker of a pass from a file exported for it."""

    def make(item: Pass) -> AnyTracker:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            outcome = export_job(job_of(item, TrackerOptions(options), 1), path)
            if outcome.failure is not None:
                raise SystemExit(f"{item.sequence.name}: {outcome.failure.reason}")
            return open_tracker(path, threads=1)

    return make


# --- figures


def joined(runs: list[Track], name: str) -> Values:
    """One value per frame, over all passes."""
    return np.concatenate([getattr(run, name) for run in runs])


def roc_area(values: Values, iou: Values) -> float:
    """Probability that a good frame has more than a bad one, ties counting half (Mann and Whitney 1947)."""
    good, bad = values[iou > GOOD], np.sort(values[iou < BAD])
    below, upto = (np.searchsorted(bad, good, side=side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / len(bad))


def failures(iou: Values) -> list[int]:
    """First frames of the runs of at least `FAILED_FRAMES` bad frames."""
    edges = np.diff(np.concatenate([[0], (iou < BAD).astype(int), [0]]))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [int(b) for b, e in zip(begins, ends, strict=True) if e - b >= FAILED_FRAMES]


def detected(runs: list[Track]) -> tuple[int, int]:
    """How many failures ``lost`` told of in time, of how many."""
    told = [run.lost[begin : begin + FAILED_FRAMES].any() for run in runs for begin in failures(run.iou)]
    return int(sum(told)), len(told)


def false_alarms(runs: list[Track]) -> float:
    """Lost frames per 1,000 good ones."""
    good = joined(runs, "iou") > GOOD
    return 1000 * float(joined(runs, "lost")[good].mean())


def reliability(runs: list[Track]) -> Iterator[str]:
    """Per tenth of the score: frames, mean score, share of right boxes."""
    said, right = joined(runs, "score"), joined(runs, "iou") > score.RIGHT_IOU
    for tenth in range(10):
        here = np.minimum(said * 10, 9.999).astype(int) == tenth
        if here.any():
            yield f"| {tenth / 10:.1f} | {here.sum()} | {said[here].mean():.2f} | {right[here].mean():.2f} |"


# --- the model


def fitted(cues: Values, right: NDArray[np.bool_], weights: Values, offset: Values | float = 0.0) -> Values:
    """Coefficients of logistic regression, the bias first, by Newton's method with a slight ridge on scaled cues.

    ``offset``: log odds that are there already.
    """
    mean, spread = cues.mean(0), cues.std(0)
    x = np.column_stack([np.ones(len(cues)), (cues - mean) / spread])
    ridge = np.diag([0.0] + [WEAK_RIDGE] * cues.shape[1])
    found, w = np.zeros(x.shape[1]), weights / weights.sum()
    for _ in range(50):
        p = 1 / (1 + np.exp(-(offset + x @ found)))
        step = np.linalg.solve((x.T * (w * p * (1 - p))) @ x + ridge, x.T @ (w * (p - right)) + ridge @ found)
        found -= step
    slopes = found[1:] / spread
    return np.concatenate([[found[0] - slopes @ mean], slopes])


def per_frame_weights(runs: list[Track]) -> Values:
    """Weights with which a sequence counts by the root of its frames."""
    counts = {name: sum(len(r.iou) for r in runs if r.name == name) for name in {r.name for r in runs}}
    return np.concatenate([np.full(len(r.iou), counts[r.name] ** -0.5) for r in runs])


def tracked(sequences: list[Sequence], models: list[ExportOptions], count: int, always: float | None) -> list[Track]:
    """All passes with each of the models."""
    return [run for options in models for run in tracks(sequences, exported(options), count=count, always=always)]


def fit(data: Path, models: list[ExportOptions], starts: int, beside: float) -> None:
    """Print how good a fit without each part of the data is on that part, then the coefficients of the fit on all."""
    parts = {
        "tuning": tracked(half(data, "tuning"), models, starts, 1.0),
        "checking": tracked(half(data, "checking"), models, starts, 1.0),
        "training": tracked(training(data), models, max(1, starts // 2), 1.0),
    }
    for name, part in parts.items():
        found = fitted_on([run for other, runs in parts.items() if other != name for run in runs], beside)
        odds, iou = found[0] + joined(part, "cues") @ found[1:], joined(part, "iou")
        told, of = detected(part)
        print(f"{name}: ROC {roc_area(odds, iou):.3f}, PSR {roc_area(joined(part, 'psr'), iou):.3f}")
        print(f"  lost by PSR: {told} of {of} failures, {false_alarms(part):.1f} false alarms per 1,000 good frames")
    found = fitted_on([run for runs in parts.values() for run in runs], beside)
    print("Calibration(" + ", ".join(f"{n}={v:.3f}" for n, v in zip(("bias", *CUES), found, strict=True)) + ")")


def fitted_on(runs: list[Track], beside: float) -> Values:
    """Coefficients of all `CUES` from these tracks, the bias first.

    Beside a box head the failures are few: the others keep a share ``beside`` of their weight without one.
    """
    cues, right, weights = joined(runs, "cues"), joined(runs, "iou") > score.RIGHT_IOU, per_frame_weights(runs)
    others, head = cues[:, :-1], cues[:, -1:]
    if np.ptp(head) == 0:
        return np.append(fitted(others, right, weights), 0.0)
    alone = score.CALIBRATIONS["deepcd"]
    slopes = beside * np.array([alone.psr, alone.contrast, alone.either, alone.both])
    offset = others @ slopes
    bias, slope = fitted(head, right, weights, offset - offset.mean())  # Newton's method starts at 0
    return np.array([bias - offset.mean(), *slopes, slope])


def judge(data: Path, models: list[ExportOptions], starts: int, parts: list[str], peer: tuple[str, ...]) -> None:
    """Print how good the score is on each part, and how good NanoTrack's."""
    for name in parts:
        sequences = training(data, (name,)) if name.startswith("train") else half(data, name)
        runs = tracked(sequences, models, starts, None)
        report(name, runs)
        print("\n".join(reliability(runs)))
        if peer:
            report(f"NanoTrack, {name}", tracks(sequences, lambda _: Peer("Nano", peer), count=starts))


def report(title: str, runs: list[Track]) -> None:
    """Print what one tracker's scores are worth."""
    iou, (told, of) = joined(runs, "iou"), detected(runs)
    areas = {name: roc_area(joined(runs, name), iou) for name in ("score", "psr")}
    print(f"{title}: {len(iou)} frames, {(iou > GOOD).sum()} good, {(iou < BAD).sum()} bad; mean IoU {iou.mean():.3f}")
    print(f"  ROC: score {areas['score']:.3f}, PSR {areas['psr']:.3f}")
    print(f"  lost: {told} of {of} failures, {false_alarms(runs):.1f} false alarms per 1,000 good frames", flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("fit", "judge"))
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("data", type=Path)
    parser.add_argument("--starts", type=int, default=STARTS)
    parser.add_argument("--parts", default="tuning,checking", help="to judge on, of these, train and train2")
    parser.add_argument("--peer", default="", help="NanoTrack's BACKBONE,HEAD")
    parser.add_argument("--deep", action="append", default=[], help="a deep network of robust; may be repeated")
    parser.add_argument("--deep-head", help="the box head of robust")
    parser.add_argument("--beside", type=float, default=1.0, help="weight of the other cues beside a box head, 0..1")
    asked = parser.parse_args()
    models = [replace(KINDS[asked.kind], deep=d, deep_head=asked.deep_head) for d in asked.deep] or [KINDS[asked.kind]]
    cv2.setNumThreads(1)
    if asked.task == "fit":
        fit(asked.data, models, asked.starts, asked.beside)
    else:
        judge(asked.data, models, asked.starts, asked.parts.split(","), tuple(filter(None, asked.peer.split(","))))


if __name__ == "__main__":
    main()
