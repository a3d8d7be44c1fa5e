"""Draw README's picture: the demo clip as a model tracks it.

python benchmarks/picture.py MODEL docs/demo.jpg
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from cdedge.show.video import drawn
from cdedge_runtime.files import whole_file
from cdedge_runtime.sources.frames import Frame, demo_source
from cdedge_runtime.trackers.deepcd.tracker import Estimate, Tracker

SHOWN = (0, 60, 92, 141, 176, 210)


def strip(model: Path) -> Frame:
    """The shown frames of the demo clip side by side in two rows, with box, frame number and score."""
    tracker, source, tiles = Tracker(model, threads=1), demo_source(), []
    if source.first_box is None:
        raise SystemExit("the demo clip has no box")
    for index, frame in enumerate(source.frames()):
        first = index == 0
        estimate: Estimate = tracker.init(frame, source.first_box) if first else tracker.update(frame)
        if index in SHOWN:
            tiles.append(drawn(frame, estimate, index))
    half = len(tiles) // 2
    return np.vstack([np.hstack(tiles[:half]), np.hstack(tiles[half:])])


if __name__ == "__main__":
    with whole_file(Path(sys.argv[2])) as part:
        cv2.imwrite(
            str(part), cv2.resize(strip(Path(sys.argv[1])), None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
        )
