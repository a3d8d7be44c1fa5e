"""A sweep's results on the tuning and the checking half apart (split.toml), each run paired with the first.

cdedge evaluate --dataset otb --root OTB100 --sweep benchmarks/speed.toml -o results/otb
cdedge evaluate --dataset folder --root UAV123_half --sweep benchmarks/speed.toml -o results/uav
python benchmarks/halves.py results/otb results/uav
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np

from cdedge.evaluation.metrics import get_convention
from cdedge.evaluation.summary import summarize

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SPLIT = Path(__file__).with_name("split.toml")
Scores = dict[tuple[str, str], tuple[float, float]]  # AUC and precision by (folder, sequence)


def scores_of(folders: list[Path], run: str) -> Scores:
    """Every sequence's AUC and precision in one run."""
    found: Scores = {}
    for folder in folders:
        summary = summarize(folder / run, convention=get_convention("otb"), matlab_compat=False)
        for score in summary.evaluation.scores:
            found[folder.name, score.name] = (score.curves.auc, score.curves.precision_20px)
    return found


def interval(differences: list[float]) -> str:
    """Mean and 95 % percentile bootstrap interval over targets, seeded."""
    values, rng = np.array(differences), np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (5000, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{values.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


def main() -> None:
    """Print one table a half."""
    folders = [Path(word) for word in sys.argv[1:]]
    with (folders[0] / "sweep.csv").open() as file:
        runs = [row["name"] for row in csv.DictReader(file)]
    tuning = {name for names in tomllib.loads(SPLIT.read_text())["tuning"].values() for name in names}
    found = {run: scores_of(folders, run) for run in runs}
    for half in ("tuning", "checking", "all"):
        keys = [key for key in found[runs[0]] if half == "all" or (key[1] in tuning) == (half == "tuning")]
        print(f"{half}: {len(keys)} targets; AUC less that of {runs[0]}, 95 %")
        for run in runs:
            shown = ""
            for folder in folders:
                part = [found[run][key] for key in keys if key[0] == folder.name]
                auc, precision = np.mean(part, axis=0)
                shown += f"  {folder.name} {precision:.3f}/{auc:.3f}"
            print(f"  {run:42}{shown}  {interval([found[run][k][0] - found[runs[0]][k][0] for k in keys])}")


if __name__ == "__main__":
    main()
