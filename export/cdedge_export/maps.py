"""What features see around the target of a first frame, to be shown: a file's own, and those that it left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime import patch
from cdedge_runtime.box import Box, check_target
from cdedge_runtime.errors import Usage
from cdedge_runtime.image import Frame
from cdedge_runtime.kinds import find_kind
from cdedge_runtime.model.contract import ModelSpec, Tap, WeightsInfo
from cdedge_runtime.model.hog import HogFeatures
from cdedge_runtime.opening import open_features
from cdedge_runtime.trackers.deepcd.tracker import Tracker

from .options import ExportOptions

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FirstWindow:
    """The first search window, whose centre is the target's.

    pixels: (H, W, 3) uint8 BGR, as the features are given it. target: (height, width) of the target as shares of it.
    """

    pixels: Frame
    target: tuple[float, float]


def first_window(spec: ModelSpec, frame: Frame, box: Box) -> FirstWindow:
    """Where the tracker of ``spec`` looks for the target ``box`` of ``frame``; raises `BadInput` for a bad box."""
    check_target(box, frame.shape)
    sides = find_kind(spec.tracker).window_px(spec, box.size, frame.shape)
    pixels = patch.cut(frame, box.center, sides, out=np.empty((*spec.input_px, 3), np.uint8))
    return FirstWindow(pixels, (min(box.height / sides[0], 1.0), min(box.width / sides[1], 1.0)))


def kept_maps(model: Path, window: Frame) -> dict[str, Floats]:
    """The file's own features of a window: per layer (kept channels, Gh, Gw) float32; raises as `open_features`."""
    features = open_features(model, threads=1)
    taps = features.spec.taps
    ends = np.cumsum([len(tap.kept) for tap in taps])[:-1]
    parts = np.split(features(window).copy(), ends)
    return {tap.name: part for tap, part in zip(taps, parts, strict=True)}


def tracked_taps(model: Path, frame: Frame, box: Box) -> tuple[Tap, ...]:
    """The taps of one of deepcd's files with the channels that its tracker keeps for a target in its first frame.

    Raises as `Tracker` and its ``init``.
    """
    tracker = Tracker(model, threads=1)
    tracker.init(frame, box)
    return tracker.taps


def hog_maps(spec: ModelSpec, window: Frame) -> dict[str, Floats]:
    """All channels of HOG, kept or not."""
    (tap,) = spec.taps
    features = HogFeatures(replace(spec, taps=(replace(tap, kept=tuple(range(tap.total))),)))
    return {tap.name: features(window)}


def whole_maps(spec: ModelSpec, window: Frame, *, weights: str | None = None) -> dict[str, Floats]:
    """All channels (C, Gh, Gw) float32 of the layers that ``spec`` keeps channels of, for ``window`` (H, W, 3) uint8.

    ``weights`` are the ones the file was made from, as in `load_weights`, or the ONNX file that it was cut from; None
    where they are bundled. Raises `Usage` where they are others, or where the channels are no network's (ECO's
    components), and as `load_weights` or `open_network`.
    """
    if _is_projected(spec):
        raise Usage(f"the file's channels are components of {spec.tracker}'s projection; it holds the kept ones only")
    from .network.backbones import BACKBONES

    if weights is None and spec.weights.name != "bundled":
        raise Usage(f"weights: the full network needs those the file was made from: {_named(spec.weights)}")
    maps = (_of_built_in if spec.backbone in BACKBONES else _of_graph)(spec, window, weights or "bundled")
    return {tap.name: maps[tap.name][0] for tap in spec.taps}


def _of_built_in(spec: ModelSpec, window: Frame, weights: str) -> dict[str, Floats]:
    from .network.backbones import find_backbone
    from .network.torch_net import extract
    from .network.weights import load_weights

    backbone, taps = find_backbone(spec.backbone), tuple(tap.name for tap in spec.taps)
    loaded = load_weights(weights, backbone, taps=taps)
    _check_same(spec.weights, loaded.info)
    whole = replace(loaded, convention=spec.convention)
    return extract(backbone, whole, taps, patches=window[None], grid=spec.grid, subsample=spec.subsample)


def _of_graph(spec: ModelSpec, window: Frame, weights: str) -> dict[str, Floats]:
    from .onnx_net.run import features
    from .onnx_net.taps import find_taps, taps
    from .onnx_net.torchvision_net import is_file, open_network

    of_file = spec.backbone == spec.weights.name and is_file(weights)
    graph = open_network(weights) if of_file else open_network(spec.backbone, weights)
    _check_same(spec.weights, graph.info)
    chosen = find_taps(spec.layers, taps(graph, spec.input_px), graph)
    return features(graph, chosen, window[None], spec.convention, grid=spec.grid)


def _check_same(expected: WeightsInfo, found: WeightsInfo) -> None:
    if found.sha256 != expected.sha256:
        raise Usage(f"expected the weights the file was made from, {_named(expected)}, got {_named(found)}")


def _named(weights: WeightsInfo) -> str:
    return f"{weights.name} (sha256 {weights.sha256[:12]}..)"


def _is_projected(spec: ModelSpec) -> bool:
    from .recipes.recipe import find_recipe

    return find_recipe(ExportOptions(tracker=spec.tracker, layers=spec.layers)).components
