"""Backbones with small random weights, and random sets of channels to keep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort

from cdedge_export.graph.build import build_model
from cdedge_export.network.backbones import Backbone
from cdedge_export.network.layers import Geometry, Network
from cdedge_export.network.weights import Weights
from cdedge_runtime.model.contract import WeightsInfo


def random_state(backbone: Backbone, taps: Sequence[str], seed: int = 0) -> dict[str, np.ndarray]:
    """He-scaled weights, so that features keep their size from layer to layer."""
    rng = np.random.default_rng(seed)
    return {
        key: (rng.standard_normal(shape) * np.sqrt(2 / max(np.prod(shape[1:]), 8))).astype(np.float32)
        for key, shape in backbone.parameters(taps).items()
    }


def random_weights(backbone: Backbone, taps: Sequence[str], *, convention: int = 0, seed: int = 0) -> Weights:
    state = random_state(backbone, taps, seed)
    return Weights(state, backbone.conventions[convention][1], "test", WeightsInfo("random", "0" * 64, "none"))


def random_kept(backbone: Backbone, taps: Sequence[str], seed: int) -> dict[str, tuple[int, ...]]:
    """A share of each tap's channels, at least one."""
    rng = np.random.default_rng(seed)
    kept = {}
    for tap in taps:
        total = backbone.channels(tap)
        count = int(rng.integers(1, total + 1))
        kept[tap] = tuple(int(i) for i in np.sort(rng.permutation(total)[:count]))
    return kept


def random_patches(size: tuple[int, int], count: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *size, 3), dtype=np.uint8)


def session_of(network: Network, geometry: Geometry, options: ort.SessionOptions | None = None) -> ort.InferenceSession:
    options = options or ort.SessionOptions()
    options.intra_op_num_threads = 1
    data = build_model(network, geometry, {}).SerializeToString()
    return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def features(network: Network, geometry: Geometry, patch: np.ndarray) -> np.ndarray:
    return session_of(network, geometry).run(["features"], {"patch": patch[None]})[0][0]
