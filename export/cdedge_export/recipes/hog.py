"""Steps of the trackers on HOG: a plan and settings in the same kind of file, and no network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cdedge_export.choose.distill import Maps, TwoFrames
from cdedge_export.choose.look import Patches, SearchWindow, Size, two_frames
from cdedge_export.choose.plan import ChannelPlan, DistillOptions
from cdedge_export.graph.write import write_without_network
from cdedge_export.options import ExportOptions
from cdedge_export.report import Say
from cdedge_runtime import patch
from cdedge_runtime.errors import BadModel
from cdedge_runtime.filter.shapes import HOG_CHANNELS
from cdedge_runtime.model.contract import (
    HOG_BACKBONE,
    HOG_CELL_PX,
    HOG_TAP,
    InputConvention,
    ModelSpec,
    Selection,
    Tap,
    WeightsInfo,
)
from cdedge_runtime.model.hog import HogFeatures
from cdedge_runtime.model.session import read_spec
from cdedge_runtime.trackers.deepcd.settings import Settings

from .recipe import PRODUCER, Design, Scene, decided


def design(
    whole: ModelSpec, options: ExportOptions, choose: Callable[[DistillOptions], ChannelPlan], say: Say, **more: Any
) -> Design:
    """The file of a contract with all channels, of which ``choose`` keeps some."""
    say("choosing channels of HOG")
    plan = decided(options, HOG_BACKBONE, {HOG_TAP: HOG_CHANNELS}, choose, **more)
    spec = replace(whole, taps=plan.kept_taps, selection=plan.selection)

    def check(file: Path) -> None:
        if read_spec(file) != spec:
            raise BadModel(f"{file}: the contract read back is not the one written; please report this")

    return Design(spec, plan, "HOG of grey values", write=lambda out: write_without_network(spec, out, check=check))


def whole_spec(grid: Size, scene: Scene, tracker: str, settings: Any) -> ModelSpec:
    """The contract with all 31 channels."""
    return ModelSpec(
        tracker=tracker,
        backbone=HOG_BACKBONE,
        taps=(Tap(HOG_TAP, tuple(range(HOG_CHANNELS)), HOG_CHANNELS),),
        mode="exact",
        subsample=1,
        input_px=(HOG_CELL_PX * grid[0], HOG_CELL_PX * grid[1]),
        grid=grid,
        convention=InputConvention("BGR", 1 / 255, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        settings=settings,
        weights=WeightsInfo("none: HOG has no weights", hashlib.sha256().hexdigest(), "none"),
        selection=Selection("none", "none", "1.0", 0, None, None),
        source=scene.source,
        macs=0,
        weight_bytes=0,
        activation_bytes=0,
        producer=PRODUCER,
    )


def two_frames_of(whole: ModelSpec, scene: Scene, *, padding: float, label_sigma: float) -> TwoFrames:
    """HOG of both frames around the target."""
    features = HogFeatures(whole)

    def look(windows: Patches) -> dict[str, Maps]:
        return {HOG_TAP: np.stack([features(window) for window in windows])}

    side = patch.window_side_px(scene.box.size, padding)
    view = SearchWindow((side, side), whole.input_px, whole.grid, padding, 1.0, label_sigma)
    two, _ = two_frames(scene.frames, scene.box, look, view=view, judge=Settings())
    return two
