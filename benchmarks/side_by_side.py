"""Processor time of files in turn, so that all suffer the same machine: of a look of the network, or of an `update`.

    python benchmarks/side_by_side.py looks FILE.onnx...
    python benchmarks/side_by_side.py updates VIDEO FILE.onnx... [BACKBONE.onnx,HEAD.onnx]

Two files with a comma are NanoTrack's, by OpenCV. One thread. Of each round the mean over its updates (the median of
its looks), of the rounds median, lowest and highest; then over the first file's in the same round.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from itertools import islice

import cv2
import numpy as np

from cdedge.evaluation.peers import AnyTracker, Peer
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.sources.frames import open_source

ROUNDS, LOOKS, FRAMES = 9, 20, 121


def taken_ms(call: Callable[[], object]) -> float:
    """Processor time of one call."""
    begin = time.process_time_ns()
    call()
    return (time.process_time_ns() - begin) / 1e6


def looks(*files: str) -> dict[str, list[float]]:
    """Per file and round, of the network on noise; a deep part looks too."""
    rng = np.random.default_rng(0)
    calls: dict[str, Callable[[], object]] = {}
    for file in files:
        extract = Extractor(file, threads=1)
        fine = rng.integers(0, 255, (*extract.spec.input_px, 3), np.uint8)
        part = extract.spec.deep
        deep = None if part is None else rng.integers(0, 255, (*part.input_px, 3), np.uint8)
        calls[file] = _look(extract, fine, deep)
    times: dict[str, list[float]] = {file: [] for file in files}
    for _ in range(ROUNDS):
        for file, call in calls.items():
            times[file].append(statistics.median(taken_ms(call) for _ in range(LOOKS)))
    return times


def _look(extract: Extractor, fine: np.ndarray, deep: np.ndarray | None) -> Callable[[], object]:
    return (lambda: extract(fine)) if deep is None else (lambda: extract.together(fine, deep))


def updates(video: str, *files: str) -> dict[str, list[float]]:
    """Per file and round, of tracking the first frames of a video anew."""
    source = open_source(video)
    frames, box = list(islice(source.frames(), FRAMES)), source.first_box
    if box is None:
        raise SystemExit(f"{video} has no annotation")
    times: dict[str, list[float]] = {file: [] for file in files}
    for _ in range(ROUNDS):
        for file in files:
            tracker: AnyTracker = Peer("Nano", tuple(file.split(","))) if "," in file else open_tracker(file, threads=1)
            tracker.init(frames[0], box)
            times[file].append(statistics.mean(taken_ms(lambda f=frame: tracker.update(f)) for frame in frames[1:]))  # type: ignore[misc]  # noqa: B023
    return times


def main(what: str, *rest: str) -> None:
    """Measure and print."""
    cv2.setNumThreads(1)
    times = looks(*rest) if what == "looks" else updates(*rest)
    first = next(iter(times.values()))
    for file, found in times.items():
        ratios = [one / other for one, other in zip(found, first, strict=True)]
        print(
            f"{file:40} {statistics.median(found):6.2f} ms ({min(found):.2f} to {max(found):.2f}), over the first "
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
