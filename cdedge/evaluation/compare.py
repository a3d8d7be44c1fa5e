"""Results folders side by side, on the sequences that all of them have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cdedge.evaluation.metrics import Convention
from cdedge.evaluation.results import Difference
from cdedge_runtime.errors import BadInput, Usage

from .datasets import load_dataset
from .job import passes
from .manifest import manifest_path, read_manifest
from .result_files import is_complete
from .results import auc_difference
from .runner import read_failures
from .summary import Summary, summarize
from .sweep import read_names


@dataclass(frozen=True, eq=False)
class Comparison:
    """Summaries in the order the folders were given, each over the same sequences.

    differences: AUC of each less that of the first, paired over sequences. left_out: sequences that not every
    folder has, by the names of those that have them. unfinished: the folders that are not compared, as their run was
    stopped.
    """

    summaries: tuple[Summary, ...]
    differences: tuple[Difference, ...]
    left_out: dict[str, tuple[str, ...]]
    unfinished: tuple[Path, ...] = ()


def compare_folders(
    given: Sequence[Path], *, convention: Convention, root: Path | None = None, matlab_compat: bool = False
) -> Comparison:
    """Score folders made by ``cdedge evaluate`` on their common sequences; that of a sweep stands for its runs'.

    Plain files are passed over, as a sweep's tables lie beside its folders. Raises `Usage` where the folders are of
    different data sets or protocols, or have no sequence in common, `BadInput` where none is finished.
    """
    wanted = results_folders(given)
    unfinished = tuple(f for f in wanted if not _is_finished(f, root))
    folders = [f for f in wanted if f not in unfinished]
    if not folders:
        read_manifest(unfinished[0])
        raise BadInput(f"{unfinished[0]}: its run was stopped before its end; {AGAIN}")
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
    return Comparison(kept, differences, left_out, unfinished)


AGAIN = "run the same 'cdedge evaluate' again, and it goes on where it stopped"


def results_folders(given: Sequence[Path]) -> list[Path]:
    """The folders of single runs among and in those given, each once; a sweep's in the order of its runs.

    Raises `BadInput` for what is not there, `Usage` where all are files.
    """
    found: dict[Path, None] = {}
    for path in given:
        if not path.exists():
            raise BadInput(f"{path}: no such folder, expected one made by 'cdedge evaluate'")
        if path.is_dir():
            found.update(dict.fromkeys([path] if manifest_path(path).exists() else _of_sweep(path) or [path]))
    if not found:
        raise Usage(f"{given[0]}: a file, expected folders made by 'cdedge evaluate'")
    return list(found)


def _of_sweep(folder: Path) -> list[Path]:
    """The runs' folders, as the sweep's table orders them; those that it does not have yet behind."""
    inner = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not any(manifest_path(path).exists() for path in inner):
        return []
    order = {name: index for index, name in enumerate(read_names(folder))}
    return sorted(inner, key=lambda path: order.get(path.name, len(order)))


def _is_finished(folder: Path, root: Path | None) -> bool:
    """Whether the last run came to its end, or left nothing undone."""
    if not manifest_path(folder).exists():
        return False
    manifest = read_manifest(folder)
    if manifest.runs[-1].finished is not None:
        return True
    made_by, failed = manifest.configuration, read_failures(folder)
    dataset = load_dataset(made_by.dataset, root or Path(made_by.root), made_by.sequences)
    all_passes = (item.sequence for sequence in dataset.sequences for item in passes(sequence, made_by.protocol))
    return all(each.name in failed or is_complete(folder, each) for each in all_passes)


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """JSON object of a comparison, best AUC first, without the command's schema."""
    return {
        "reference": comparison.summaries[0].evaluation.name,
        "sequences": [score.name for score in comparison.summaries[0].evaluation.scores],
        "left_out": comparison.left_out,
        "unfinished": [str(folder) for folder in comparison.unfinished],
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
