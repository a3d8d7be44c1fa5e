"""What the full network sees around the target of a first frame: all channels, kept or not, to be shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cdedge_runtime import cacf, patch
from cdedge_runtime.box import Box, check_target
from cdedge_runtime.errors import Usage
from cdedge_runtime.estimate import no_lap
from cdedge_runtime.frames import Frame
from cdedge_runtime.hog_features import HogFeatures
from cdedge_runtime.modelfile import ModelSpec, WeightsInfo
from cdedge_runtime.patch import Sides
from cdedge_runtime.tracker_settings import CacfSettings

from .backbones import find_backbone
from .network import Floats
from .torch_net import extract
from .weights import load_weights
from .windows import search_window


@dataclass(frozen=True, eq=False)
class FirstFrameMaps:
    """A search window and all maps of it.

    window: (H, W, 3) uint8 BGR, as the network is given it. target: (height, width) of the target as shares of the
    window, whose centre is the target's. layers: per layer (C, Gh, Gw) float32, C all of the layer's channels.
    """

    window: Frame
    target: tuple[float, float]
    layers: dict[str, Floats]


def first_frame_maps(spec: ModelSpec, frame: Frame, box: Box, *, weights: str | None = None) -> FirstFrameMaps:
    """All channels of the layers that ``spec`` keeps channels of, for the target ``box`` in ``frame``.

    ``weights`` are the ones the file was made from, as in `load_weights`; None where these are bundled. Raises `Usage`
    where they are others, and as `load_weights`.
    """
    check_target(box, frame.shape)
    if isinstance(spec.settings, CacfSettings):
        return _of_hog(spec, frame, box)
    backbone, taps = find_backbone(spec.backbone), tuple(tap.name for tap in spec.taps)
    if weights is None and spec.weights.name != "bundled":
        raise Usage(f"the pictures of channels need the weights the file was made from: {_named(spec.weights)}")
    loaded = load_weights(weights or "bundled", backbone, taps=taps)
    if loaded.info.sha256 != spec.weights.sha256:
        raise Usage(f"expected the weights the file was made from, {_named(spec.weights)}, got {_named(loaded.info)}")
    view = search_window(spec.settings, box, frame.shape, input_px=spec.input_px[0], grid=spec.grid[0], stride=1)
    window = _cut(frame, box, view.sides, spec.input_px)
    whole = replace(loaded, convention=spec.convention)
    maps = extract(backbone, whole, taps, patches=window[None], grid=spec.grid, subsample=spec.subsample)
    return FirstFrameMaps(window, _share(box, view.sides), {name: maps[name][0] for name in taps})


def _of_hog(spec: ModelSpec, frame: Frame, box: Box) -> FirstFrameMaps:
    (tap,) = spec.taps
    features = HogFeatures(replace(spec, taps=(replace(tap, kept=tuple(range(tap.total))),)))
    method = cacf.Cacf(features)
    method.begin(frame, box, no_lap)
    window = _cut(frame, box, method.window_px(), spec.input_px)
    return FirstFrameMaps(window, _share(box, method.window_px()), {tap.name: features(window)})


def _cut(frame: Frame, box: Box, sides: Sides, input_px: tuple[int, int]) -> Frame:
    return patch.cut(frame, box.center, sides, out=np.empty((*input_px, 3), np.uint8))


def _share(box: Box, sides: Sides) -> tuple[float, float]:
    return min(box.height / sides[0], 1.0), min(box.width / sides[1], 1.0)


def _named(weights: WeightsInfo) -> str:
    return f"{weights.name} (sha256 {weights.sha256[:12]}..)"
