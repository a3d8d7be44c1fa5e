"""onnxruntime's execution providers: what they are called and told, and where TensorRT's engines are kept.

Needs no onnxruntime.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from cdedge_runtime.board import Ask, board_and_l4t, run_tool
from cdedge_runtime.errors import BadEnvironment
from cdedge_runtime.files import file_sha256

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
CACHE_VARIABLE = "CDEDGE_CACHE"
_LIBRARIES = ("libnvinfer.so", "libnvinfer.so.11", "libnvinfer.so.10", "libnvinfer.so.8")
_ASK_GPU = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
# The convolutions of Arm's KleidiAI keep a buffer per frame seen: onnxruntime issues 28231 and 29538, fixed in 1.27.
_LEAKING = ((1, 24), (1, 27))


def release(version: str) -> tuple[int, int]:
    """Major and minor number of a version text; (0, 0) where it has none."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def kleidiai_leaks(onnxruntime: str, machine: str) -> bool:
    """Whether this release leaks memory in its Arm convolutions."""
    return machine in ("aarch64", "arm64") and _LEAKING[0] <= release(onnxruntime) < _LEAKING[1]


def session_entries(onnxruntime: str, machine: str) -> dict[str, str]:
    """Session configuration for a release of onnxruntime on a machine (``platform.machine()``)."""
    entries = {"session.intra_op.allow_spinning": "0", "session.record_ep_graph_assignment_info": "1"}
    if kleidiai_leaks(onnxruntime, machine):
        entries["mlas.disable_kleidiai"] = "1"
    return entries


def tensorrt_options(cache: Path, *, half: bool = False) -> dict[str, str]:
    """Provider options of TensorRT: engine and timing cache in ``cache``, full precision unless ``half``."""
    return {
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": str(cache),
        "trt_timing_cache_enable": "True",
        "trt_timing_cache_path": str(cache),
        "trt_fp16_enable": str(half),
    }


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
    board, l4t = board_and_l4t()
    if l4t is not None:
        return board or "Jetson", l4t
    name, _, driver = (ask(_ASK_GPU) or "").partition("\n")[0].partition(",")
    return name.strip() or "unknown GPU", driver.strip() or "unknown driver"


def _tensorrt_version() -> str:
    for name in _LIBRARIES:
        try:
            return str(ctypes.CDLL(name).getInferLibVersion())
        except (OSError, AttributeError):  # noqa: PERF203 - a handful of names, once per session
            continue
    return "unknown"
