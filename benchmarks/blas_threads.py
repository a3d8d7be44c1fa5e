"""Whether numpy's BLAS gains from more threads on the tracker's small matrix products.

    python benchmarks/blas_threads.py MODEL [ROUNDS]

Every round runs each setting in a fresh process, in turns, so that a change of the machine's load meets all of them.
Printed: median wall and processor milliseconds per frame of the demo clip, for 1 and all onnxruntime threads.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

_CHILD = """
import json, sys, time
from pathlib import Path
import cv2
from cdedge_runtime.sources import demo
from cdedge_runtime.trackers.deepcd.tracker import Tracker
threads = int(sys.argv[2])
cv2.setNumThreads(threads)
clip = demo.Clip()
frames = [clip.frame(t) for t in range(120)]
tracker = Tracker(Path(sys.argv[1]), threads=threads)
tracker.init(frames[0], clip.box(0))
for frame in frames[1:20]:
    tracker.update(frame)
wall, processor = time.perf_counter(), time.process_time()
for frame in frames[20:]:
    tracker.update(frame)
print(json.dumps([(time.perf_counter() - wall) * 10, (time.process_time() - processor) * 10]))
"""


def main() -> None:
    """Measure every setting in turns and print the medians."""
    model, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    cpus = len(os.sched_getaffinity(0))
    settings = [(ort, blas) for ort in (1, cpus) for blas in (1, cpus)]
    taken: dict[tuple[int, int], list[list[float]]] = {setting: [] for setting in settings}
    for _ in range(rounds):
        for ort, blas in settings:
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(blas), "OMP_NUM_THREADS": str(blas)}
            command = [sys.executable, "-c", _CHILD, model, str(ort)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            taken[ort, blas].append(json.loads(done.stdout))
    print("onnxruntime threads, BLAS threads: wall ms, processor ms per frame")
    for (ort, blas), runs in taken.items():
        wall, processor = (statistics.median(values) for values in zip(*runs, strict=True))
        print(f"{ort}, {blas}: {wall:.2f}, {processor:.2f}")


if __name__ == "__main__":
    main()
