"""A folder of raw results, scored against a data set, with percentile bootstrap intervals (Efron 1979)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cdedge.evaluation.metrics import Convention, Curves, mean_curves, score_sequence
from cdedge.evaluation.result_files import Result, Values, read_result
from cdedge.evaluation.sequence import Dataset, Sequence
from cdedge_runtime.errors import BadInput

_CHUNK = 1_000_000  # resampled values held at a time


@dataclass(frozen=True)
class Difference:
    """Mean difference of paired values with its interval."""

    mean: float
    low: float
    high: float

    @property
    def is_noise(self) -> bool:
        """Whether no difference at all lies inside the interval."""
        return self.low <= 0 <= self.high


def bootstrap_interval(
    values: ArrayLike, *, seed: int, samples: int = 10_000, level: float = 0.95
) -> tuple[float, float]:
    """Interval of the mean of ``values`` (one per sequence) over resampled sequences.

    Raises `BadInput` for no values or values that are not finite.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 1 or data.size == 0 or not np.isfinite(data).all():
        raise BadInput(f"an interval needs one finite value per sequence, got shape {data.shape}")
    if not 0 < level < 1 or samples < 1:
        raise BadInput(f"expected 0 < level < 1 and samples >= 1, got {level} and {samples}")
    low, high = np.quantile(_means(data, seed, samples), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_difference(
    first: ArrayLike, second: ArrayLike, *, seed: int, samples: int = 10_000, level: float = 0.95
) -> Difference:
    """Mean of ``first - second``, both over the same sequences in the same order, with its interval."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise BadInput(f"paired values are of the same sequences, got {a.shape} and {b.shape}")
    low, high = bootstrap_interval(a - b, seed=seed, samples=samples, level=level)
    return Difference(float((a - b).mean()), low, high)


def _means(data: NDArray[np.float64], seed: int, samples: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    chunk = max(1, _CHUNK // data.size)
    sizes = [min(chunk, samples - start) for start in range(0, samples, chunk)]
    return np.concatenate([data[random.integers(data.size, size=(n, data.size))].mean(axis=1) for n in sizes])


SCHEMA = 1
_SEED = 0


@dataclass(frozen=True, eq=False)
class SequenceScore:
    """Scores of one sequence; ``fps`` is None where no times are known."""

    name: str
    frames: int
    attributes: tuple[str, ...]
    curves: Curves
    fps: float | None


@dataclass(frozen=True)
class Speed:
    """Times over all sequences, of whatever the time files hold; ours leave reading the image out.

    fps: frames over the sum of their times, the first frame of each sequence included as far as its time is given;
    `summary.summarize` leaves it out.
    init_ms: median time of the first frame of each sequence.
    p50_ms, p95_ms, p99_ms: percentiles over all other frames.
    """

    fps: float
    init_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of one tracker on one data set.

    ``mean`` is over the sequences in ``scores``; ``missing`` are those without a usable result, as (name,
    reason): they are in no mean. The intervals are 95 % bootstrap intervals over sequences.
    """

    name: str
    kind: str
    convention: str
    scores: tuple[SequenceScore, ...]
    missing: tuple[tuple[str, str], ...]
    mean: Curves
    auc_interval: tuple[float, float]
    precision_interval: tuple[float, float]
    speed: Speed | None


def evaluate_results(
    dataset: Dataset, folder: Path, *, convention: Convention, matlab_compat: bool = False
) -> Evaluation:
    """Score every result in ``folder``; raises `BadInput` where there is none to score."""
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such results folder")
    tried = [(sequence.name, _scored_or_reason(folder, sequence, convention)) for sequence in dataset.sequences]
    scored = [found for _, found in tried if not isinstance(found, str)]
    missing = tuple((name, reason) for name, reason in tried if isinstance(reason, str))
    if not scored:
        reason = f"{missing[0][0]}: {missing[0][1]}" if missing else "the data set has no usable sequence"
        raise BadInput(f"{folder}: no result can be scored: {reason}")
    scores = tuple(score for score, _ in scored)
    return Evaluation(
        name=folder.resolve().name,
        kind=dataset.kind,
        convention=convention.name,
        scores=scores,
        missing=missing,
        mean=mean_curves([s.curves for s in scores], matlab_compat=matlab_compat),
        auc_interval=bootstrap_interval([s.curves.auc for s in scores], seed=_SEED),
        precision_interval=bootstrap_interval([s.curves.precision_20px for s in scores], seed=_SEED),
        speed=_speed([times for _, times in scored if times is not None]),
    )


def by_attribute(evaluation: Evaluation) -> dict[str, Curves]:
    """Mean curves over the sequences that carry each attribute."""
    labels = sorted({label for score in evaluation.scores for label in score.attributes})
    return {a: mean_curves([s.curves for s in evaluation.scores if a in s.attributes]) for a in labels}


def auc_difference(first: Evaluation, second: Evaluation, *, seed: int = _SEED) -> Difference:
    """AUC of ``first`` minus that of ``second`` over the sequences both have, with its interval."""
    return _difference(first, second, lambda curves: curves.auc, seed)


def precision_difference(first: Evaluation, second: Evaluation, *, seed: int = _SEED) -> Difference:
    """Precision at 20 px of ``first`` minus that of ``second`` over the sequences both have."""
    return _difference(first, second, lambda curves: curves.precision_20px, seed)


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """JSON object of an evaluation."""
    return {
        "schema": SCHEMA,
        "tracker": evaluation.name,
        "dataset": evaluation.kind,
        "convention": evaluation.convention,
        **_numbers(evaluation.mean),
        "auc_interval": list(evaluation.auc_interval),
        "precision_20px_interval": list(evaluation.precision_interval),
        "fps": None if evaluation.speed is None else evaluation.speed.fps,
        "speed": None if evaluation.speed is None else vars(evaluation.speed),
        "curves": {name: values.tolist() for name, values in vars(evaluation.mean).items()},
        "sequences": [_sequence_json(score) for score in evaluation.scores],
        "missing": [{"name": name, "reason": reason} for name, reason in evaluation.missing],
    }


def _scored_or_reason(
    folder: Path, sequence: Sequence, convention: Convention
) -> tuple[SequenceScore, Values | None] | str:
    """Score a sequence, with its times; or why it cannot be, which takes no other sequence's score away."""
    try:
        result = read_result(folder, sequence)
        return _score(sequence, result, convention), result.times_s
    except BadInput as error:
        return str(error)


def _score(sequence: Sequence, result: Result, convention: Convention) -> SequenceScore:
    curves = score_sequence(result.boxes, sequence.boxes, origin=sequence.origin, convention=convention)
    total = 0.0 if result.times_s is None else float(result.times_s.sum())
    fps = len(sequence) / total if total > 0 else None
    return SequenceScore(sequence.name, len(sequence), sequence.attributes, curves, fps)


def _speed(times: list[Values]) -> Speed | None:
    total = sum(float(t.sum()) for t in times)
    if total <= 0:
        return None
    later = np.concatenate([t[1:] for t in times])
    p50, p95, p99 = (float(v) * 1e3 for v in np.percentile(later, [50, 95, 99])) if later.size else (0.0,) * 3
    init_ms = float(np.median([t[0] for t in times])) * 1e3
    return Speed(sum(map(len, times)) / total, init_ms, p50, p95, p99)


def _difference(first: Evaluation, second: Evaluation, value: Callable[[Curves], float], seed: int) -> Difference:
    other = {score.name: score for score in second.scores}
    pairs = [(score, other[score.name]) for score in first.scores if score.name in other]
    if not pairs:
        raise BadInput(f"{first.name} and {second.name} have no sequence in common")
    ours, others = ([value(score.curves) for score in side] for side in zip(*pairs, strict=True))
    return paired_difference(ours, others, seed=seed)


def _numbers(curves: Curves) -> dict[str, float]:
    return {
        "precision_20px": curves.precision_20px,
        "auc": curves.auc,
        "sr_50": curves.sr_50,
        "normalized_precision": curves.normalized_precision_score,
    }


def _sequence_json(score: SequenceScore) -> dict[str, Any]:
    return {
        "name": score.name,
        "frames": score.frames,
        "attributes": list(score.attributes),
        **_numbers(score.curves),
        "fps": score.fps,
    }
