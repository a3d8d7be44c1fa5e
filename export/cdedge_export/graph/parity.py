"""The exported file held to PyTorch on the same patches, and what pruning in chain mode lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnxruntime as ort

from cdedge_export.network.backbones import Backbone
from cdedge_export.network.layers import Floats, Network, Projection, with_projections
from cdedge_export.network.prune import full_network, subsampled
from cdedge_export.network.torch_net import Patches, run
from cdedge_export.network.weights import Weights
from cdedge_runtime.errors import BadModel
from cdedge_runtime.model.contract import INPUT_NAME, OUTPUT_NAME, ModelSpec, Precision, Tap, from_metadata

# Of the largest feature; measured at most: 1e-6, 2e-3 and 0.11.
TOLERANCES: dict[Precision, float] = {"fp32": 1e-4, "fp16": 1e-2, "int8": 0.3}
_NONE: Mapping[str, Projection] = MappingProxyType({})


@dataclass(frozen=True)
class TapLoss:
    """Squared difference of a tap's features to the full network's, over the latter's sum of squares."""

    name: str
    error: float


@dataclass(frozen=True)
class Parity:
    """Largest difference between onnxruntime and PyTorch, absolute and over the tap's largest feature."""

    max_abs: float
    max_rel: float
    tolerance: float
    losses: tuple[TapLoss, ...]


def check_parity(
    path: Path,
    spec: ModelSpec,
    network: Network,
    *,
    backbone: Backbone,
    weights: Weights,
    patches: Patches,
    projections: Mapping[str, Projection] = _NONE,
) -> Parity:
    """Run the file and PyTorch on ``patches`` (N, H, W, 3) uint8 BGR and compare.

    In exact mode the reference is the full network, sliced; in chain mode ``network``, the one that was written, whose
    loss against the full network is told in ``losses``. ``projections`` are of all features of a tap; in
    chain mode they were learned on what is left of it, and there is no full network to compare with.
    Raises `BadModel` where the difference exceeds what `TOLERANCES` says for the file's precision, or the file's
    contract is not ``spec``.
    """
    found = _onnx_features(path, spec, patches)
    taps = [tap.name for tap in spec.taps]
    parts, losses = _split(found, spec.taps), tuple[TapLoss, ...]()
    if spec.mode == "chain" and projections:
        expected = run(network, patches, grid=spec.grid)
    else:
        whole = with_projections(subsampled(full_network(backbone, weights, taps), spec.subsample), projections)
        full = run(whole, patches, grid=spec.grid)
        sliced = {tap.name: full[tap.name][:, list(tap.kept)] for tap in spec.taps}
        expected = run(network, patches, grid=spec.grid) if spec.mode == "chain" else sliced
        losses = _losses(parts, sliced)
    parity = _compare(parts, expected, losses, TOLERANCES[spec.precision])
    if not parity.max_rel <= parity.tolerance:
        raise BadModel(
            f"the exported graph differs from PyTorch by {parity.max_rel:.2g} of the largest feature, "
            f"allowed is {parity.tolerance:g}; no file was written; is onnxruntime {ort.__version__} sound?"
        )
    return parity


def _onnx_features(path: Path, spec: ModelSpec, patches: Patches) -> Floats:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    if from_metadata(session.get_modelmeta().custom_metadata_map) != spec:
        raise BadModel(f"{path}: the contract read back is not the one written; please report this")
    return np.concatenate([session.run([OUTPUT_NAME], {INPUT_NAME: patch[None]})[0] for patch in patches])


def _split(features: Floats, taps: tuple[Tap, ...]) -> dict[str, Floats]:
    ends = np.cumsum([len(tap.kept) for tap in taps])
    return dict(zip((tap.name for tap in taps), np.split(features, ends[:-1], axis=1), strict=True))


def _compare(
    found: dict[str, Floats], expected: dict[str, Floats], losses: tuple[TapLoss, ...], tolerance: float
) -> Parity:
    largest = [float(np.abs(maps - expected[name]).max()) for name, maps in found.items()]
    scales = [max(float(np.abs(expected[name]).max()), 1e-6) for name in found]
    relative = np.divide(largest, scales)
    return Parity(float(np.max(largest)), float(np.max(relative)), tolerance, losses)  # np.max keeps a NaN


def _losses(found: dict[str, Floats], full: dict[str, Floats]) -> tuple[TapLoss, ...]:
    return tuple(TapLoss(name, _relative_squares(maps, full[name])) for name, maps in found.items())


def _relative_squares(found: Floats, wanted: Floats) -> float:
    return float(np.sum((found - wanted) ** 2)) / max(float(np.sum(wanted**2)), 1e-12)
