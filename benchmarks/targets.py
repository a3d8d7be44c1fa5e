"""What several targets cost: ms per frame and resident memory of 1 to 16 targets, on one session and on one each.

    python benchmarks/targets.py MODEL [--workers 2]

Targets are copies of the demo clip's, a few pixels apart. Each row is a process of its own; rounds are interleaved.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from cdedge_runtime import Box, open_tracker
from cdedge_runtime.measure.memory import memory_now
from cdedge_runtime.sources.demo import Clip
from cdedge_runtime.targets import open_targets

COUNTS, FRAMES, ROUNDS = (1, 2, 4, 8, 16), 40, 3


def starts(count: int) -> list[Box]:
    """Boxes around the clip's first one."""
    first = Clip().box(0)
    return [Box(first.x + n % 4, first.y + n // 4, first.width, first.height) for n in range(count)]


def one(model: str, count: int, kind: str, workers: int) -> dict[str, float]:
    """Median ms of a frame, and resident bytes at the end."""
    clip = Clip()
    frames = [clip.frame(t) for t in range(FRAMES)]
    boxes, times = starts(count), []
    if kind == "together":
        targets = open_targets(model, threads=1, workers=workers)
        for number, box in enumerate(boxes):
            targets.start(number, frames[0], box)
        update = targets.update
    else:
        trackers = [open_tracker(model, threads=1) for _ in boxes]
        for tracker, box in zip(trackers, boxes, strict=True):
            tracker.init(frames[0], box)

        def update(frame):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            return [tracker.update(frame) for tracker in trackers]

    for frame in frames[1:]:
        begin = time.perf_counter()
        update(frame)
        times.append((time.perf_counter() - begin) * 1e3)
    return {"ms": statistics.median(times), "rss": float(memory_now().rss_bytes or 0)}


def main() -> None:
    """Measure every count, both ways, in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(str(asked.model), int(asked.one[0]), asked.one[1], asked.workers)))
        return
    found: dict[tuple[int, str], list[dict[str, float]]] = {}
    for _ in range(ROUNDS):
        for count in COUNTS:
            for kind in ("together", "apart"):
                command = [sys.executable, __file__, str(asked.model), "--workers", str(asked.workers)]
                done = subprocess.run([*command, "--one", str(count), kind], capture_output=True, check=True)
                found.setdefault((count, kind), []).append(json.loads(done.stdout))
    print("targets  together ms  MB    apart ms  MB    ms per target over one alone")
    alone = statistics.median(r["ms"] for r in found[1, "together"])
    for count in COUNTS:
        ms, mb = (
            {kind: statistics.median(r[name] for r in found[count, kind]) / scale for kind in ("together", "apart")}
            for name, scale in (("ms", 1), ("rss", 1e6))
        )
        share = ms["together"] / count / alone
        row = (f"{ms[kind]:8.2f} {mb[kind]:6.0f}" for kind in ("together", "apart"))
        print(f"{count:7} {'  '.join(row)}  {share:.2f}")


if __name__ == "__main__":
    main()
