"""Draw README's moving picture: the demo clip as a model tracks it. Needs OpenCV 4.11 or newer.

python benchmarks/picture.py MODEL docs/demo.webp
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2

from cdedge.show.video import drawn
from cdedge_runtime.errors import BadEnvironment
from cdedge_runtime.files import whole_file
from cdedge_runtime.image import Frame
from cdedge_runtime.sources.demo import FPS, Clip
from cdedge_runtime.trackers.deepcd.tracker import Tracker

EVERY = 2  # frames
SIZE_PX = (360, 240)
QUALITY = 80  # below, still parts keep blocks of darker frames


def tracked(model: Path) -> Iterator[Frame]:
    """Every second frame of the demo clip with box, frame number and score."""
    clip, tracker = Clip(), Tracker(model, threads=1)
    for index, frame in enumerate(clip.frames()):
        estimate = tracker.update(frame) if index else tracker.init(frame, clip.box(0))
        if index % EVERY == 0:
            yield cv2.resize(drawn(frame, estimate, index), SIZE_PX, interpolation=cv2.INTER_AREA)


def write(frames: list[Frame], path: Path) -> None:
    """An endless animation of the frames at the clip's own pace."""
    animation = cv2.Animation()
    animation.frames = frames
    animation.durations = [round(1000 * EVERY / FPS)] * len(frames)
    with whole_file(path) as part:
        if not cv2.imwriteanimation(str(part), animation, [cv2.IMWRITE_WEBP_QUALITY, QUALITY]):
            raise BadEnvironment(f"{path}: this OpenCV cannot write animated WebP")


if __name__ == "__main__":
    write(list(tracked(Path(sys.argv[1]))), Path(sys.argv[2]))
