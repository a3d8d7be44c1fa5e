"""What the full network sees in a search window: all channels, those that a file left out too."""

from __future__ import annotations

from dataclasses import replace

from cdedge_runtime.errors import Usage
from cdedge_runtime.image import Frame
from cdedge_runtime.model.contract import ModelSpec, WeightsInfo
from cdedge_runtime.trackers.settings import EcoSettings

from .network.backbones import find_backbone
from .network.layers import Floats
from .network.torch_net import extract
from .network.weights import load_weights


def whole_maps(spec: ModelSpec, window: Frame, *, weights: str | None = None) -> dict[str, Floats]:
    """All channels (C, Gh, Gw) float32 of the layers that ``spec`` keeps channels of, for ``window`` (H, W, 3) uint8.

    ``weights`` are the ones the file was made from, as in `load_weights`; None where these are bundled. Raises `Usage`
    where they are others, or where the channels are no network's (ECO's components), and as `load_weights`.
    """
    if isinstance(spec.settings, EcoSettings):
        raise Usage("the file's channels are components of eco's projection, of which it holds the kept ones only")
    backbone, taps = find_backbone(spec.backbone), tuple(tap.name for tap in spec.taps)
    if weights is None and spec.weights.name != "bundled":
        raise Usage(f"they need the weights the file was made from: give --weights {_named(spec.weights)}")
    loaded = load_weights(weights or "bundled", backbone, taps=taps)
    if loaded.info.sha256 != spec.weights.sha256:
        raise Usage(f"expected the weights the file was made from, {_named(spec.weights)}, got {_named(loaded.info)}")
    whole = replace(loaded, convention=spec.convention)
    maps = extract(backbone, whole, taps, patches=window[None], grid=spec.grid, subsample=spec.subsample)
    return {name: maps[name][0] for name in taps}


def _named(weights: WeightsInfo) -> str:
    return f"{weights.name} (sha256 {weights.sha256[:12]}..)"
