"""The way from a video to an exported file: frames -> features -> plan -> pruned network -> file -> report."""

from __future__ import annotations

import time
from dataclasses import astuple
from pathlib import Path

from cdedge_runtime.box import Box
from cdedge_runtime.frames import Source, frame_sha256
from cdedge_runtime.hog_features import TAP
from cdedge_runtime.modelfile import ModelSpec, SourceInfo, Tap
from cdedge_runtime.tracker_settings import CacfSettings, EcoSettings, MdNetSettings, tracker_of

from .backbones import Backbone, find_backbone, parse_layers
from .cost import cost_table, footprint
from .distill import KEEP_ALL, Maps, TwoFrames, distill, keep_all
from .first_look import Patches, two_frames
from .hog_export import export_hog
from .mdnet_export import export_mdnet
from .network import Geometry, Network, Projection, stride_of, with_projections
from .parity import check_parity
from .plan import ChannelPlan, replayed
from .projections import factorised, narrowed
from .prune import full_network, prune, subsampled
from .request import PRODUCER, ExportOptions, ExportReport, Say, first_frames
from .torch_net import extract
from .weights import Weights, default_weights, load_weights
from .windows import search_window
from .write import write_model

__all__ = ["ExportOptions", "ExportReport", "export"]


def export(
    source: Source, box: Box | None, out: Path, *, options: ExportOptions, say: Say = lambda _: None
) -> ExportReport:
    """Distil, prune, write and check one model file; ``say`` is told each step.

    Raises `Usage`, `BadInput`, `BadModel` or `BadEnvironment`; then ``out`` is as it was before.
    """
    if isinstance(options.settings, CacfSettings) or (
        isinstance(options.settings, EcoSettings) and options.layers == TAP
    ):
        return export_hog(source, box, out, options=options, say=say)
    if isinstance(options.settings, MdNetSettings):
        return export_mdnet(source, box, out, options=options, say=say)
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

    def look(windows: Patches) -> dict[str, Maps]:
        return extract(backbone, weights, taps, patches=windows, grid=view.grid, subsample=options.subsample)

    two, patches = two_frames(frames, first_box, look, view=view, settings=options.settings)
    projections: dict[str, Projection] = {}
    if isinstance(options.settings, EcoSettings):
        plan, projections = factorised(two, first_box.size, backbone.name, options)
        used = [tap.name for tap in plan.taps if tap.kept]
        network = with_projections(full_network(backbone, weights, used), narrowed(projections, plan))
    else:
        plan = _choose(two, backbone, taps, options)
        network = prune(backbone, weights, {tap.name: tap.kept for tap in plan.taps}, mode=options.mode)
    network = subsampled(network, options.subsample)
    geometry = Geometry(view.input_px, view.grid)
    shown = SourceInfo(source.name, frame_sha256(frames[0]), astuple(first_box))
    spec = _contract(network, geometry, plan, shown, weights=weights, options=options)
    say(f"writing {out} and checking it against PyTorch")
    parity = write_model(
        spec,
        network,
        out,
        check=lambda file: check_parity(
            file, spec, backbone=backbone, weights=weights, patches=patches, projections=projections
        ),
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
        return keep_all(distill(backbone.name, two, KEEP_ALL))
    return distill(backbone.name, two, options.distill)
