"""What a file's features see around the target of a first frame, to be shown. Needs no PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cdedge_runtime import patch
from cdedge_runtime.box import Box, check_target
from cdedge_runtime.estimate import no_lap
from cdedge_runtime.image import Frame
from cdedge_runtime.model.contract import ModelSpec
from cdedge_runtime.model.hog import HogFeatures
from cdedge_runtime.patch import Sides
from cdedge_runtime.trackers.cacf import tracker as cacf
from cdedge_runtime.trackers.mdnet.crops import crop_sides
from cdedge_runtime.trackers.opening import open_features
from cdedge_runtime.trackers.settings import CacfSettings, MdNetSettings

from .choose.windows import search_window
from .network.layers import Floats


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
    sides = _sides(spec, frame, box)
    pixels = patch.cut(frame, box.center, sides, out=np.empty((*spec.input_px, 3), np.uint8))
    return FirstWindow(pixels, (min(box.height / sides[0], 1.0), min(box.width / sides[1], 1.0)))


def kept_maps(model: Path, window: Frame) -> dict[str, Floats]:
    """The file's own features of a window: per layer (kept channels, Gh, Gw) float32; raises as `open_features`."""
    features = open_features(model, threads=1)
    taps = features.spec.taps
    ends = np.cumsum([len(tap.kept) for tap in taps])[:-1]
    parts = np.split(features(window).copy(), ends)
    return {tap.name: part for tap, part in zip(taps, parts, strict=True)}


def hog_maps(spec: ModelSpec, window: Frame) -> dict[str, Floats]:
    """All channels of HOG, kept or not."""
    (tap,) = spec.taps
    features = HogFeatures(replace(spec, taps=(replace(tap, kept=tuple(range(tap.total))),)))
    return {tap.name: features(window)}


def _sides(spec: ModelSpec, frame: Frame, box: Box) -> Sides:
    if isinstance(spec.settings, CacfSettings):
        method = cacf.Cacf(HogFeatures(spec))
        method.begin(frame, box, no_lap)
        return method.window_px()
    if isinstance(spec.settings, MdNetSettings):
        return crop_sides(box.size)
    view = search_window(spec.settings, box, frame.shape, input_px=spec.input_px[0], grid=spec.grid[0], stride=1)
    return view.sides
