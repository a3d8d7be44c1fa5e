"""Where TensorRT's built engines are kept, and what they depend on."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cdedge_runtime.errors import BadEnvironment
from cdedge_runtime.files import file_sha256
from cdedge_runtime.measure.conditions import Ask, read_conditions, run_tool

CACHE_VARIABLE = "CDEDGE_CACHE"
_LIBRARIES = ("libnvinfer.so", "libnvinfer.so.11", "libnvinfer.so.10", "libnvinfer.so.8")
_ASK_GPU = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]


@dataclass(frozen=True)
class EngineKey:
    """What an engine depends on: it must be built again when any of these changes."""

    gpu: str
    driver: str
    tensorrt: str
    onnxruntime: str
    model_sha256: str

    @property
    def folder(self) -> str:
        """Name of the folder that holds the engine: readable, and different for every key."""
        parts = (self.gpu, self.driver, self.tensorrt, self.onnxruntime, self.model_sha256)
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        name = re.sub(r"[^a-z0-9]+", "-", f"{self.gpu} trt {self.tensorrt}".lower()).strip("-")
        return f"{name}-{digest}"


def cache_root() -> Path:
    """Where engines are kept: ``$CDEDGE_CACHE``, or ``cdedge`` in the user's cache folder."""
    given = os.environ.get(CACHE_VARIABLE)
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cdedge"


def engine_folder(model: Path, onnxruntime: str) -> Path:
    """The folder for this model's engine on this machine; not made yet."""
    gpu, driver = gpu_and_driver(run_tool)
    digest = file_sha256(model)
    return cache_root() / "tensorrt" / EngineKey(gpu, driver, _tensorrt_version(), onnxruntime, digest).folder


def made(folder: Path) -> Path:
    """The folder, made where it is missing; raises `BadEnvironment` where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise BadEnvironment(f"{folder}: cannot be made: {reason}; set {CACHE_VARIABLE} to another folder") from error
    return folder


def gpu_and_driver(ask: Ask) -> tuple[str, str]:
    """Name of the first GPU and its driver; on a Jetson the board and its L4T, which nvidia-smi does not tell."""
    now = read_conditions(ask=ask)
    if now.l4t is not None:
        return now.board or "Jetson", now.l4t
    name, _, driver = (ask(_ASK_GPU) or "").partition("\n")[0].partition(",")
    return name.strip() or "unknown GPU", driver.strip() or "unknown driver"


def _tensorrt_version() -> str:
    for name in _LIBRARIES:
        try:
            return str(ctypes.CDLL(name).getInferLibVersion())
        except (OSError, AttributeError):  # noqa: PERF203 - a handful of names, once per session
            continue
    return "unknown"
