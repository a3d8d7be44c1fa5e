"""Cameras of boards: through GStreamer where OpenCV has it, else through the board's own program, whose MJPEG is read.

The pipelines and options are those that NVIDIA (nvarguscamerasrc) and the libcamera project (libcamerasrc, rpicam-vid)
document.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import cv2

from cdedge_runtime.errors import BadEnvironment, BadInput

from .captures import has_gstreamer, open_descriptor, open_pipeline

_PATIENCE_S = 3.0
_NEWEST = "videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1 sync=false"


class ProgramCapture:
    """What a program writes to its standard output, read as `cv2.VideoCapture` reads; the program ends with it."""

    def __init__(self, command: list[str], name: str) -> None:
        self._program = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        pipe = self._program.stdout
        try:
            self._capture = open_descriptor(-1 if pipe is None else pipe.fileno(), name)
        except BadInput:
            self._end()
            raise

    def read(self) -> tuple[bool, Any]:
        """(whether there is one, the next picture)."""
        return self._capture.read()

    def get(self, what: int) -> float:
        """A property."""
        return float(self._capture.get(what))

    def set(self, what: int, value: float) -> bool:
        """Set a property."""
        return bool(self._capture.set(what, value))

    def release(self) -> None:
        """Give the camera back."""
        self._end()
        self._capture.release()

    def _end(self) -> None:
        self._program.terminate()
        try:
            self._program.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._program.kill()
        if self._program.stdout is not None:
            self._program.stdout.close()
        self._program.wait()


def open_board_camera(kind: str, camera: str) -> cv2.VideoCapture | ProgramCapture:
    """A Jetson's CSI camera (``csi``) or one of libcamera (``picamera``).

    Raises `BadInput` where it is not there, `BadEnvironment` where neither GStreamer nor the program is.
    """
    if has_gstreamer():
        return open_pipeline(pipeline(kind, camera), f"{kind}:{camera}")
    command = program(kind, camera)
    if shutil.which(command[0]) is None:
        raise BadEnvironment(
            f"{kind}:{camera}: needs an OpenCV that was built with GStreamer (apt install python3-opencv), or the "
            f"program {command[0]}; neither is here"
        )
    return ProgramCapture(command, f"{kind}:{camera}")


def pipeline(kind: str, camera: str) -> str:
    """GStreamer's pipeline, which ends in a queue of one frame that is replaced: the newest is read."""
    if kind == "csi":
        source = f"nvarguscamerasrc sensor-id={_number(kind, camera)} ! video/x-raw(memory:NVMM)"
        return f"{source} ! nvvidconv ! video/x-raw,format=BGRx ! {_NEWEST}"
    if camera == "0":
        return f"libcamerasrc ! {_NEWEST}"
    if camera.isdecimal() or re.search(r"[\s!\"]", camera):
        raise BadInput(f"picamera:{camera}: expected 0 or the camera's name as 'rpicam-hello --list-cameras' says it")
    return f'libcamerasrc camera-name="{camera}" ! {_NEWEST}'


def program(kind: str, camera: str) -> list[str]:
    """The command that writes the camera's MJPEG to its standard output."""
    number = _number(kind, camera)
    if kind == "csi":
        source = f"nvarguscamerasrc sensor-id={number} ! video/x-raw(memory:NVMM) ! nvjpegenc ! fdsink"
        return ["gst-launch-1.0", "-q", *source.split()]
    name = "rpicam-vid" if shutil.which("rpicam-vid") else "libcamera-vid"  # its name before 2024
    return [name, "--nopreview", "--timeout=0", f"--camera={number}", "--codec=mjpeg", "--flush", "--output=-"]


def _number(kind: str, camera: str) -> int:
    if not (camera.isascii() and camera.isdecimal()):
        raise BadInput(f"{kind}:{camera}: expected the camera's number, like {kind}:0")
    return int(camera)
