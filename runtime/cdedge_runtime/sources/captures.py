"""OpenCV's ways to open a video, a camera, a stream: names made safe, time-outs set, secrets kept out of messages."""

from __future__ import annotations

import os
from pathlib import Path

import cv2

from cdedge_runtime.errors import BadEnvironment, BadInput
from cdedge_runtime.files import utf8_name
from cdedge_runtime.plain import plain, without_secrets

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # a broken video is reported by us, in one line
_FFMPEG_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"


def shown_name(text: str) -> str:
    """What of a source's text may be shown and kept."""
    return plain(without_secrets(text))


def open_file(path: Path) -> cv2.VideoCapture:
    """A file or FIFO, whatever its name; raises `BadInput` where it is no video."""
    with utf8_name(path) as name:
        return _checked(cv2.VideoCapture(name, _ffmpeg_or_any()), str(path), "a video")


def open_stdin() -> cv2.VideoCapture:
    """What comes on standard input: MJPEG, YUV4MPEG, MPEG-TS, Matroska, whatever FFmpeg can tell by itself."""
    return _checked(cv2.VideoCapture("pipe:0", cv2.CAP_FFMPEG), "-", "a video on standard input")


def open_camera(number_or_device: int | str) -> cv2.VideoCapture:
    """A camera by number or device file."""
    backend = cv2.CAP_V4L2 if isinstance(number_or_device, str) else cv2.CAP_ANY
    return _checked(cv2.VideoCapture(number_or_device, backend), str(number_or_device), "a camera")


def open_address(address: str, timeout_s: float) -> cv2.VideoCapture:
    """A stream or a recording behind an address; RTSP over TCP, unless the user's FFmpeg options say other."""
    if address.lower().startswith("rtsp"):
        os.environ.setdefault(_FFMPEG_OPTIONS, "rtsp_transport;tcp")
    limit_ms = round(timeout_s * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
    return _checked(cv2.VideoCapture(address, cv2.CAP_FFMPEG, limits), address, "a stream")


def open_pipeline(pipeline: str, text: str) -> cv2.VideoCapture:
    """A GStreamer pipeline, which ``text`` stands for; raises `BadEnvironment` where OpenCV has no GStreamer."""
    if not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):  # getBackends lists it even where it is absent
        raise BadEnvironment(
            f"{shown_name(text)[:60]}: this needs GStreamer, which this OpenCV was built without; use the system's "
            f"OpenCV (apt install python3-opencv), or pipe MJPEG into the source '-'"
        )
    return _checked(cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER), text, "a pipeline")


def keep_depth(capture: cv2.VideoCapture) -> None:
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
