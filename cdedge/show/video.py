"""A video with the tracked box drawn into every frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from cdedge_runtime.errors import BadEnvironment
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.files import utf8_name, whole_file
from cdedge_runtime.image import Frame

_FOUND, _LOST = (80, 220, 60), (90, 90, 250)  # BGR
_FONT = (cv2.FONT_HERSHEY_SIMPLEX, 0.6, 1)  # face, size, thickness


@contextmanager
def drawing(path: Path, fps: float) -> Iterator[Callable[[int, Frame, Estimate], None]]:
    """A function that adds one frame with its estimate; the video takes its place when the block ends well."""
    writer: cv2.VideoWriter | None = None
    with whole_file(path) as part:

        def add(index: int, frame: Frame, estimate: Estimate) -> None:
            nonlocal writer
            if writer is None:
                writer = _open(part, path, fps, frame)
            writer.write(drawn(frame, estimate, index))

        try:
            yield add
        finally:
            if writer is not None:
                writer.release()


def drawn(frame: Frame, estimate: Estimate, index: int) -> Frame:
    """A copy of the frame with the box, its frame number and score."""
    picture: Frame = frame.copy()
    box, color = estimate.box, _LOST if estimate.lost else _FOUND
    corners = [(round(box.x), round(box.y)), (round(box.x + box.width), round(box.y + box.height))]
    cv2.rectangle(picture, corners[0], corners[1], color, 2, cv2.LINE_AA)
    score = f"{estimate.score:.2f}"
    text = f"{index}  {'lost' if estimate.lost else score}"
    (width, height), _ = cv2.getTextSize(text, *_FONT)
    cv2.rectangle(picture, (0, 0), (width + 16, height + 14), (0, 0, 0), cv2.FILLED)
    cv2.putText(picture, text, (8, height + 7), _FONT[0], _FONT[1], color, _FONT[2], cv2.LINE_AA)
    return picture


def _open(part: Path, path: Path, fps: float, frame: Frame) -> cv2.VideoWriter:
    codec = "MJPG" if path.suffix.lower() == ".avi" else "mp4v"
    with utf8_name(part) as name:
        writer = cv2.VideoWriter(name, cv2.VideoWriter.fourcc(*codec), fps, (frame.shape[1], frame.shape[0]))
    if not writer.isOpened():
        raise BadEnvironment(f"{path}: OpenCV cannot write this kind of video here; try a name ending in .avi or .mp4")
    return writer
