"""The network that is learned from: an ONNX file that answers pixels with maps at stride 16."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch import Tensor

from cdedge_runtime.errors import BadModel

STRIDE = 16
Maps = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Teacher:
    """A session whose one input takes BGR pixels (1, 3, H, W), 0..255, H and W multiples of 32."""

    session: onnxruntime.InferenceSession
    channels: int

    def maps(self, windows: Tensor) -> Tensor:
        """Answer each of ``windows`` (N, 3, S, S): (N, channels, S / 16, S / 16)."""
        name = self.session.get_inputs()[0].name
        pixels = np.ascontiguousarray(windows.numpy())
        answers: list[Maps] = [self.session.run(None, {name: window[None]})[0] for window in pixels]
        return torch.from_numpy(np.concatenate(answers))


@dataclass(frozen=True)
class Scale:
    """Mean and deviation (1, channels, 1, 1) of a teacher's maps: every channel counts the same."""

    mean: Tensor
    deviation: Tensor

    def error(self, answer: Tensor, maps: Tensor) -> Tensor:
        """Mean squared error of a standardised ``answer``: 0 is the teacher, 1 no better than its mean."""
        return (answer - (maps - self.mean) / self.deviation).square().mean()


def scale(maps: Tensor) -> Scale:
    """Measure ``maps`` (N, C, H, W)."""
    deviation, mean = torch.std_mean(maps, dim=(0, 2, 3), keepdim=True)
    return Scale(mean, deviation.clamp_min(1e-6))


def load_teacher(path: Path) -> Teacher:
    """Load the teacher for one thread; raises `BadModel`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        probe = session.run(None, {session.get_inputs()[0].name: np.zeros((1, 3, 64, 64), np.float32)})[0]
    except Exception as error:  # onnxruntime's own errors share no base class
        raise BadModel(f"{path}: expected an ONNX network that takes (1, 3, 64, 64) float32: {error}") from error
    if probe.ndim != 4 or probe.shape[2:] != (64 // STRIDE, 64 // STRIDE):
        raise BadModel(f"{path}: expected maps at stride {STRIDE}, (1, C, 4, 4) for 64 px, found {probe.shape}")
    return Teacher(session, probe.shape[1])
