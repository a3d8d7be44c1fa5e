"""All checks, in the order they are shown."""

from __future__ import annotations

from collections.abc import Callable

from cdedge.doctor import machine as accelerators
from cdedge.doctor import machine as board
from cdedge.doctor import packages
from cdedge.doctor.facts import Finding

from .facts import Facts

CHECKS: dict[str, Callable[[Facts], Finding]] = {
    "python": packages.python,
    "numpy": packages.numpy,
    "onnxruntime": packages.onnxruntime,
    "one onnxruntime": packages.one_onnxruntime,
    "known bad releases": packages.known_bad_releases,
    "Arm convolutions": packages.arm_convolution_leak,
    "telemetry": packages.telemetry,
    "OpenCV": packages.opencv,
    "one OpenCV": packages.one_opencv,
    "export": packages.export,
    "GStreamer": packages.gstreamer,
    "CSRT": packages.contrib,
    "CUDA": accelerators.cuda,
    "TensorRT": accelerators.tensorrt,
    "model": accelerators.model,
    "board": board.jetson,
    "limits": board.limits,
    "memory": board.memory,
    "/proc": board.proc,
    "governor": board.governor,
    "heat": board.heat,
    "load": board.load,
}


def examine(facts: Facts) -> dict[str, Finding]:
    """What every check says of these facts."""
    return {name: check(facts) for name, check in CHECKS.items()}
