"""The way from a video to an exported file: frames -> features -> plan -> pruned network -> file -> report."""

from __future__ import annotations

import math
import time
from dataclasses import astuple
from pathlib import Path

import numpy as np

from cdedge_runtime import dcf, patch
from cdedge_runtime.box import Box
from cdedge_runtime.frames import Frame, Source, frame_sha256
from cdedge_runtime.modelfile import ModelSpec, SourceInfo, Tap
from cdedge_runtime.settings import Settings
from cdedge_runtime.tracker_settings import CacfSettings, tracker_of
from cdedge_runtime.window_tracker import label_in_window

from .backbones import Backbone, find_backbone, parse_layers
from .cost import cost_table, footprint
from .distill import DistillOptions, Maps, TwoFrames, distill, keep_all
from .hog_export import export_hog
from .network import Geometry, Network, stride_of
from .parity import check_parity
from .plan import ChannelPlan, replayed
from .prune import full_network, prune, subsampled
from .request import PRODUCER, ExportOptions, ExportReport, Say, first_frames
from .torch_net import extract
from .weights import Weights, default_weights, load_weights
from .windows import SearchWindow, search_window
from .write import write_model

__all__ = ["ExportOptions", "ExportReport", "export"]


def export(
    source: Source, box: Box | None, out: Path, *, options: ExportOptions, say: Say = lambda _: None
) -> ExportReport:
    """Distil, prune, write and check one model file; ``say`` is told each step.

    Raises `Usage`, `BadInput`, `BadModel` or `BadEnvironment`; then ``out`` is as it was before.
    """
    if isinstance(options.settings, CacfSettings):
        return export_hog(source, box, out, options=options, say=say)
    begin = time.perf_counter()
    backbone = find_backbone(options.backbone)
    taps = parse_layers(options.layers, backbone)
    say("reading the first two frames")
    frames, first_box = first_frames(source, box)
    view = search_window(
        options.settings,
        first_box,
        frames[0].shape,
        input_px=options.input_px,
        grid=options.grid,
        stride=stride_of(backbone, taps),
    )
    weights = load_weights(
        options.weights or default_weights(backbone, taps),
        backbone,
        taps=taps,
        convention=options.convention,
        progress=True,
    )
    say(f"choosing channels of {options.layers} with weights {weights.info.name}")
    two, patches = _two_frames(frames, first_box, backbone, taps, view=view, weights=weights, options=options)
    plan = _choose(two, backbone, taps, options)
    kept = {tap.name: tap.kept for tap in plan.taps}
    network = subsampled(prune(backbone, weights, kept, mode=options.mode), options.subsample)
    geometry = Geometry(view.input_px, view.grid)
    shown = SourceInfo(source.name, frame_sha256(frames[0]), astuple(first_box))
    spec = _contract(network, geometry, plan, shown, weights=weights, options=options)
    say(f"writing {out} and checking it against PyTorch")
    parity = write_model(
        spec,
        network,
        out,
        check=lambda file: check_parity(file, spec, backbone=backbone, weights=weights, patches=patches),
    )
    say("measuring each layer before and after")
    before = subsampled(full_network(backbone, weights, taps), options.subsample)
    costs = cost_table(before, network, geometry, patches=patches)
    return ExportReport(
        out,
        out.stat().st_size,
        spec,
        plan,
        costs,
        parity,
        weights.convention_reason,
        time.perf_counter() - begin,
    )


def _contract(
    network: Network,
    geometry: Geometry,
    plan: ChannelPlan,
    source: SourceInfo,
    *,
    weights: Weights,
    options: ExportOptions,
) -> ModelSpec:
    """Everything the runtime has to know about the file."""
    needs = footprint(network, geometry)
    return ModelSpec(
        tracker=tracker_of(options.settings),
        backbone=plan.backbone,
        taps=tuple(Tap(t.name, t.kept, t.total) for t in plan.taps if t.kept),
        mode=options.mode,
        subsample=options.subsample,
        input_px=geometry.input_px,
        grid=geometry.grid,
        convention=weights.convention,
        settings=options.settings,
        weights=weights.info,
        selection=plan.selection,
        source=source,
        macs=needs.macs,
        weight_bytes=needs.weight_bytes,
        activation_bytes=needs.activation_bytes,
        producer=PRODUCER,
    )


def _choose(two: TwoFrames, backbone: Backbone, taps: tuple[str, ...], options: ExportOptions) -> ChannelPlan:
    """A saved plan, every channel, or what distillation keeps."""
    if options.plan is not None:
        totals = {tap: backbone.channels(tap) for tap in taps}
        return replayed(options.plan, backbone.name, totals)
    if options.distill is None:
        return keep_all(distill(backbone.name, two, DistillOptions(search="none", channels="1.0")))
    return distill(backbone.name, two, options.distill)


def _two_frames(
    frames: list[Frame],
    box: Box,
    backbone: Backbone,
    taps: tuple[str, ...],
    *,
    view: SearchWindow,
    weights: Weights,
    options: ExportOptions,
) -> tuple[TwoFrames, Frame]:
    """Features of both frames around the target, which is located in frame 2 with all channels (algorithms A8).

    And the two search windows they were taken from, (2, H, W, 3) uint8.
    """
    label = dcf.spectrum(label_in_window(box.size, view.sides, view.grid, options.settings.label_sigma))
    windows = np.empty((2, *view.input_px, 3), np.uint8)

    def features(index: int, center: tuple[float, float]) -> dict[str, Maps]:
        window = patch.cut(frames[index], center, view.sides, out=windows[index])
        return extract(backbone, weights, taps, patches=window[None], grid=view.grid, subsample=options.subsample)

    cell = view.sides[0] / view.grid[0], view.sides[1] / view.grid[1]
    target = box.height / cell[0], box.width / cell[1]
    # Another tracker's channels are judged by the standard compact filter.
    settings = options.settings if isinstance(options.settings, Settings) else Settings()

    def pair(second: dict[str, Maps]) -> TwoFrames:
        both = {tap: np.concatenate([first[tap], second[tap]]) for tap in taps}
        return TwoFrames(both, label, view.padding, view.power, target, settings)

    first, second = features(0, box.center), features(1, box.center)
    spectra = pair(second).spectra()
    ridge = DistillOptions().regularization * math.prod(view.grid)
    rows, columns, _ = dcf.peak(dcf.respond(spectra[1], dcf.solve(spectra[:1], label, ridge), view.grid))
    return pair(features(1, (box.center[0] + columns * cell[1], box.center[1] + rows * cell[0]))), windows
