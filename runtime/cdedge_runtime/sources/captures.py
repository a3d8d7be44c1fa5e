"""OpenCV's ways to open a video, a camera, a stream: names made safe, time-outs set, secrets kept out of messages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import cv2

from cdedge_runtime.errors import BadEnvironment, BadInput
from cdedge_runtime.files import utf8_name
from cdedge_runtime.plain import plain, without_secrets

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # a broken video is reported by us, in one line
_FFMPEG_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_SILENT = 0  # OpenCV's level
_SHORT_LOOK = "analyzeduration;500000"  # us; FFmpeg would collect 5 MB of MJPEG before it gives the first frame


class Adjustable(Protocol):
    """What has properties as `cv2.VideoCapture` has them."""

    def get(self, what: int, /) -> float: ...
    def set(self, what: int, value: float, /) -> bool: ...


def shown_name(text: str) -> str:
    """What of a source's text may be shown and kept."""
    return plain(without_secrets(text))


def open_file(path: Path) -> cv2.VideoCapture:
    """A file, whatever its name; raises `BadInput` where it is no video."""
    with utf8_name(path) as name, quiet():
        return _checked(cv2.VideoCapture(name, _ffmpeg_or_any()), str(path), "a video")


def open_fifo(path: Path) -> cv2.VideoCapture:
    """What a FIFO or character device gives, as `open_descriptor`."""
    with utf8_name(path) as name, quiet(), _unless_given(_SHORT_LOOK):
        return _checked(cv2.VideoCapture(name, cv2.CAP_FFMPEG), str(path), "a video")


def open_descriptor(number: int, text: str) -> cv2.VideoCapture:
    """What comes through a pipe: MJPEG, YUV4MPEG, MPEG-TS, Matroska, whatever FFmpeg can tell by itself."""
    with quiet(), _unless_given(_SHORT_LOOK):
        return _checked(cv2.VideoCapture(f"pipe:{number}", cv2.CAP_FFMPEG), text, "a video")


def open_camera(number_or_device: int | str) -> cv2.VideoCapture:
    """A camera by number or device file."""
    backend = cv2.CAP_V4L2 if isinstance(number_or_device, str) else cv2.CAP_ANY
    with quiet():
        return _checked(
            cv2.VideoCapture(number_or_device, backend), str(number_or_device), f"a camera; {cameras_text()}"
        )


def cameras_text() -> str:
    """Which cameras this machine has."""
    found = sorted(str(path) for path in Path("/dev").glob("video*"))
    return f"there are {', '.join(found)}" if found else "there is none here (no /dev/video*)"


def open_address(address: str, timeout_s: float) -> cv2.VideoCapture:
    """A stream or a recording behind an address; RTSP over TCP, unless the user's FFmpeg options say other."""
    options = "rtsp_transport;tcp" if address.lower().startswith("rtsp") else None
    limit_ms = round(timeout_s * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
    with quiet(), _unless_given(options):
        return _checked(cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits), address, "a stream")


def open_pipeline(pipeline: str, text: str) -> cv2.VideoCapture:
    """A GStreamer pipeline, which ``text`` stands for; raises `BadEnvironment` where OpenCV has no GStreamer."""
    if not has_gstreamer():
        raise BadEnvironment(
            f"{shown_name(text)[:60]}: this needs GStreamer, which this OpenCV was built without; use the system's "
            f"OpenCV (apt install python3-opencv), or pipe MJPEG into the source '-'"
        )
    with quiet():
        return _checked(cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER), text, "a pipeline")


@contextmanager
def quiet() -> Iterator[None]:
    """Have OpenCV say nothing: what it cannot open or decode is reported by us, in one line and without secrets."""
    logging = getattr(cv2.utils, "logging", cv2)  # OpenCV 5's place, and 4's
    level = logging.getLogLevel()
    if "OPENCV_LOG_LEVEL" not in os.environ:
        logging.setLogLevel(_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)


@contextmanager
def _unless_given(options: str | None) -> Iterator[None]:
    """FFmpeg's options while a capture is opened; those that the user has set stay alone."""
    given = options is None or _FFMPEG_OPTIONS in os.environ
    if not given:
        os.environ[_FFMPEG_OPTIONS] = options or ""
    try:
        yield
    finally:
        if not given:
            del os.environ[_FFMPEG_OPTIONS]


def has_gstreamer() -> bool:
    """Whether OpenCV was built with GStreamer; ``getBackends`` lists it even where it is absent."""
    return bool(cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER))


def keep_depth(capture: Adjustable) -> None:
    """Have grey pictures of 16 bit handed on as they are; OpenCV would keep their upper 8 bit."""
    formats = (capture.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT), capture.get(cv2.CAP_PROP_FOURCC))
    codes = [(int(value) & 0xFFFFFFFF).to_bytes(4, "little") for value in formats if abs(value) < 2**63]
    if any(code.startswith(b"Y1\0") or code == b"Y16 " for code in codes):  # FFmpeg's gray10..16, V4L2's Y16
        capture.set(cv2.CAP_PROP_CONVERT_RGB, 0)


def _ffmpeg_or_any() -> int:
    """FFmpeg takes a name for a file's; OpenCV's other backends may see a pattern in it."""
    return int(cv2.CAP_FFMPEG if cv2.videoio_registry.hasBackend(cv2.CAP_FFMPEG) else cv2.CAP_ANY)


def _checked(capture: cv2.VideoCapture, text: str, kind: str) -> cv2.VideoCapture:
    if not capture.isOpened():
        capture.release()
        raise BadInput(f"{shown_name(text)}: OpenCV cannot open it as {kind}")
    return capture
