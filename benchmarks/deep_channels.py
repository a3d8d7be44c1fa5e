"""Which channels of a deep network a second look needs: all, chosen, or random ones, beside the same fine filter.

    python benchmarks/deep_channels.py run SWEEP.toml DATA ROWS.csv
    python benchmarks/deep_channels.py table ROWS.csv

DATA is a folder with `sequences/`. From each start, `fast` is exported once; every set of deep channels is joined to
that file's features, in one process. A set is a slice of what the whole network delivers, as in a file of
`--deep-channels` (tests/export/test_deep_part.py). Rows that are there are not run again.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tomllib
from numpy.typing import NDArray
from score import half, passes

from cdedge.evaluation.job import Pass
from cdedge.evaluation.metrics import get_convention, score_sequence
from cdedge_export.choose.distill import distill
from cdedge_export.choose.plan import DistillOptions
from cdedge_export.options import ExportOptions
from cdedge_export.pipeline import export
from cdedge_export.recipes.deep_part import DeepNetwork, DeepOptions, add_deep_part, deep_frames, open_deep
from cdedge_export.recipes.recipe import Scene
from cdedge_runtime.image import Frame
from cdedge_runtime.model.contract import DeepPart, SourceInfo
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.sources.frames import Source
from cdedge_runtime.trackers.deepcd.tracker import Tracker

FIELDS = ("network", "rule", "share", "seed", "half", "target", "start", "frames", "auc", "precision_20px")
Row = dict[str, str]
Key = tuple[str, str, str, str]  # network, rule, share, seed


class Sliced:
    """A file's fine maps, and of a network's deep maps those channels that ``part`` keeps."""

    def __init__(self, fine: Extractor, whole: Extractor, part: DeepPart) -> None:
        self.spec, self.provider, self.threads = replace(fine.spec, deep=part), fine.provider, fine.threads
        self._fine, self._whole, self._kept = fine, whole, list(part.taps[0].kept)

    def __call__(self, patch: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._fine(patch)

    def deep(self, patch: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._whole.deep(patch)[self._kept]


def rules_of(sweep: dict[str, Any]) -> Iterator[tuple[str, DistillOptions]]:
    """The sets of one network: a name and how it is chosen; of all, the order does not matter."""
    yield "all", DistillOptions(channels="1.0", rank="random")
    for share in sweep["shares"]:
        yield "chosen", DistillOptions(channels=share)
        for seed in range(sweep["seeds"]):
            yield "random", DistillOptions(channels=share, rank="random", seed=seed)


def scored(features: Any, item: Pass, frames: list[Frame]) -> tuple[float, float]:
    """AUC and precision of one run."""
    tracker = Tracker(features)
    said = [tracker.init(frames[0], item.start), *(tracker.update(frame) for frame in frames[1:])]
    boxes = np.array([(e.box.x, e.box.y, e.box.width, e.box.height) for e in said])
    truth = item.sequence.boxes[: len(frames)]
    curves = score_sequence(boxes, truth, origin=item.sequence.origin, convention=get_convention("otb"))
    return curves.auc, curves.precision_20px


def run(file: Path, data: Path, out: Path) -> None:
    """Add the rows that are missing; all first starts come before the second ones."""
    cv2.setNumThreads(1)
    sweep = tomllib.loads(file.read_text())
    rows = rows_of(out) if out.exists() else []
    done = {tuple(row[name] for name in FIELDS[:7]) for row in rows}
    work = [
        (start, name, item)
        for name in ("tuning", "checking")
        for sequence in half(data, name)
        for start, item in enumerate(passes(sequence, sweep["starts"]))
    ]
    with out.open("a", newline="") as stream, tempfile.TemporaryDirectory() as folder:
        writer = csv.writer(stream, lineterminator="\n")
        if not rows:
            writer.writerow(FIELDS)
        desk = Desk(sweep, Path(folder))
        for start, name, item in sorted(work, key=lambda one: one[0]):
            frames = [frame for frame, _ in zip(item.sequence.frames(), range(sweep["frames"]), strict=False)]
            where = (name, item.target, str(start))
            for key, features in desk.sets(item, frames):
                if (*key, *where) not in done:
                    writer.writerow((*key, *where, len(frames), *scored(features, item, frames)))
            stream.flush()
            print(*where, flush=True)


class Desk:
    """Exports the fine file of a pass, and joins sets of each network's channels to it."""

    def __init__(self, sweep: dict[str, Any], folder: Path) -> None:
        self._sweep, self._fine = sweep, folder / "fine.onnx"
        self._networks = {each["name"]: self._opened(each) for each in sweep["network"]}
        self._whole: dict[str, Extractor] = {}

    @staticmethod
    def _opened(entry: dict[str, str]) -> DeepNetwork:
        return open_deep(DeepOptions(Path(entry["deep"]), convention=entry["convention"]))

    def sets(self, item: Pass, frames: list[Frame]) -> Iterator[tuple[Key, Any]]:
        """Each set of channels, for one pass."""
        shown = SourceInfo(item.target, "", (item.start.x, item.start.y, item.start.width, item.start.height))
        source = Source(item.target, lambda: iter(frames[:2]))
        export(source, item.start, self._fine, options=ExportOptions(), timed=False)
        fine = Extractor(self._fine, threads=1)
        yield ("none", "none", "0", "0"), fine
        for name, network in self._networks.items():
            whole = self._joined(name, network)
            two = deep_frames(network, Scene(frames[:2], item.start, shown))
            for rule, asked in rules_of(self._sweep):
                kept = distill(name, two, asked).taps[0].kept
                part = replace(network.part, taps=(replace(network.part.taps[0], kept=kept),))
                yield (name, rule, asked.channels, str(asked.seed)), Sliced(fine, whole, part)

    def _joined(self, name: str, network: DeepNetwork) -> Extractor:
        if name not in self._whole:
            path = self._fine.with_name(f"{name}.onnx")
            nothing = np.zeros((1, *network.part.input_px, 3), np.uint8)
            add_deep_part(self._fine, path, network, nothing, nothing)
            self._whole[name] = Extractor(path, threads=1)
        return self._whole[name]


# --- table


def rows_of(path: Path) -> list[Row]:
    """The rows of a file."""
    with path.open() as file:
        return list(csv.DictReader(file))


def table(path: Path) -> None:
    """Print AUC, and the paired differences with their 95 % bootstrap intervals over targets."""
    rows = rows_of(path)
    for name in ("tuning", "checking", "all"):
        part = [row for row in rows if name in ("all", row["half"])]
        print(f"{name}: {len({row['target'] for row in part})} targets")
        fine = by_target(part, "none", "none", "0")
        print(f"  the fine filter alone {mean(fine):.3f}")
        for network in dict.fromkeys(row["network"] for row in part if row["network"] != "none"):
            whole = by_target(part, network, "all", "1.0")
            print(f"  {network}, all channels {mean(whole):.3f}  less fine {interval(whole, fine)}")
            for share in dict.fromkeys(row["share"] for row in part if row["rule"] == "chosen"):
                chosen, random = (by_target(part, network, rule, share) for rule in ("chosen", "random"))
                spread = np.std([mean(by_target(part, network, "random", share, seed)) for seed in seeds_of(part)])
                print(
                    f"    {share:4} chosen {mean(chosen):.3f}  random {mean(random):.3f} (sd of a set {spread:.3f})"
                    f"  chosen less random {interval(chosen, random)}  less all {interval(chosen, whole)}"
                    f"  random less all {interval(random, whole)}"
                )


def seeds_of(rows: list[Row]) -> list[str]:
    """The seeds of random sets."""
    return list(dict.fromkeys(row["seed"] for row in rows if row["rule"] == "random"))


def by_target(rows: list[Row], network: str, rule: str, share: str, seed: str | None = None) -> dict[str, float]:
    """AUC of each target: over starts each frame counts the same, over seeds each set."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if (row["network"], row["rule"], row["share"]) == (network, rule, share) and seed in (None, row["seed"]):
            found.setdefault(row["target"], []).append((float(row["auc"]), float(row["frames"])))
    return {target: sum(auc * n for auc, n in each) / sum(n for _, n in each) for target, each in found.items()}


def mean(scores: dict[str, float]) -> float:
    """Mean over targets."""
    return float(np.mean(list(scores.values())))


def interval(scores: dict[str, float], others: dict[str, float]) -> str:
    """Mean difference, paired by target, and its 95 % percentile bootstrap interval."""
    differences = np.array([scores[target] - others[target] for target in scores])
    rng = np.random.default_rng(0)
    means = differences[rng.integers(0, len(differences), (5000, len(differences)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{differences.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


def main() -> None:
    """Run, or print."""
    asked, *paths = sys.argv[1:]
    if asked == "run":
        run(*map(Path, paths))
    else:
        table(Path(paths[0]))


if __name__ == "__main__":
    main()
