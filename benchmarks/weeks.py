"""Does a run's memory grow: a million frames of a tracker that does nothing, or many of a real one.

    python benchmarks/weeks.py                              # 1,000,000 frames of a stub
    python benchmarks/weeks.py --model car.onnx --frames 200000

Every frame is written as a line of a table and as a line of JSON, as `cdedge track -o x.csv --jsonl y` does. Prints one
JSON object: resident memory at ten places of the run, and by how much it grew after the first tenth.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from cdedge.show.lines import boxes_to, json_line, writing
from cdedge_runtime.box import Box
from cdedge_runtime.estimate import Estimate, Lap, no_lap
from cdedge_runtime.image import Frame
from cdedge_runtime.measure.memory import resident_bytes
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.run import track
from cdedge_runtime.sources.demo import Clip
from cdedge_runtime.sources.frames import Source

NOWHERE = Path(os.devnull)
KEPT = 60  # frames of the demo clip that a real tracker sees, forth and back


class Stub:
    """A tracker that says the same of every frame."""

    seen = Estimate(Box(1, 1, 8, 8), 0.5, lost=False)

    def init(self, _frame: Frame, _box: Box, lap: Lap = no_lap) -> Estimate:
        return self.update(_frame, lap)

    def update(self, _frame: Frame, lap: Lap = no_lap) -> Estimate:
        for stage in ("patch", "features", "response", "update"):
            lap(stage)
        return self.seen


def forth_and_back(frames: int) -> Iterator[Frame]:
    """The demo clip's first frames, forth and back."""
    clip = [Clip().frame(index) for index in range(KEPT)]
    return (clip[KEPT - 1 - abs(index % (2 * KEPT - 2) - (KEPT - 1))] for index in range(frames))


def main() -> None:
    """Run, and print what memory did."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--model", type=Path)
    arguments.add_argument("--frames", type=int, default=1_000_000)
    asked = arguments.parse_args()
    blank = np.zeros((16, 16, 3), np.uint8)
    pictures = (blank for _ in range(asked.frames)) if asked.model is None else forth_and_back(asked.frames)
    tracker = Stub() if asked.model is None else open_tracker(asked.model, threads=1)
    source = Source("frames", lambda: pictures, Clip().box(0), fps=30.0)
    held: list[int] = []
    with ExitStack() as stack:
        line, head = boxes_to(Path("x.csv"), source)
        writers = [
            stack.enter_context(writing(NOWHERE, line, source, head=head)),
            stack.enter_context(writing(NOWHERE, json_line(0), source)),
        ]

        def observe(index: int, frame: Frame, estimate: Estimate) -> None:
            for write in writers:
                write(index, frame, estimate)
            if (index + 1) % (asked.frames // 10) == 0:
                held.append(resident_bytes() or 0)

        report = track(tracker, source, lambda _: Clip().box(0), observe=observe)
    if report.error is not None:
        raise report.error
    grown = max(held[1:]) - held[0]
    answer = {"tracker": "stub" if asked.model is None else asked.model.name, "frames": report.frames}
    print(json.dumps({**answer, "resident_bytes": held, "grown_bytes": grown, "fps": report.fps_without_read}))


if __name__ == "__main__":
    main()
