"""How long a command takes to start: to its version, to the first box, and to the end of a run of one frame.

    python benchmarks/startup.py MODEL SOURCE [--code NAME=PYTHON[,TREE]] [--runs 9]

Seconds on the clock and of processor time, medians over runs that alternate between the codes given (by default this
interpreter's), on one processor and on all. TREE is a checkout whose packages take the place of the installed ones.
SOURCE is a recording with a box, other than the demo clip, whose painting takes longer than all else. Bytecode is
there, as pip leaves it: it is kept in a folder of this run's and made in the warm-ups.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_WARM_UPS = 2


@dataclass(frozen=True)
class Code:
    """An interpreter, and the search path that it gets."""

    name: str
    python: str
    path: str | None

    def environment(self, bytecode: str) -> dict[str, str]:
        """This process's, with that path and a folder for bytecode."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        path = {} if self.path is None else {"PYTHONPATH": self.path}
        return {**kept, **path, "PYTHONPYCACHEPREFIX": bytecode}


def code(text: str) -> Code:
    """The code that ``NAME=PYTHON[,TREE]`` means."""
    name, _, rest = text.partition("=")
    python, _, tree = rest.partition(",")
    rooms = [str(Path(tree, room).resolve()) for room in (".", "runtime", "export", "devices")]
    return Code(name, python, os.pathsep.join(rooms) if tree else None)


def run(code: Code, words: list[str], cpus: set[int], bytecode: str) -> tuple[float, float, float]:
    """Seconds to the first line on stdout and to the end, and of processor time."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    child = subprocess.Popen(
        [code.python, "-m", "cdedge", *words],
        env=code.environment(bytecode),
        cwd="/",  # the folder that it starts in comes before all others
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
    )
    with child:
        child.stdout.readline()  # type: ignore[union-attr]
        first = time.perf_counter() - begin
        child.stdout.read()  # type: ignore[union-attr]
    end, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode != 0:
        raise SystemExit(f"{code.name}: 'cdedge {' '.join(words)}' ended with {child.returncode}")
    return first, end, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure each command, with each code in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("--code", type=code, action="append", metavar="NAME=PYTHON[,TREE]")
    parser.add_argument("--runs", type=int, default=9)
    asked = parser.parse_args()
    codes = asked.code or [Code("this", sys.executable, None)]
    track = ["track", str(asked.model.resolve()), str(asked.source.resolve()), "--frames", "1"]
    commands = {"--version": ["--version"], "first box": [*track, "--jsonl", "-"], "track --frames 1": track}
    every = os.sched_getaffinity(0)
    with TemporaryDirectory() as bytecode:
        measure(codes, commands, every, asked.runs, bytecode)


def measure(codes: list[Code], commands: dict[str, list[str]], every: set[int], runs: int, bytecode: str) -> None:
    """Print a line per command, processors and code."""
    print(f"load {os.getloadavg()[0]:.1f}, {len(every)} processors, medians of {runs} runs, seconds")
    print(f"{'command':18} {'code':10} {'processors':>10} {'first line':>10} {'end':>7} {'processor time':>14}")
    for name, words in commands.items():
        for cpus in ({min(every)}, every):
            taken: dict[str, list[tuple[float, float, float]]] = {each.name: [] for each in codes}
            for _ in range(_WARM_UPS + runs):
                for each in codes:
                    taken[each.name].append(run(each, words, cpus, bytecode))
            for each in codes:
                first, end, used = (
                    statistics.median(times) for times in zip(*taken[each.name][_WARM_UPS:], strict=True)
                )
                print(f"{name:18} {each.name:10} {len(cpus):10} {first:10.3f} {end:7.3f} {used:14.3f}")


if __name__ == "__main__":
    main()
