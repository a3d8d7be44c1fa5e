"""The exported file held to PyTorch on the same patches, and what pruning in chain mode lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from cdedge_export.network.backbones import Backbone
from cdedge_export.network.layers import Network, Patches, Projection, with_projections
from cdedge_export.network.prune import full_network, subsampled
from cdedge_export.network.torch_net import run
from cdedge_export.network.weights import Weights
from cdedge_runtime.model.contract import ModelSpec

from .compare import Parity, TapLoss, compared, file_features, tap_losses

_NONE: Mapping[str, Projection] = MappingProxyType({})


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
    Raises as `compared` and `file_features`.
    """
    parts, losses = file_features(path, spec, patches), tuple[TapLoss, ...]()
    taps = [tap.name for tap in spec.taps]
    if spec.mode == "chain" and projections:
        expected = run(network, patches, grid=spec.grid)
    else:
        whole = with_projections(subsampled(full_network(backbone, weights, taps), spec.subsample), projections)
        full = run(whole, patches, grid=spec.grid)
        sliced = {tap.name: full[tap.name][:, list(tap.kept)] for tap in spec.taps}
        expected = run(network, patches, grid=spec.grid) if spec.mode == "chain" else sliced
        losses = tap_losses(parts, sliced)
    return compared(parts, expected, precision=spec.precision, reference="PyTorch", losses=losses)
