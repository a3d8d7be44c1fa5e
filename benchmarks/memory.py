"""What onnxruntime's settings cost in memory: one change at a time to what cdedge does, each in a fresh process.

Usage: python benchmarks/memory.py MODEL.onnx SEQUENCE_FOLDER > table.csv

Columns in MB over the floor (Python, numpy, OpenCV and onnxruntime imported): highest resident size, private memory and
library code at the end; then the network's time in ms (median of 200 runs; other work disturbs it).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

FRAMES = 60

# entries: session configuration. attributes: of SessionOptions. environment: of the process.
CASES: dict[str, dict[str, Any]] = {
    "as cdedge does": {},
    "memory pattern on": {"attributes": {"enable_mem_pattern": True}},
    "arena grows in powers of two": {"entries": {"session.use_env_allocators": "0"}},
    "both: onnxruntime's default": {
        "attributes": {"enable_mem_pattern": True},
        "entries": {"session.use_env_allocators": "0"},
    },
    "no arena": {"attributes": {"enable_cpu_mem_arena": False}, "entries": {"session.use_env_allocators": "0"}},
    "no reuse of buffers": {"attributes": {"enable_mem_reuse": False}},
    "no prepacking": {"entries": {"session.disable_prepacking": "1"}},
    "weights not in the arena": {"entries": {"session.use_device_allocator_for_initializers": "1"}},
    "no graph optimization": {"level": "ORT_DISABLE_ALL"},
    "basic graph optimization": {"level": "ORT_ENABLE_BASIC"},
    "extended graph optimization": {"level": "ORT_ENABLE_EXTENDED"},
    "no IO binding": {"unbound": True},
    "2 threads": {"threads": 2},
    "2 threads that spin": {"threads": 2, "entries": {"session.intra_op.allow_spinning": "1"}},
    "MALLOC_ARENA_MAX=1": {"environment": {"MALLOC_ARENA_MAX": "1"}},
    "MALLOC_TRIM_THRESHOLD_=131072": {"environment": {"MALLOC_TRIM_THRESHOLD_": "131072"}},
    "MALLOC_MMAP_THRESHOLD_=524288": {"environment": {"MALLOC_MMAP_THRESHOLD_": "524288"}},
    "library code given back once": {"give_back": True},
}


def main(model: str, source: str) -> None:
    """Print the table of all cases."""
    print("case,peak_mb,private_mb,code_mb,network_ms")
    for name, case in CASES.items():
        command = [sys.executable, __file__, model, source, json.dumps(case)]
        environment = {**os.environ, **case.get("environment", {})}
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        print(f"{name},{answer.strip()}", flush=True)


def one(model: Path, source: str, case: dict[str, Any]) -> None:
    """Track ``FRAMES`` frames under one case and print its figures."""
    import cv2
    import numpy as np

    from cdedge_runtime.measure.memory import memory_now
    from cdedge_runtime.model import session as features
    from cdedge_runtime.opening import open_features, tracker_with
    from cdedge_runtime.sources.frames import open_source

    cv2.setNumThreads(1)
    _change(features, case)
    floor, footage = memory_now(), open_source(source)
    network = open_features(model, threads=case.get("threads", 1))
    if case.get("give_back"):
        _give_back_code("onnxruntime")
    network(np.zeros((*network.spec.input_px, 3), np.uint8))
    tracker = tracker_with(network)
    for index, frame in enumerate(islice(footage.frames(), FRAMES)):
        if index == 0 and footage.first_box is not None:
            tracker.init(frame, footage.first_box)
        else:
            tracker.update(frame)
        del frame
    end, patch, times = memory_now(), np.zeros((*network.spec.input_px, 3), np.uint8), []
    for _ in range(200):
        begin = time.perf_counter()
        network(patch)
        times.append(time.perf_counter() - begin)
    anonymous = (end.rss_bytes - end.files_bytes) - (floor.rss_bytes - floor.files_bytes)
    figures = end.peak_bytes - floor.rss_bytes, anonymous, end.files_bytes - floor.files_bytes
    print(",".join(f"{figure / 1e6:.2f}" for figure in figures) + f",{statistics.median(times) * 1e3:.2f}")


def _change(features: Any, case: dict[str, Any]) -> None:
    """Have the session opened with the case's changes on top of cdedge's own options."""
    real = features.ort.InferenceSession

    def opened(path: str, options: Any, **rest: Any) -> Any:
        for key, value in case.get("entries", {}).items():
            options.add_session_config_entry(key, value)
        for key, value in case.get("attributes", {}).items():
            setattr(options, key, value)
        if "level" in case:
            options.graph_optimization_level = getattr(features.ort.GraphOptimizationLevel, case["level"])
        return real(path, options, **rest)

    features.ort.InferenceSession = opened
    if case.get("unbound"):
        features.Extractor.__call__ = lambda self, patch: self.session.run(None, {"patch": patch[None]})[0][0]


def _give_back_code(library: str) -> None:
    """Unmap the resident code pages of a library; those still needed come back from the page cache."""
    import ctypes

    for line in Path("/proc/self/maps").read_text().splitlines():
        if library in line and " r-xp " in line:
            start, end = (int(address, 16) for address in line.split()[0].split("-"))
            ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 4)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        one(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
    else:
        main(*sys.argv[1:])
