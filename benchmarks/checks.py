"""What the checks of every frame cost: a tracker's loop with them and without, in turn, and each of them alone.

    python benchmarks/checks.py MODEL [--rounds 40]

Checked are the frame (`next_frame`) and the window that the network gets (`_fitting`). Times are of the processor; the
memory is the most that Python and numpy held above what they held before the frame.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import timeit
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cdedge_runtime import open_tracker
from cdedge_runtime.image import Frame, next_frame
from cdedge_runtime.model import session
from cdedge_runtime.sources.demo import Clip

FRAMES, CALLS = 60, 20_000


OURS: dict[str, Callable[..., Any]] = {"next_frame": next_frame, "_fitting": session._fitting}  # noqa: SLF001 - the check alone
NONE: dict[str, Callable[..., Any]] = {
    "next_frame": lambda frame, _shape: frame,
    "_fitting": lambda patch, _size, **_: patch,
}


@contextmanager
def checking(checks: dict[str, Callable[..., Any]]) -> Iterator[None]:
    """These in the place of the checks, in every module."""
    homes = [module for name, module in sys.modules.items() if name.startswith("cdedge_runtime.")]
    kept = [(home, name, getattr(home, name)) for home in homes for name in checks if hasattr(home, name)]
    for home, name, _ in kept:
        setattr(home, name, checks[name])
    try:
        yield
    finally:
        for home, name, check in kept:
            setattr(home, name, check)


def frame_us(model: str, frames: list[Frame], box: Any, turn: int) -> tuple[float, float]:
    """Median processor time of a frame, microseconds: with the checks, and without.

    Two trackers take the frames in turn; which of them is checked changes with the ``turn``, for one may be luckier.
    """
    trackers, times = [open_tracker(model, threads=1) for _ in range(2)], ([], [])  # type: ignore[var-annotated]
    for tracker in trackers:
        tracker.init(frames[0], box)
    for index, frame in enumerate(frames[1:]):
        for which in (index % 2, 1 - index % 2):
            free = (which + turn) % 2
            with checking((OURS, NONE)[free]):
                begin = time.process_time_ns()
                trackers[which].update(frame)
                times[free].append((time.process_time_ns() - begin) / 1e3)
    return statistics.median(times[0]), statistics.median(times[1])


def frame_bytes(model: str, frames: list[Frame], box: Any) -> int:
    """Most bytes that a frame held at once beyond what was held before."""
    tracker, most = open_tracker(model, threads=1), 0
    tracker.init(frames[0], box)
    tracemalloc.start()
    for frame in frames[1:]:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        tracker.update(frame)
        most = max(most, tracemalloc.get_traced_memory()[1] - before)
    tracemalloc.stop()
    return most


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=40)
    asked = parser.parse_args()
    clip = Clip()
    frames, box = [clip.frame(t) for t in range(FRAMES)], clip.box(0)
    size = open_tracker(asked.model, threads=1).spec.input_px
    patch = np.zeros((*size, 3), np.uint8)
    for name, call in {
        "frame": lambda: next_frame(frames[0], frames[0].shape),
        "window": lambda: OURS["_fitting"](patch, size),
    }.items():
        print(f"check of the {name:<7} {min(timeit.repeat(call, number=CALLS, repeat=5)) / CALLS * 1e6:8.2f} us")
    checked, free = zip(*(frame_us(asked.model, frames, box, turn) for turn in range(asked.rounds)), strict=True)
    ratios = sorted(one / other for one, other in zip(checked, free, strict=True))
    low, middle, high = ratios[len(ratios) // 4], statistics.median(ratios), ratios[3 * len(ratios) // 4]
    print(f"frame with checks    {statistics.median(checked):8.0f} us, {frame_bytes(asked.model, frames, box)} bytes")
    with checking(NONE):
        print(f"frame without        {statistics.median(free):8.0f} us, {frame_bytes(asked.model, frames, box)} bytes")
    print(f"with over without    {middle:8.3f}, quartiles {low:.3f} to {high:.3f} of {asked.rounds} rounds")


if __name__ == "__main__":
    main()
