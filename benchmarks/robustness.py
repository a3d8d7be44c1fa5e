"""Attack cdedge, and count how it ends: one table, and one line per finding, which its seed and number repeat.

python benchmarks/robustness.py                                      the whole campaign
python benchmarks/robustness.py --only models,media --count 100      a part of it
python benchmarks/robustness.py --only models --first 17 --count 1   case 17 again

Runs on Linux; as root, it mounts small disks and makes a pids cgroup, which are skipped otherwise.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # it is started as a file

from benchmarks.campaign import kills, limits, shells
from benchmarks.campaign.commands import run
from benchmarks.campaign.media import write_video
from benchmarks.campaign.tally import Case, table
from benchmarks.campaign.worker import judged
from tests.conftest import MovingSquare
from tests.export.onnx_nets import box_head, two_strides

COUNTS = {
    "models": 2000, "media": 2000, "settings": 1000, "entries": 2000, "readback": 2000, "shells": 200, "kills": 40,
    "disks": 20, "limits": 40,
}  # fmt: skip
IN_WORKERS = ("models", "media", "settings", "entries", "readback")
EXPORTS: dict[str, list[object]] = {
    "deepcd": ["--channels", "8"],
    "robust": ["--profile", "robust", "--deep", "cdedge_deep"],
    "cf2": ["--tracker", "cf2"],
    "cacf": ["--tracker", "cacf"],
    "eco-hc": ["--tracker", "eco", "--layers", "hog"],
    "eco": ["--tracker", "eco", "--layers", "11"],
}


def make_inputs(folder: Path) -> None:
    """Models of every tracker, a small data set and a clip."""
    (folder / "models").mkdir()
    for name in "AB":
        MovingSquare(10).save(folder / "data" / name)
    write_video(MovingSquare(40, speed=(1, 1)), folder / "clip.avi")
    deep, head = two_strides(folder / "deep.onnx"), box_head(folder / "head.onnx")
    with_head: list[object] = ["--deep", deep, "--deep-head", head, "--deep-input", 128, "--channels", 8]
    for name, options in {**EXPORTS, "head": with_head}.items():
        ran = run("export", folder / "data" / "A", *options, "-o", folder / "models" / f"{name}.onnx", limit_s=600)
        if ran.code:
            print(f"no {name}: {ran.talk.strip().splitlines()[-1]}", file=sys.stderr)
    source, model = folder / "data" / "A", folder / "models" / "mdnet.onnx"
    made = run(model, source, module="benchmarks.campaign.mdnet", limit_s=600)
    if made.code:
        print(f"no mdnet: {made.talk.strip().splitlines()[-1]}", file=sys.stderr)


def campaign(sections: list[str], seed: int, numbers: dict[str, range], work: Path) -> Iterator[Case]:
    """Judge every case of the sections."""
    inputs = work / "inputs"
    inputs.mkdir()
    make_inputs(inputs)
    attacked = kills.prepared(inputs, work) if {"kills", "disks"} & set(sections) else []
    single: dict[str, Callable[[np.random.Generator, int, Path], tuple[str, str]]] = {
        "kills": lambda rng, number, place: kills.attack(attacked[number % len(attacked)], rng, inputs, place),
        "shells": lambda rng, _, place: shells.attack(rng, inputs, place),
        "disks": lambda rng, _, place: limits.fill_disk(inputs, work, rng, place),
        "limits": lambda rng, _, place: limits.starve(inputs, rng, place),
    }
    for section in sections:
        if section in IN_WORKERS:
            yield from judged(section, seed, numbers[section], inputs / "models")
            continue
        for number in numbers[section]:
            place = kills.cleared(work / "place")
            yield Case(section, number, *single[section](np.random.default_rng([seed, number]), number, place))


def main() -> None:
    """Read what is asked, attack, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(COUNTS), help="sections, joined by commas (default: %(default)s)")
    parser.add_argument("--count", type=int, help="cases of each section (default: as many as the issue asks for)")
    parser.add_argument("--first", type=int, default=0, help="number of the first case (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--all", action="store_true", help="a line for each case, as it ends, on stderr")
    asked = parser.parse_args()
    sections = asked.only.split(",")
    if not set(sections) <= set(COUNTS):
        parser.error(f"--only: expected some of {', '.join(COUNTS)}")
    numbers = {name: range(asked.first, asked.first + (asked.count or COUNTS[name])) for name in sections}
    found = []
    with tempfile.TemporaryDirectory() as work:
        for case in campaign(sections, asked.seed, numbers, Path(work)):
            found.append(case)
            if asked.all or case.verdict not in ("clean", "skipped"):
                print(f"{case.section} {case.number}: {case.verdict}: {case.what}", file=sys.stderr, flush=True)
    print(f"seed {asked.seed}, cases {', '.join(f'{n}: {r.start} to {r.stop - 1}' for n, r in numbers.items())}\n")
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
