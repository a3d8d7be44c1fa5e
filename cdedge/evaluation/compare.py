"""Results folders side by side, on the sequences that all of them have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cdedge.evaluation.metrics import Convention
from cdedge.evaluation.results import Difference
from cdedge_runtime.errors import Usage

from .results import auc_difference
from .summary import Summary, summarize


@dataclass(frozen=True, eq=False)
class Comparison:
    """Summaries in the order the folders were given, each over the same sequences.

    differences: AUC of each less that of the first, paired over sequences. left_out: sequences that not every
    folder has, by the names of those that have them.
    """

    summaries: tuple[Summary, ...]
    differences: tuple[Difference, ...]
    left_out: dict[str, tuple[str, ...]]


def compare_folders(
    folders: Sequence[Path], *, convention: Convention, root: Path | None = None, matlab_compat: bool = False
) -> Comparison:
    """Score folders made by ``cdedge evaluate`` on their common sequences.

    Raises `Usage` where they are of different data sets or protocols, or have no sequence in common.
    """
    found = [summarize(f, convention=convention, root=root, matlab_compat=matlab_compat) for f in folders]
    for what in ("dataset", "protocol"):
        values = {getattr(s.manifest.configuration, what) for s in found}
        if len(values) > 1:
            raise Usage(f"folders of one {what} can be compared, got {' and '.join(sorted(values))}")
    named = [replace(s, evaluation=replace(s.evaluation, name=n)) for s, n in zip(found, _names(folders), strict=True)]
    scored = [{score.name for score in s.evaluation.scores} for s in named]
    common = set.intersection(*scored)
    if not common:
        raise Usage("these folders have no scored sequence in common")
    kept = tuple(
        s if names == common else _restricted(s, common, convention, matlab_compat=matlab_compat, root=root)
        for s, names in zip(named, scored, strict=True)
    )
    left_out = {
        name: tuple(s.evaluation.name for s, names in zip(named, scored, strict=True) if name in names)
        for name in sorted(set.union(*scored) - common)
    }
    differences = tuple(auc_difference(s.evaluation, kept[0].evaluation) for s in kept)
    return Comparison(kept, differences, left_out)


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """JSON object of a comparison, best AUC first, without the command's schema."""
    return {
        "reference": comparison.summaries[0].evaluation.name,
        "sequences": [score.name for score in comparison.summaries[0].evaluation.scores],
        "left_out": comparison.left_out,
        "trackers": [_tracker_json(s, d) for s, d in by_auc(comparison)],
    }


def by_auc(comparison: Comparison) -> list[tuple[Summary, Difference]]:
    """Summaries with their differences, best AUC first."""
    pairs = zip(comparison.summaries, comparison.differences, strict=True)
    return sorted(pairs, key=lambda pair: -pair[0].evaluation.mean.auc)


def _restricted(
    summary: Summary, names: set[str], convention: Convention, *, root: Path | None, matlab_compat: bool
) -> Summary:
    ordered = [score.name for score in summary.evaluation.scores if score.name in names]
    again = summarize(summary.folder, convention=convention, root=root, only=ordered, matlab_compat=matlab_compat)
    return replace(again, evaluation=replace(again.evaluation, name=summary.evaluation.name))


def _names(folders: Sequence[Path]) -> list[str]:
    """Names of the folders, with as many parents as tell them apart."""
    paths = [folder.resolve() for folder in folders]
    depth = 1
    while max(Counter("/".join(p.parts[-depth:]) for p in paths).values()) > 1:
        if depth > max(len(p.parts) for p in paths):
            raise Usage("a folder was given twice")
        depth += 1
    return ["/".join(p.parts[-depth:]) for p in paths]


def _tracker_json(summary: Summary, difference: Difference) -> dict[str, Any]:
    evaluation = summary.evaluation
    return {
        "name": evaluation.name,
        "results": str(summary.folder),
        "precision_20px": evaluation.mean.precision_20px,
        "auc": evaluation.mean.auc,
        "auc_interval": list(evaluation.auc_interval),
        "auc_difference": {**vars(difference), "is_noise": difference.is_noise},
        "speed": None if evaluation.speed is None else vars(evaluation.speed),
        "threads": summary.manifest.configuration.threads,
        "peak_memory": None if summary.memory is None else vars(summary.memory),
        "failures": sorted(summary.failures),
    }
