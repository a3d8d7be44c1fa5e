"""A video with the tracked box drawn into every frame. Nothing that happens to it touches the tracking."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import cv2

from cdedge_runtime.errors import BadEnvironment, CdedgeError, Usage
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.files import new_part, put_in_place, scratch_folder, written_place
from cdedge_runtime.image import Frame
from cdedge_runtime.silence import silent
from cdedge_runtime.sources.captures import quiet

# By suffix, what is tried in turn. Browsers play H.264 (avc1), which most wheels of OpenCV cannot write, and VP8.
_CODECS = {
    ".mp4": ("avc1", "mp4v"),
    ".m4v": ("avc1", "mp4v"),
    ".mov": ("avc1", "mp4v"),
    ".mkv": ("avc1", "VP80"),
    ".webm": ("VP80",),
    ".avi": ("MJPG",),
}
_FOR_BROWSERS = ("avc1", "VP80")
_FPS = (1.0, 600.0)  # what all of these containers hold, and find their frames again
USUAL_FPS = 30.0
_FOUND, _LOST = (80, 220, 60), (90, 90, 250)  # BGR
_FONT = (cv2.FONT_HERSHEY_SIMPLEX, 0.6, 1)  # face, size, thickness
_FULL_BYTES = 1 << 16  # free space below which a disk counts as full


def codec_for(path: Path) -> str:
    """The codec for a video of this name; raises `Usage` for a container that is not written, as GIF."""
    suffix = path.suffix.lower()
    if suffix not in _CODECS:
        raise Usage(f"{path}: expected a name ending in {', '.join(_CODECS)}; browsers play .webm")
    with scratch_folder() as folder, silent(2):
        for codec in _CODECS[suffix]:
            writer = _writer(folder / f"try{suffix}", codec, USUAL_FPS, (64, 48))
            works = writer.isOpened()
            writer.release()
            if works:
                return codec
    raise BadEnvironment(f"{path}: OpenCV cannot write {suffix} here; try a name ending in .avi")


def held_fps(fps: float) -> float:
    """The frame rate of a video for one that its container may not hold."""
    return min(max(fps, _FPS[0]), _FPS[1])


def playable(codec: str) -> bool:
    """Whether browsers play what a codec writes."""
    return codec in _FOR_BROWSERS


class Video:
    """One video being written, from the first frame on; use it in a ``with``, and ask `end` what became of it.

    It takes its place when it was read again whole. Neither a frame nor the end raises anything.
    """

    def __init__(self, path: Path, fps: float, codec: str) -> None:
        self._path, self._codec, self._fps = path, codec, held_fps(fps)
        self._stack = ExitStack()
        self._part: Path | None = None
        self._link = path
        self._writer: cv2.VideoWriter | None = None
        self._size, self._frames = (0, 0), 0
        self._error: CdedgeError | None = None

    def __enter__(self) -> Video:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._release()
        self._stack.close()

    def add(self, index: int, frame: Frame, estimate: Estimate) -> None:
        """Add a frame with its estimate; one of another size is scaled to that of the first."""
        if self._error is not None:
            return
        try:
            writer = self._writer or self._begun(frame)
            picture = drawn(frame, estimate, index)
            same = (frame.shape[1], frame.shape[0]) == self._size
            with quiet():  # what does not reach the disk is found when the video is read again
                writer.write(picture if same else cv2.resize(picture, self._size))
            self._frames += 1
        except (CdedgeError, cv2.error, OSError, MemoryError) as problem:
            self._error = BadEnvironment(f"{self._path}: the video broke off: {problem}")

    def end(self) -> CdedgeError | None:
        """Close the video and put it in its place; what is wrong with it otherwise."""
        self._release()
        if self._error is None and self._part is not None:
            try:
                self._check()
                put_in_place(self._part, self._path)
            except CdedgeError as problem:
                self._error = problem
        return self._error

    def _begun(self, frame: Frame) -> cv2.VideoWriter:
        self._part = new_part(written_place(self._path), self._stack)
        # OpenCV crashes on a folder whose name is no UTF-8, so it gets a link to it.
        self._link = self._stack.enter_context(scratch_folder()) / f"video{self._path.suffix.lower()}"
        self._link.symlink_to(self._part.absolute())
        self._size = (frame.shape[1], frame.shape[0])
        self._writer = _writer(self._link, self._codec, self._fps, self._size)
        if not self._writer.isOpened():
            raise BadEnvironment(f"OpenCV cannot write {self._size[0]}x{self._size[1]} px as {self._codec}")
        return self._writer

    def _release(self) -> None:
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    def _check(self) -> None:
        """Read the video again: its count, its first and its last frame. Raises `BadEnvironment`."""
        found = _readable_frames(self._link)
        if found is not None and abs(found - self._frames) <= 1:  # some containers know a duration only
            return
        space = os.statvfs(self._link.resolve().parent)
        why = "no space is left on its disk" if space.f_bavail * space.f_frsize < _FULL_BYTES else "OpenCV lost frames"
        read = "it cannot be read" if found is None else f"{found} of {self._frames} frames can be read"
        raise BadEnvironment(f"{self._path}: the video is not kept: {why} ({read})")


def outlined(frame: Frame, estimates: Iterable[Estimate]) -> Frame:
    """A copy of the frame with boxes."""
    picture: Frame = frame.copy()
    for estimate in estimates:
        box, color = estimate.box, _LOST if estimate.lost else _FOUND
        corners = [(round(box.x), round(box.y)), (round(box.x + box.width), round(box.y + box.height))]
        for ink, width in (((0, 0, 0), 4), (color, 2)):  # a dark rim, so that it is seen on any ground
            cv2.rectangle(picture, corners[0], corners[1], ink, width, cv2.LINE_AA)
    return picture


def drawn(frame: Frame, estimate: Estimate, index: int) -> Frame:
    """A copy of the frame with the box, its frame number and score."""
    picture, color = outlined(frame, [estimate]), _LOST if estimate.lost else _FOUND
    score = f"{estimate.score:.2f}"
    text = f"{index}  {'lost' if estimate.lost else score}"
    (width, height), _ = cv2.getTextSize(text, *_FONT)
    cv2.rectangle(picture, (0, 0), (width + 16, height + 14), (0, 0, 0), cv2.FILLED)
    cv2.putText(picture, text, (8, height + 7), _FONT[0], _FONT[1], color, _FONT[2], cv2.LINE_AA)
    return picture


def _readable_frames(path: Path) -> int | None:
    """How many frames a video says it has, where its first and last can be read; None where not."""
    with silent(2):
        capture = cv2.VideoCapture(str(path), _backend())
        try:
            count = round(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            if not capture.isOpened() or count < 0 or not capture.read()[0]:
                return None
            capture.set(cv2.CAP_PROP_POS_FRAMES, max(count - 2, 0))
            return count if count < 2 or capture.read()[0] else None
        finally:
            capture.release()


def _writer(path: Path, codec: str, fps: float, size: tuple[int, int]) -> cv2.VideoWriter:
    with silent(2):
        return cv2.VideoWriter(str(path), _backend(), cv2.VideoWriter.fourcc(*codec), fps, size)


def _backend() -> int:
    return int(cv2.CAP_FFMPEG if cv2.videoio_registry.hasBackend(cv2.CAP_FFMPEG) else cv2.CAP_ANY)
