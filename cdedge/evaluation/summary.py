"""A results folder of ours, scored: its manifest says on which data set and under which protocol."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cdedge.evaluation.job import Pass, passes
from cdedge.evaluation.metrics import Convention
from cdedge.evaluation.results import bootstrap_interval
from cdedge.evaluation.runner import read_facts, read_failures

from .datasets import load_dataset
from .job import Failure
from .manifest import Manifest, read_manifest
from .metrics import Curves, mean_curves
from .result_files import Values, read_result
from .results import Evaluation, SequenceScore, Speed, evaluate_results, to_json

_SEED = 0


@dataclass(frozen=True)
class PeakMemory:
    """Memory of the processes that tracked, each one pass: the largest and the median over passes, in bytes.

    over_floor: VmHWM while tracking, decoded frames included, less what Python, numpy, OpenCV, onnxruntime
    and cdedge take before.
    """

    largest_peak_bytes: int
    largest_over_floor_bytes: int
    median_over_floor_bytes: int


@dataclass(frozen=True, eq=False)
class Summary:
    """Scores of a results folder, and what belongs beside them."""

    folder: Path
    manifest: Manifest
    evaluation: Evaluation
    memory: PeakMemory | None
    failures: dict[str, Failure]
    skipped: tuple[tuple[str, str], ...]


def summarize(
    folder: Path,
    *,
    convention: Convention,
    root: Path | None = None,
    only: Iterable[str] | None = None,
    matlab_compat: bool = False,
) -> Summary:
    """Score a folder made by ``cdedge evaluate``.

    ``root`` says where the data set is now, ``only`` names the sequences to score; without them, the
    manifest's. The speed is that of ``update`` alone. Raises `BadInput` where there is nothing to score.
    """
    manifest = read_manifest(folder)
    made_by = manifest.configuration
    names = made_by.sequences if only is None else tuple(only)
    dataset = load_dataset(made_by.dataset, root or Path(made_by.root), names)
    items = [item for sequence in dataset.sequences for item in passes(sequence, made_by.protocol)]
    by_pass = evaluate_results(
        replace(dataset, sequences=tuple(i.sequence for i in items)), folder, convention=convention
    )
    scored = {score.name: score for score in by_pass.scores}
    kept = [item for item in items if item.sequence.name in scored]
    evaluation = _merged(by_pass, kept, scored, matlab_compat=matlab_compat)
    times = _times(folder, kept)
    return Summary(
        folder,
        manifest,
        replace(evaluation, speed=_speed(list(times.values())), scores=_with_fps(evaluation.scores, kept, times)),
        _memory(folder, kept),
        read_failures(folder),
        dataset.skipped,
    )


def summary_json(summary: Summary) -> dict[str, Any]:
    """JSON object of a summary, without the command's schema."""
    values = to_json(summary.evaluation)
    values.pop("schema")
    return {
        **values,
        "protocol": summary.manifest.configuration.protocol,
        "threads": summary.manifest.configuration.threads,
        "failures": {name: vars(failure) for name, failure in summary.failures.items()},
        "skipped": [{"name": name, "reason": reason} for name, reason in summary.skipped],
        "results": str(summary.folder),
        "peak_memory": None if summary.memory is None else vars(summary.memory),
    }


def _merged(
    by_pass: Evaluation, kept: list[Pass], scored: dict[str, SequenceScore], *, matlab_compat: bool
) -> Evaluation:
    """Join the passes of a sequence, each frame of each pass with the same weight (OTB's genPerfMat.m)."""
    groups: dict[str, list[SequenceScore]] = {}
    for item in kept:
        groups.setdefault(item.target, []).append(scored[item.sequence.name])
    scores = tuple(
        SequenceScore(name, sum(s.frames for s in group), group[0].attributes, _weighted(group), None)
        for name, group in groups.items()
    )
    return replace(
        by_pass,
        scores=scores,
        mean=mean_curves([s.curves for s in scores], matlab_compat=matlab_compat),
        auc_interval=bootstrap_interval([s.curves.auc for s in scores], seed=_SEED),
        precision_interval=bootstrap_interval([s.curves.precision_20px for s in scores], seed=_SEED),
    )


def _weighted(group: list[SequenceScore]) -> Curves:
    frames = [s.frames for s in group]
    return Curves(
        *(
            np.asarray(np.average([getattr(s.curves, name) for s in group], axis=0, weights=frames))
            for name in ("precision", "normalized_precision", "success")
        )
    )


def _times(folder: Path, kept: list[Pass]) -> dict[str, Values]:
    """Seconds per frame by pass, where they are known."""
    found = ((i.sequence.name, read_result(folder, i.sequence).times_s) for i in kept)
    return {name: times for name, times in found if times is not None}


def _speed(times: list[Values]) -> Speed | None:
    """Rate and percentiles of ``update``; the first frame of each pass is apart, in ``init_ms``."""
    updates = np.concatenate([t[1:] for t in times]) if times else np.zeros(0)
    if updates.sum() <= 0:
        return None
    p50, p95, p99 = (float(v) * 1e3 for v in np.percentile(updates, [50, 95, 99]))
    init_ms = float(np.median([t[0] for t in times])) * 1e3
    return Speed(len(updates) / float(updates.sum()), init_ms, p50, p95, p99)


def _with_fps(
    scores: tuple[SequenceScore, ...], kept: list[Pass], times: dict[str, Values]
) -> tuple[SequenceScore, ...]:
    speeds = {
        score.name: _speed(
            [times[i.sequence.name] for i in kept if i.target == score.name and i.sequence.name in times]
        )
        for score in scores
    }
    return tuple(replace(s, fps=None if (v := speeds[s.name]) is None else v.fps) for s in scores)


def _memory(folder: Path, kept: list[Pass]) -> PeakMemory | None:
    facts = [read_facts(folder, item.sequence.name) for item in kept]
    known = [f.memory for f in facts if f is not None and f.memory is not None]
    over = [m.over_floor_bytes for m in known if m.over_floor_bytes is not None]
    peaks = [m.peak_bytes for m in known if m.peak_bytes is not None]
    return PeakMemory(max(peaks), max(over), int(np.median(over))) if over and peaks else None
