"""What choosing on the device costs: a generic file beside the desk's and one with all channels, turn by turn.

python benchmarks/generic.py [LAYERS]

Each round starts and follows the built-in clip with one file after the other, so that what else the machine does meets
all alike; times are of the processor, medians over rounds. One thread.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from cdedge_export.options import ExportOptions
from cdedge_export.pipeline import export
from cdedge_runtime import open_source, open_tracker

ROUNDS, FRAMES, SHARE = 15, 41, "0.25"


def main() -> None:
    """Export, measure, print a line per file: milliseconds of the first frame, of what it learns, and of a frame."""
    clip, layers = open_source(None), sys.argv[1] if len(sys.argv) > 1 else "11"
    frames, times = [*islice(clip.frames(), FRAMES)], dict[str, list[tuple[float, float, float]]]()
    made = {
        "all channels": ExportOptions(layers=layers, distill=False),
        "generic": ExportOptions(layers=layers, generic=True, channels=SHARE),
        "desk's choice": ExportOptions(layers=layers, channels=SHARE),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, options in made.items():
            export(clip, None, Path(folder) / f"{name}.onnx", options=options, timed=False)
        trackers = {name: open_tracker(Path(folder) / f"{name}.onnx", threads=1) for name in made}
    for _ in range(ROUNDS):
        for name, tracker in trackers.items():
            ends: list[float] = [time.thread_time()]
            tracker.init(frames[0], clip.first_box, lambda _, ends=ends: ends.append(time.thread_time()))
            begin = time.thread_time()
            for frame in frames[1:]:
                tracker.update(frame)
            spent = (time.thread_time() - begin) / (FRAMES - 1)
            times.setdefault(name, []).append((begin - ends[0], ends[-1] - ends[-2], spent))
    every = np.median(times["all channels"], axis=0)[2]
    for name, rounds in times.items():
        first, learn, frame = 1000 * np.median(rounds, axis=0)
        print(f"{name:14} first frame {first:6.2f} ms, of it {learn:6.2f} learning; a frame {frame:6.3f} ms")
        print(f"{'':14} a frame over all channels' {frame / every / 1000:.2f}")


if __name__ == "__main__":
    main()
