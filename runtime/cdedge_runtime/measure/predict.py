"""How much memory a tracker will take, from its file's contract and its source alone: bytes are counted, nothing runs.

What cannot be counted from shapes stands here as named constants, fitted on some configurations on x86-64 (onnxruntime
1.31, glibc) and checked on others: benchmarks/predict.py. Loads no numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from cdedge_runtime.errors import Usage
from cdedge_runtime.kinds import find_kind
from cdedge_runtime.model.contract import ModelSpec

FLOOR_BYTES = 80_000_000  # Python, numpy, OpenCV and onnxruntime: bench measured 77 MB on x86-64
CODE_BYTES = 15_000_000  # fitted: pages of library code that a session, its runs and the filter touch
SESSION_BYTES = 3_400_000  # fitted: onnxruntime's tables, and what Python and the libraries set up at the first run
NODE_BYTES = 15_000  # fitted: a node's kernel and its place in these tables
THREAD_BYTES = 100_000  # fitted: stack and work space of each further onnxruntime thread
VIDEO_BYTES = 7_500_000  # fitted: code and tables of OpenCV's video decoder
DEMO_BYTES = 16_000_000  # fitted: the demo clip's street (5.2 MB), work space, and library code that renders it
DEEP_CODE_BYTES = 400_000  # fitted: kernels that only a deep part runs
FLOW_CODE_BYTES = 1_500_000  # measured: OpenCV's optical flow, and what else only growth calls
WEIGHT_COPIES = 2.0  # as read and as onnxruntime lays them out for its kernels
BRANCH_WEIGHT_COPIES = 2.0  # fitted: those inside an ONNX If, of whose copies the filter's arrays take the place
INT8_BYTES = 800_000  # fitted: kernels of quantized layers, and what they lay out

_FLOAT = 4

Reader = Literal["images", "video", "demo"]


@dataclass(frozen=True)
class Footage:
    """The frames that will be read: (height, width) in pixels, and from what."""

    frame_px: tuple[int, int]
    reader: Reader = "images"


@dataclass(frozen=True)
class Prediction:
    """Bytes at the peak. ``floor_bytes`` is before any model or frame, all others come on top of it.

    code: library code that a run touches. session: onnxruntime's own tables. weights: all copies. activations: alive at
    once at the worst moment. features: the kept maps. filter: the filter, its spectrum, and its training's vectors.
    samples: the memory of windows. buffers: patch, spectra and work space. frames: read images and their decoder.
    """

    floor_bytes: int
    code_bytes: int
    session_bytes: int
    weights_bytes: int
    activations_bytes: int
    features_bytes: int
    filter_bytes: int
    samples_bytes: int
    buffers_bytes: int
    frames_bytes: int

    @property
    def over_floor_bytes(self) -> int:
        """The sum of all but the floor."""
        return sum(int(getattr(self, field.name)) for field in fields(self)) - self.floor_bytes


def predict(spec: ModelSpec, footage: Footage | None, *, nodes: int, threads: int = 1) -> Prediction:
    """What ``spec``'s tracker will take on ``footage`` with the CPU provider; raises `Usage` for other trackers' files.

    Without ``footage`` no frames are counted. ``nodes``: of the file's graph (`node_count`).
    """
    count = find_kind(spec.tracker).memory
    if count is None:
        raise Usage(f"memory cannot be predicted for files of the tracker {spec.tracker}: measure it")
    arrays = count(spec)
    return Prediction(
        floor_bytes=FLOOR_BYTES,
        code_bytes=_code_bytes(spec),
        session_bytes=SESSION_BYTES + nodes * NODE_BYTES + (threads - 1) * THREAD_BYTES,
        weights_bytes=round(_copies(spec) * spec.weight_bytes),
        activations_bytes=spec.activation_bytes,
        features_bytes=arrays.features_bytes,
        filter_bytes=arrays.filter_bytes,
        samples_bytes=arrays.samples_bytes,
        buffers_bytes=arrays.buffers_bytes,
        frames_bytes=0 if footage is None else _frames(footage),
    )


def least_over_floor_bytes(footage: Footage) -> int:
    """What any file takes on ``footage``: library code, a session, and frames."""
    return CODE_BYTES + SESSION_BYTES + _frames(footage)


def _code_bytes(spec: ModelSpec) -> int:
    deep = 0 if spec.deep is None else DEEP_CODE_BYTES
    flow = FLOW_CODE_BYTES if getattr(spec.settings, "flow_share", 0) else 0
    return CODE_BYTES + deep + flow + (INT8_BYTES if _is_int8(spec) else 0)


def _is_int8(spec: ModelSpec) -> bool:
    return "int8" in (spec.precision, None if spec.deep is None else spec.deep.precision)


def _copies(spec: ModelSpec) -> float:
    """How often the weights are there; those in float16 as read, and for a CPU as float32."""
    part, copies = (spec, WEIGHT_COPIES) if spec.deep is None else (spec.deep, BRANCH_WEIGHT_COPIES)
    return 1 + 2 * copies if part.precision == "fp16" else copies


def _frames(footage: Footage) -> int:
    """A frame of ours and the decoder's own; a video's decoder also holds five pictures of 12 bits per pixel."""
    pixels = math.prod(footage.frame_px)
    if footage.reader == "video":
        return VIDEO_BYTES + 2 * 3 * pixels + 5 * 3 * pixels // 2
    if footage.reader == "demo":
        return DEMO_BYTES + 2 * 3 * pixels
    return 2 * 3 * pixels
