"""What onnxruntime's execution providers are called and told; plain values, no onnxruntime needed."""

from __future__ import annotations

import re
from pathlib import Path

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
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
