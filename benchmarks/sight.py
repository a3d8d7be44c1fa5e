"""The sweep of sight.toml: trackers from several starts, and sets of a deep network's channels beside one fine filter.

    python benchmarks/sight.py trackers|sets DATA ROWS.csv [PART/OF [NAMES]]
    python benchmarks/sight.py table trackers|sets ROWS.csv...

DATA is a folder with `sequences/`. From each start, files are exported there, `fast` once; a deep network is run beside
that file's own, in one process, and of its maps a set of channels is taken: a slice, as in a file of `--deep-channels`
(tests/export/test_deep_part.py). Rows that are there are not run again. PART/OF: every OF-th target from PART on.
NAMES: only what begins so, with commas.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tomllib
from numpy.typing import NDArray
from score import half

from cdedge.evaluation.job import Pass, passes
from cdedge.evaluation.metrics import get_convention, score_sequence
from cdedge.evaluation.peers import AnyTracker, Peer
from cdedge_export.choose.distill import TwoFrames, distill
from cdedge_export.choose.plan import DistillOptions
from cdedge_export.options import ExportOptions
from cdedge_export.pipeline import export
from cdedge_export.recipes.deep_part import DeepNetwork, DeepOptions, add_deep_part, deep_frames, open_deep
from cdedge_export.recipes.recipe import Scene
from cdedge_runtime.estimate import Seen
from cdedge_runtime.image import Frame
from cdedge_runtime.model.contract import DeepPart, SourceInfo
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.sources.frames import Source
from cdedge_runtime.trackers.deepcd.tracker import Tracker

SWEEP = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
KEY = ("name", "share", "seed")
WHERE = ("half", "folder", "target", "start")
FIELDS = (*KEY, *WHERE, "frames", "auc", "precision_20px")
Row = dict[str, str]
Entry = tuple[tuple[str, str, str], Callable[[], AnyTracker]]
Maps = NDArray[np.float32]
Window = NDArray[np.uint8]


class Sliced:
    """A file's fine maps, and of a network's deep maps those channels that ``part`` keeps."""

    def __init__(self, fine: Extractor, whole: Extractor, part: DeepPart) -> None:
        self.spec, self.provider, self.threads = replace(fine.spec, deep=part), fine.provider, fine.threads
        self._fine, self._whole, self._kept = fine, whole, list(part.taps[0].kept)

    def __call__(self, patch: Window) -> Maps:
        return self._fine(patch)

    def deep(self, patch: Window) -> Maps:
        return self._whole.deep(patch)[self._kept]

    def template(self, patch: Window) -> Maps:
        return self._whole.template(patch)

    def deep_and_boxes(self, patch: Window, template: Maps) -> tuple[Maps, Maps]:
        return self._whole.deep_and_boxes(patch, template)

    def together(self, fine: Window, deep: Window, template: Maps | None = None) -> Seen:
        if template is None:
            return Seen(self(fine), self.deep(deep), np.zeros(0, np.float32))
        return Seen(self(fine), *self.deep_and_boxes(deep, template))


@dataclass(frozen=True, eq=False)
class Beginning:
    """One start: its frames, and the folder in which `fast` is exported for it."""

    item: Pass
    frames: list[Frame]
    folder: Path
    _two: dict[str, TwoFrames] = field(default_factory=dict)

    @cached_property
    def fine(self) -> Extractor:
        """The file of `fast`."""
        return Extractor(self.exported(ExportOptions(), "fine.onnx"), threads=1)

    def exported(self, options: ExportOptions, name: str) -> Path:
        """A file made here."""
        source, out = Source(self.item.target, lambda: iter(self.frames[:2])), self.folder / name
        export(source, self.item.start, out, options=options, timed=False)
        return out

    def two(self, network: DeepNetwork) -> TwoFrames:
        """What a network's channels are chosen by."""
        name, start = network.part.backbone, self.item.start
        if name not in self._two:
            shown = SourceInfo(self.item.target, "", start.xywh)
            self._two[name] = deep_frames(network, Scene(self.frames[:2], start, shown))
        return self._two[name]

    def scored(self, tracker: AnyTracker) -> tuple[float, float]:
        """AUC and precision of one run."""
        said = [tracker.init(self.frames[0], self.item.start), *(tracker.update(f) for f in self.frames[1:])]
        boxes = np.array([(e.box.x, e.box.y, e.box.width, e.box.height) for e in said])
        sequence = self.item.sequence
        truth = sequence.boxes[: len(boxes)]
        curves = score_sequence(boxes, truth, origin=sequence.origin, convention=get_convention("otb"))
        return float(curves.auc), float(curves.precision_20px)


class Networks:
    """Deep networks, each opened once and joined to the first fine file that comes."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._known = folder, dict[tuple[str | None, ...], tuple[DeepNetwork, Extractor]]()

    def of(self, entry: dict[str, str]) -> tuple[DeepNetwork, Extractor]:
        """The network of an entry; a fine file lies in the folder by now."""
        key = entry["deep"], entry.get("deep_head")
        if key not in self._known:
            head = None if key[1] is None else Path(key[1])
            options = DeepOptions(Path(key[0]), convention=entry.get("deep_convention", "bgr"), head=head)
            network, out = open_deep(options), self._folder / f"{len(self._known)}.onnx"
            nothing = np.zeros((1, *network.part.input_px, 3), np.uint8)
            add_deep_part(self._folder / "fine.onnx", out, network, nothing, nothing)
            self._known[key] = network, Extractor(out, threads=1)
        return self._known[key]


def trackers(here: Beginning, networks: Networks) -> Iterator[Entry]:
    """Every tracker of the sweep."""
    for entry in SWEEP["tracker"]:
        options = {k: v for k, v in entry.items() if k != "name"}
        yield (entry["name"], "", ""), partial(made, here, networks, options)


def made(here: Beginning, networks: Networks, entry: dict[str, Any]) -> AnyTracker:
    """A tracker for this start; a deep network goes beside `fast`."""
    if "peer_model" in entry or "tracker" in entry:
        files = entry.get("peer_model")
        return Peer(entry["tracker"].removeprefix("opencv:"), () if files is None else tuple(files.split(",")))
    if "deep" not in entry:
        if not entry:
            return Tracker(here.fine)
        return open_tracker(here.exported(ExportOptions(**entry), "other.onnx"), threads=1)
    fine, (network, whole) = here.fine, networks.of(entry)
    return Tracker(Sliced(fine, whole, network.part))


def sets(here: Beginning, networks: Networks) -> Iterator[Entry]:
    """The fine filter alone, and beside every set of every network's channels."""
    yield ("fine filter alone", "", ""), lambda: Tracker(here.fine)
    for entry in SWEEP["network"]:
        yield (f"{entry['name']}, all", "", ""), partial(made, here, networks, entry)
        for rule, asked in rules():
            key = f"{entry['name']}, {rule}", asked.channels, str(asked.seed)
            yield key, partial(with_set, here, networks, entry, asked)


def with_set(here: Beginning, networks: Networks, entry: dict[str, str], asked: DistillOptions) -> AnyTracker:
    """The tracker on a set of a network's channels."""
    fine, (network, whole) = here.fine, networks.of(entry)
    kept = distill(network.part.backbone, here.two(network), asked).taps[0].kept
    part = replace(network.part, taps=(replace(network.part.taps[0], kept=kept),))
    return Tracker(Sliced(fine, whole, part))


def rules() -> Iterator[tuple[str, DistillOptions]]:
    """How channels are chosen."""
    for share in SWEEP["sets"]["shares"]:
        yield "chosen", DistillOptions(channels=share)
        for seed in range(SWEEP["sets"]["seeds"]):
            yield "random", DistillOptions(channels=share, rank="random", seed=seed)


def choices(here: Beginning, networks: Networks) -> Iterator[Entry]:
    """The first layer alone, with its channels chosen in every way of the sweep."""
    for entry in SWEEP["choice"]:
        options = {key: value for key, value in entry.items() if key not in ("name", "seeds")}
        for seed in range(entry.get("seeds", 1)):
            asked = {**options, "seed": seed} if "seeds" in entry else options
            yield (entry["name"], options.get("channels", ""), str(seed)), partial(made, here, networks, asked)


WHAT = {"trackers": trackers, "sets": sets, "choices": choices}


def run(what: str, data: Path, out: Path, part: str = "0/1", only: str = "") -> None:
    """Add the rows that are missing."""
    cv2.setNumThreads(1)
    number, of = map(int, part.split("/"))
    rows = rows_of([out]) if out.exists() else []
    done = {tuple(row[name] for name in (*KEY, *WHERE)) for row in rows}
    work = [(name, sequence) for name in ("tuning", "checking") for sequence in half(data, name)][number::of]
    with out.open("a", newline="") as stream, tempfile.TemporaryDirectory() as folder:
        writer = csv.writer(stream, lineterminator="\n")
        if not rows:
            writer.writerow(FIELDS)
        networks = Networks(Path(folder))
        for name, sequence in work:
            for count, item in enumerate(passes(sequence, SWEEP[what]["protocol"])):
                frames = [frame for frame, _ in zip(item.sequence.frames(), range(SWEEP[what]["frames"]), strict=False)]
                where = (name, sequence.frame_paths[0].parents[2].name, item.target, str(count))
                here = Beginning(item, frames, Path(folder))
                for key, make in WHAT[what](here, networks):
                    if (*key, *where) not in done and key[0].startswith(tuple(only.split(","))):
                        writer.writerow((*key, *where, len(frames), *here.scored(make())))
                        stream.flush()
                print(*where, flush=True)


# --- tables


def rows_of(paths: list[Path]) -> list[Row]:
    """The rows of files."""
    found: list[Row] = []
    for path in paths:
        with path.open() as file:
            found += csv.DictReader(file)
    return found


def by_target(rows: list[Row], value: str = "auc") -> dict[str, float]:
    """A value of each target: every frame of every start counts the same."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        found.setdefault(row["target"], []).append((float(row[value]), float(row["frames"])))
    return {target: sum(v * n for v, n in each) / sum(n for _, n in each) for target, each in found.items()}


def spread(values: list[float]) -> str:
    """Mean and 95 % percentile bootstrap interval over targets, seeded."""
    known, rng = np.array(values), np.random.default_rng(0)
    means = known[rng.integers(0, len(known), (5000, len(known)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{known.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


def less(scores: dict[str, float], others: dict[str, float]) -> str:
    """The difference, paired by target."""
    return spread([scores[target] - others[target] for target in scores])


def of_halves(rows: list[Row]) -> Iterator[list[Row]]:
    """The rows of each half, and all; their heading is printed."""
    for name in ("tuning", "checking", "all"):
        part = [row for row in rows if name in ("all", row["half"])]
        print(f"{name}: {len({row['target'] for row in part})} targets")
        yield part


def table_of_trackers(rows: list[Row]) -> None:
    """Print P / AUC by data set, AUC with its interval, and its lead over fast's and own's, from common starts."""
    fast, own = (SWEEP["tracker"][at]["name"] for at in (0, 1))
    for part in of_halves(rows):
        for name in dict.fromkeys(row["name"] for row in part):
            run_rows = [row for row in part if row["name"] == name]
            shown = "  ".join(
                f"{label} {means(chosen, 'precision_20px')}/{means(chosen, 'auc')}"
                for label, chosen in (("otb", of_otb(run_rows, True)), ("others", of_otb(run_rows, False)))
            )
            print(
                f"  {name:42}{shown}  auc {spread(list(by_target(run_rows).values()))}"
                f"  less fast {less(*paired(part, name, fast))}  less own {less(*paired(part, name, own))}"
            )


def paired(rows: list[Row], name: str, other: str) -> tuple[dict[str, float], dict[str, float]]:
    """AUC by target of two runs, over the starts that both have."""
    here, there = ([row for row in rows if row["name"] == each] for each in (name, other))
    starts = [{(row["target"], row["start"]) for row in each} for each in (here, there)]
    common = starts[0] & starts[1]
    first, second = (
        by_target([row for row in each if (row["target"], row["start"]) in common]) for each in (here, there)
    )
    return first, second


def of_otb(rows: list[Row], wanted: bool) -> list[Row]:
    """The rows of OTB100, or of the other data sets."""
    return [row for row in rows if (row["folder"] == "OTB100") == wanted]


def means(rows: list[Row], value: str) -> str:
    """Mean over targets."""
    return f"{np.mean(list(by_target(rows, value).values())):.3f}"


def table_of_sets(rows: list[Row]) -> None:
    """Print AUC of all, chosen and random channels, and their differences."""
    for part in of_halves(rows):
        alone = by_target([row for row in part if row["name"] == "fine filter alone"])
        print(f"  the fine filter alone {np.mean(list(alone.values())):.3f}")
        for network in (entry["name"] for entry in SWEEP["network"]):
            whole = by_target([row for row in part if row["name"] == f"{network}, all"])
            print(f"  {network}, all channels {np.mean(list(whole.values())):.3f}, less fine {less(whole, alone)}")
            for share in SWEEP["sets"]["shares"]:
                mine = [row for row in part if row["share"] == share and row["name"].startswith(f"{network}, ")]
                chosen, random = (by_target([r for r in mine if r["name"].endswith(x)]) for x in ("chosen", "random"))
                seeds = [r for r in mine if r["name"].endswith("random")]
                single = [means([r for r in seeds if r["seed"] == one], "auc") for one in {r["seed"] for r in seeds}]
                print(
                    f"    {share:4} chosen {np.mean(list(chosen.values())):.3f}, random {min(single)} to {max(single)};"
                    f" chosen less random {less(chosen, random)}, less all {less(chosen, whole)};"
                    f" random less all {less(random, whole)}"
                )


def table_of_choices(rows: list[Row]) -> None:
    """Print AUC of every choice, and what it is less that of all channels and of the default, paired."""
    for part in of_halves(rows):
        names = dict.fromkeys(row["name"] for row in part)
        runs = {name: by_target([row for row in part if row["name"] == name]) for name in names}
        for name, auc in runs.items():
            print(
                f"  {name:28}{np.mean(list(auc.values())):.3f}  less all {less(auc, runs['all'])}"
                f"  less the default {less(auc, runs['the default'])}"
            )


TABLES = {"trackers": table_of_trackers, "sets": table_of_sets, "choices": table_of_choices}


def main() -> None:
    """Run, or print."""
    asked, *words = sys.argv[1:]
    if asked == "table":
        what, *paths = words
        TABLES[what](rows_of([Path(path) for path in paths]))
    else:
        data, out, *part = words
        run(asked, Path(data), Path(out), *part)


if __name__ == "__main__":
    main()
