"""Export of a tracker on HOG: a plan and settings in the same kind of file, and no network."""

from __future__ import annotations

import hashlib
import time
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np

from cdedge_export.choose.distill import COMPONENT_SHARES, DistillOptions, Maps, TwoFrames, by_rules, distill
from cdedge_export.choose.first_look import Patches, two_frames
from cdedge_export.choose.plan import ChannelPlan, replayed
from cdedge_export.choose.windows import DEFAULT_GRID, SearchWindow, Size, square
from cdedge_export.graph.write import write_without_network
from cdedge_export.request import PRODUCER, ExportOptions, ExportReport, Say, first_frames, refuse_changed
from cdedge_runtime import patch
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadModel
from cdedge_runtime.image import Frame, frame_sha256
from cdedge_runtime.model.contract import InputConvention, ModelSpec, Selection, SourceInfo, Tap, WeightsInfo
from cdedge_runtime.model.hog import BACKBONE, CELL_PX, CHANNELS, TAP, HogFeatures
from cdedge_runtime.model.session import read_spec
from cdedge_runtime.sources.frames import Source
from cdedge_runtime.trackers.cacf import tracker as cacf
from cdedge_runtime.trackers.settings import AnySettings, CacfSettings, EcoSettings, settings_of, tracker_of

from .distill_hog import distill_hog

_OF_NETWORKS = ("backbone", "layers", "weights", "convention", "mode", "input_px", "grid", "subsample")
_OF_BOTH = {"cacf": (), "eco": ("layers", "grid")}  # what else a tracker on HOG has a say in


def export_hog(source: Source, box: Box | None, out: Path, *, options: ExportOptions, say: Say) -> ExportReport:
    """Distil, write and check one model file of CACF or ECO-HC; raises as `pipeline.export`."""
    begin = time.perf_counter()
    _check(options)
    say("reading the first two frames")
    frames, first_box = first_frames(source, box)
    whole = _whole_spec(_grid(first_box, options), source, frames[0], first_box, options.settings)
    say("choosing channels of HOG")
    plan = _chosen(frames, first_box, whole, options)
    taps = tuple(Tap(tap.name, tap.kept, tap.total) for tap in plan.taps)
    spec = replace(whole, taps=taps, selection=plan.selection)
    say(f"writing {out}")
    write_without_network(spec, out, check=lambda file: _check_read(file, spec))
    seconds = time.perf_counter() - begin
    return ExportReport(out, out.stat().st_size, spec, plan, (), None, "HOG of grey values", seconds)


def _check(options: ExportOptions) -> None:
    tracker = tracker_of(options.settings)
    names = (name for name in _OF_NETWORKS if name not in _OF_BOTH[tracker])
    refuse_changed(options, names, f" is for networks; the tracker {tracker} uses HOG here: leave it out")


def _grid(box: Box, options: ExportOptions) -> Size:
    if isinstance(options.settings, CacfSettings):
        return cacf.grid_for(box.size, options.settings)
    return square(options.grid or DEFAULT_GRID)


def _whole_spec(grid: Size, source: Source, frame: Frame, box: Box, settings: AnySettings) -> ModelSpec:
    """The contract with all 31 channels."""
    return ModelSpec(
        tracker=tracker_of(settings),
        backbone=BACKBONE,
        taps=(Tap(TAP, tuple(range(CHANNELS)), CHANNELS),),
        mode="exact",
        subsample=1,
        input_px=(CELL_PX * grid[0], CELL_PX * grid[1]),
        grid=grid,
        convention=InputConvention("BGR", 1 / 255, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        settings=settings,
        weights=WeightsInfo("none: HOG has no weights", hashlib.sha256().hexdigest(), "none"),
        selection=Selection("none", "none", "1.0", 0, None, None),
        source=SourceInfo(source.name, frame_sha256(frame), astuple(box)),
        macs=0,
        weight_bytes=0,
        activation_bytes=0,
        producer=PRODUCER,
    )


def _chosen(frames: list[Frame], box: Box, whole: ModelSpec, options: ExportOptions) -> ChannelPlan:
    if options.plan is not None:
        return replayed(options.plan, BACKBONE, {TAP: CHANNELS})

    def choose(rules: DistillOptions) -> ChannelPlan:
        if isinstance(whole.settings, CacfSettings):
            return distill_hog(frames, box, cacf.Cacf(HogFeatures(whole)), rules)
        return distill(BACKBONE, _two_frames(frames, box, whole), replace(rules, auto=COMPONENT_SHARES))

    return by_rules(options.distill, choose)


def _two_frames(frames: list[Frame], box: Box, whole: ModelSpec) -> TwoFrames:
    """HOG of both frames around the target, with no power: a histogram is compressed already."""
    features = HogFeatures(whole)

    def look(windows: Patches) -> dict[str, Maps]:
        return {TAP: np.stack([features(window) for window in windows])}

    settings = settings_of(whole.tracker, whole.settings, EcoSettings)
    side = patch.window_side_px(box.size, settings.padding)
    view = SearchWindow((side, side), whole.input_px, whole.grid, settings.padding, 1.0, settings.label_sigma)
    two, _ = two_frames(frames, box, look, view=view, settings=settings)
    return replace(two, settings=replace(two.settings, power=1.0))


def _check_read(path: Path, spec: ModelSpec) -> None:
    if read_spec(path) != spec:
        raise BadModel(f"{path}: the contract read back is not the one written; please report this")
