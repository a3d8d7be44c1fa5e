"""A detector every second, trackers in between: python examples/detector.py model.onnx clip.mp4

A detection takes over a target that it overlaps, where the tracker is lost or unsure; it starts a new one where it
overlaps none; and a target that stays lost without a detection goes. Put your detector in the place of `detect`.
"""

import sys

import numpy as np

from cdedge_runtime import Box, Estimate, open_source, open_targets

EVERY, SAME, UNSURE, PATIENCE = 25, 0.3, 0.5, 50  # frames, IoU, score, frames


def detect(frame: np.ndarray) -> list[Box]:
    """Stand-in for a detector: one object in the middle."""
    height, width = frame.shape[:2]
    return [Box(0.4 * width, 0.4 * height, 0.2 * width, 0.2 * height)]


def main(model: str, source: str | None) -> None:
    """Follow whatever the detector finds; one line a frame: number, x, y, width, height, score."""
    estimates: dict[int, Estimate] = {}
    lost_for: dict[int, int] = {}
    numbers = iter(range(1, sys.maxsize))
    with open_targets(model) as targets:
        for index, frame in enumerate(open_source(source).frames()):
            estimates = targets.update(frame)
            lost_for = {n: lost_for.get(n, 0) + 1 if e.lost else 0 for n, e in estimates.items()}
            for number in [n for n, frames in lost_for.items() if frames > PATIENCE]:
                targets.stop(number)
                del estimates[number]
            for box in detect(frame) if index % EVERY == 0 else []:
                overlaps = {n: e.box.iou(box) for n, e in estimates.items()}
                number = max(overlaps, key=overlaps.__getitem__, default=None)
                if number is None or overlaps[number] < SAME:
                    number = next(numbers)
                elif not estimates[number].lost and estimates[number].score > UNSURE:
                    continue  # the tracker is as sure as the detector
                estimates[number] = targets.start(number, frame, box)
            for number, estimate in estimates.items():
                print(index, number, *(f"{value:.1f}" for value in estimate.box), f"{estimate.score:.2f}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
