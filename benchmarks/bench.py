"""Our trackers and OpenCV's in one sitting, alike: the demo clip, one thread, fresh processes, reading left out.

    python benchmarks/bench.py benchmarks/results/DATE-bench.json [ROUNDS]

Every round runs each tracker once, in turns, so that a change of the machine's load meets all of them. Written: medians
over the rounds with lowest and highest, and the machine's conditions. Printed: the same as a Markdown table. Needs an
idle machine and about two minutes; the processor's time per frame hardly depends on what else runs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from cdedge_runtime.files import write_whole
from cdedge_runtime.measure.child import environment
from cdedge_runtime.measure.conditions import Conditions, read_conditions
from cdedge_runtime.record import encode

_OURS = {
    "cdedge 11, as exported by default": ("--layers", "11"),
    "cdedge 11, 40 % of the channels": ("--layers", "11", "--channels", "0.4"),
    "cdedge 11+12+21, 40 %, chain": ("--layers", "11+12+21", "--channels", "0.4", "--mode", "chain"),
}
_OPENCV = ("CSRT", "KCF", "MOSSE")
_CHILD = """
import json, sys, time
from pathlib import Path
import cv2
from cdedge.evaluation.peers import Peer
from cdedge_runtime.sources.demo import FRAMES, Clip
from cdedge_runtime.measure.memory import memory_now, reset_peak
from cdedge_runtime.stopwatch import Stopwatch
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.record import encode
cv2.setNumThreads(1)
name = sys.argv[1]
clip = Clip()
frames = [clip.frame(t) for t in range(FRAMES)]
reset_peak()
before = memory_now()
tracker = Peer(name.partition(":")[2]) if name.startswith("opencv:") else open_tracker(Path(name), threads=1)
start = Stopwatch()
start.start()
tracker.init(frames[0], clip.box(0))
start.lap("init")
watch, overlap, busy = Stopwatch(), 0.0, 0.0
for t, frame in enumerate(frames[1:], 1):
    watch.start()
    begin = time.process_time()
    estimate = tracker.update(frame) if isinstance(tracker, Peer) else tracker.update(frame, watch.lap)
    busy += time.process_time() - begin
    watch.lap("rest")
    watch.stop()
    overlap += estimate.box.iou(clip.box(t))
held = memory_now().peak_bytes
print(json.dumps({
    "processor_ms": busy * 1e3 / watch.frames,
    "fps": watch.frames / watch.seconds(),
    "stages": encode(watch.stages()),
    "init_ms": start.booked_ms,
    "memory_bytes": None if held is None else held - before.rss_bytes,
    "mean_overlap": overlap / watch.frames,
}))
"""


def main() -> None:
    """Measure, write and print."""
    out, rounds = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    before = read_conditions()
    with tempfile.TemporaryDirectory() as folder:
        names = {**_exported(Path(folder)), **{f"OpenCV {name}": f"opencv:{name}" for name in _OPENCV}}
        runs: dict[str, list[Any]] = {name: [] for name in names}
        for _ in range(rounds):
            for name, tracker in names.items():
                runs[name].append(json.loads(_python("-c", _CHILD, tracker)))
    rows = [_row(name, found) for name, found in runs.items()]
    write_whole(out, (json.dumps(_answer(rows, rounds, before), indent=1) + "\n").encode())
    print(_table(rows))


def _exported(folder: Path) -> dict[str, str]:
    paths = {name: str(folder / f"{index}.onnx") for index, name in enumerate(_OURS)}
    for name, options in _OURS.items():
        _python("-m", "cdedge", "export", *options, "-o", paths[name])
    return paths


def _python(*words: str) -> str:
    command = [sys.executable, *words]
    return subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, check=True).stdout


def _row(name: str, runs: list[Any]) -> dict[str, Any]:
    fps = [run["fps"] for run in runs]
    stages = {
        stage: {figure: median(run["stages"][stage][figure] for run in runs) for figure in times}
        for stage, times in runs[0]["stages"].items()
    }
    memory = [run["memory_bytes"] for run in runs if run["memory_bytes"] is not None]
    return {
        "tracker": name,
        "fps": {"median": median(fps), "low": min(fps), "high": max(fps)},
        "processor_ms": median(run["processor_ms"] for run in runs),
        "init_ms": median(run["init_ms"] for run in runs),
        "memory_bytes": median(memory) if memory else None,
        "mean_overlap": median(run["mean_overlap"] for run in runs),
        "stages": stages,
    }


def _answer(rows: list[dict[str, Any]], rounds: int, before: Conditions) -> dict[str, Any]:
    return {
        "source": "demo clip, 240 frames, 480x320",
        "threads": 1,
        "rounds": rounds,
        "conditions": encode(before),
        "conditions_after": encode(read_conditions()),
        "rows": rows,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    csrt = next(row for row in rows if row["tracker"] == "OpenCV CSRT")["processor_ms"]
    columns = (
        "tracker",
        "fps (lowest to highest)",
        "processor ms",
        "CSRT's over it",
        "p50, p99, max ms",
        "first frame ms",
        "memory",
        "overlap",
    )
    return "\n".join(_line(words) for words in (columns, ["---"] * len(columns), *(_words(row, csrt) for row in rows)))


def _line(words: Sequence[str]) -> str:
    return f"| {' | '.join(words)} |"


def _words(row: dict[str, Any], csrt_ms: float) -> list[str]:
    fps, time, memory = row["fps"], row["stages"]["total"], row["memory_bytes"]
    return [
        row["tracker"],
        f"{fps['median']:.0f} ({fps['low']:.0f} to {fps['high']:.0f})",
        f"{row['processor_ms']:.2f}",
        f"{csrt_ms / row['processor_ms']:.1f}",
        f"{time['p50_ms']:.2f}, {time['p99_ms']:.2f}, {time['max_ms']:.2f}",
        f"{row['init_ms']:.1f}",
        "not readable" if memory is None else f"{memory / 1e6:.1f} MB",
        f"{row['mean_overlap']:.2f}",
    ]


if __name__ == "__main__":
    main()
