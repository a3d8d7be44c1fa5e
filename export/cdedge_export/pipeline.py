"""The way from a video to an exported file: frames -> features -> plan -> pruned network -> file -> report."""

from __future__ import annotations

import time
from dataclasses import astuple, replace
from pathlib import Path

from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage
from cdedge_runtime.image import frame_sha256
from cdedge_runtime.model.contract import ModelSpec, SourceInfo, Tap
from cdedge_runtime.model.hog import TAP
from cdedge_runtime.sources.frames import Source
from cdedge_runtime.trackers.settings import CacfSettings, EcoSettings, MdNetSettings, tracker_of

from .choose.distill import Maps, TwoFrames, by_rules, distill
from .choose.first_look import Patches, two_frames, varied_windows
from .choose.plan import ChannelPlan, replayed
from .choose.windows import search_window
from .graph.cost import LayerCost, cost_table, footprint
from .graph.parity import check_parity
from .graph.precision import in_precision, stored_bytes
from .graph.write import write_model
from .network.backbones import Backbone, find_backbone, parse_layers
from .network.layers import Geometry, Network, Projection, stride_of, with_projections
from .network.prune import full_network, prune, subsampled
from .network.reconstruct import reconstructed
from .network.torch_net import extract, run
from .network.weights import Weights, default_weights, load_weights
from .recipes.hog_export import export_hog
from .recipes.mdnet_export import export_mdnet
from .recipes.projections import factorised, narrowed
from .request import PRODUCER, ExportOptions, ExportReport, Say, first_frames

# Channels that onnxruntime's convolutions take at once; what a layer has beyond a multiple costs as a whole block.
_BLOCK = 16

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
        _only_fp32(options)
        return export_hog(source, box, out, options=options, say=say)
    if isinstance(options.settings, MdNetSettings):
        _only_fp32(options)
        return export_mdnet(source, box, out, options=options, say=say)
    if options.reconstruct and options.mode == "exact":
        raise Usage(
            "--reconstruct repairs what chain mode loses, exact loses nothing: add --mode chain, or leave it out"
        )
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
    varied = varied_windows(frames, first_box, view)
    projections: dict[str, Projection] = {}
    if isinstance(options.settings, EcoSettings):
        network = full_network(backbone, weights, taps)
        if options.mode == "chain":
            network = _pruned(
                _inputs(two, backbone, options), varied, backbone=backbone, weights=weights, options=options
            )
            two = replace(two, taps=run(subsampled(network, options.subsample), patches, grid=view.grid))
        plan, projections = factorised(two, first_box.size, backbone, options)
        network = with_projections(network, narrowed(projections, plan))
    else:
        plan = _choose(two, backbone, taps, options)
        network = _pruned(plan, varied, backbone=backbone, weights=weights, options=options)
    network = subsampled(network, options.subsample)
    geometry = Geometry(view.input_px, view.grid)
    shown = SourceInfo(source.name, frame_sha256(frames[0]), astuple(first_box))
    spec = _contract(network, geometry, plan, shown, weights=weights, options=options)
    say(f"writing {out} and checking it against PyTorch")
    parity = write_model(
        spec,
        network,
        out,
        convert=lambda model: in_precision(model, options.precision, varied),
        check=lambda file: check_parity(
            file, spec, network, backbone=backbone, weights=weights, patches=patches, projections=projections
        ),
    )
    costs: tuple[LayerCost, ...] = ()
    if options.timed:
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


def _only_fp32(options: ExportOptions) -> None:
    if options.precision != "fp32":
        raise Usage(f"--precision {options.precision}: {tracker_of(options.settings)} has fp32 only")


def _pruned(
    plan: ChannelPlan, windows: Patches, *, backbone: Backbone, weights: Weights, options: ExportOptions
) -> Network:
    """The plan's network; in chain mode, where it is asked for, fitted to the full one on ``windows``."""
    kept = {tap.name: tap.kept for tap in plan.taps if tap.kept}
    network = prune(backbone, weights, kept, mode=options.mode)
    if not options.reconstruct:
        return network
    return reconstructed(network, full_network(backbone, weights, list(kept)), kept, patches=windows)


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
        reconstructed=options.reconstruct,
        precision=options.precision,
        subsample=options.subsample,
        input_px=geometry.input_px,
        grid=geometry.grid,
        convention=weights.convention,
        settings=options.settings,
        weights=weights.info,
        selection=plan.selection,
        source=source,
        macs=needs.macs,
        weight_bytes=stored_bytes(network, options.precision),
        activation_bytes=needs.activation_bytes,
        producer=PRODUCER,
    )


def _inputs(two: TwoFrames, backbone: Backbone, options: ExportOptions) -> ChannelPlan:
    """The layers' channels that ECO's projections read in chain mode."""
    if options.plan is not None:
        raise Usage("--plan holds components, not the channels that --mode chain keeps: use --mode exact")
    rules = None if options.distill is None else replace(options.distill, channels="auto")
    return by_rules(rules, lambda rules: distill(backbone.name, two, rules))


def _choose(two: TwoFrames, backbone: Backbone, taps: tuple[str, ...], options: ExportOptions) -> ChannelPlan:
    """A saved plan, every channel, or what distillation keeps."""
    if options.plan is not None:
        totals = {tap: backbone.channels(tap) for tap in taps}
        return replayed(options.plan, backbone.name, totals)
    multiple = _BLOCK if options.mode == "chain" else 1
    rules = None if options.distill is None else replace(options.distill, multiple=multiple)
    return by_rules(rules, lambda rules: distill(backbone.name, two, rules))
