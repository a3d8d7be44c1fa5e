"""Steps that the trackers on a network's taps share: look, prune, and the design of the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from cdedge_export.choose.distill import Maps, TwoFrames, distill
from cdedge_export.choose.look import Patches, SearchWindow, two_frames, varied_windows
from cdedge_export.choose.plan import ChannelPlan, DistillOptions
from cdedge_export.graph.compare import Parity
from cdedge_export.graph.cost import LayerCost, cost_table, footprint
from cdedge_export.graph.parity import check_parity
from cdedge_export.graph.precision import in_precision, stored_bytes
from cdedge_export.graph.write import Convert, write_model
from cdedge_export.network.backbones import Backbone, find_backbone, parse_layers
from cdedge_export.network.bundled import default_weights
from cdedge_export.network.layers import Floats, Geometry, Network, Projection, stride_of
from cdedge_export.network.prune import full_network, prune, subsampled
from cdedge_export.network.reconstruct import reconstructed
from cdedge_export.network.torch_net import extract
from cdedge_export.network.weights import Weights, download_bytes, load_weights
from cdedge_export.options import ExportOptions
from cdedge_export.report import Say
from cdedge_runtime.model.contract import ModelSpec
from cdedge_runtime.trackers.deepcd.settings import Settings

from .recipe import PRODUCER, Design, Scene, decided

# Channels that onnxruntime's convolutions take at once; what a layer has beyond a multiple costs as a whole block.
BLOCK = 16


@dataclass(frozen=True, eq=False)
class Sight:
    """What a network sees of the first two frames.

    two: features of both around the target. patches: the windows (2, H, W, 3) uint8 they are of. varied: further
    windows (14, H, W, 3) uint8, shifted and at other scales.
    """

    backbone: Backbone
    taps: tuple[str, ...]
    weights: Weights
    view: SearchWindow
    two: TwoFrames
    patches: Patches
    varied: Patches


def check(options: ExportOptions) -> None:
    """Raise `Usage` for a backbone or a layer that does not exist."""
    parse_layers(options.layers, find_backbone(options.backbone))


def seen(
    scene: Scene, options: ExportOptions, say: Say, *, window: Callable[[int], SearchWindow], judge: Settings
) -> Sight:
    """Look at both frames; ``window`` makes the search window from the deepest tap's stride."""
    backbone = find_backbone(options.backbone)
    taps = parse_layers(options.layers, backbone)
    view = window(stride_of(backbone, taps))
    named = options.weights or default_weights(backbone, taps)
    if options.weights is None and named == "imagenet" and (size := download_bytes(backbone)):
        say(
            f"weights: the bundled ones do not reach {options.layers}, so torchvision downloads ImageNet's once, "
            f"{size / 1e6:.0f} MB; layers that they reach, or the path of a file, need no download"
        )
    weights = load_weights(named, backbone, taps=taps, convention=options.convention, progress=True)
    say(f"choosing channels of {options.layers} with weights {weights.info.name}")

    def look(windows: Patches) -> Mapping[str, Maps]:
        return extract(backbone, weights, taps, patches=windows, grid=view.grid, subsample=options.subsample)

    two, patches = two_frames(scene.frames, scene.box, look, view=view, judge=judge)
    varied = varied_windows(scene.frames, scene.box, view.sides, view.input_px)
    return Sight(backbone, taps, weights, view, two, patches, varied)


def chosen_plan(sight: Sight, options: ExportOptions) -> ChannelPlan:
    """Which channels of the taps are kept; in chain mode shares are rounded to whole blocks."""
    name = sight.backbone.name

    def choose(rules: DistillOptions) -> ChannelPlan:
        return distill(name, sight.two, rules)

    totals = {tap: sight.backbone.channels(tap) for tap in sight.taps}
    return decided(options, name, totals, choose, multiple=BLOCK if options.mode == "chain" else 1)


def pruned(plan: ChannelPlan, sight: Sight, options: ExportOptions) -> Network:
    """The plan's network; in chain mode, where it is asked for, fitted to the full one on the varied windows."""
    kept = plan.kept
    network = prune(sight.backbone, sight.weights, kept, mode=options.mode)
    if not options.reconstruct:
        return network
    return reconstructed(network, full_network(sight.backbone, sight.weights, list(kept)), kept, patches=sight.varied)


def file_of(scene: Scene, options: ExportOptions, sight: Sight, plan: ChannelPlan, _say: Say, settings: Any) -> Design:
    """The file of a plan's channels."""
    return design(scene, options, sight, plan, pruned(plan, sight, options), settings=settings)


def design(
    scene: Scene,
    options: ExportOptions,
    sight: Sight,
    plan: ChannelPlan,
    network: Network,
    *,
    settings: Any,
    projections: Mapping[str, Projection] | None = None,
) -> Design:
    """The file of a plan's network; ``projections`` are of all features of a tap."""
    final = subsampled(network, options.subsample)
    geometry = Geometry(sight.view.input_px, sight.view.grid)
    spec = _contract(final, geometry, plan, scene, weights=sight.weights, options=options, settings=settings)

    def convert(model: onnx.ModelProto) -> onnx.ModelProto:
        return in_precision(model, options.precision, sight.varied)

    return finished(
        spec,
        plan,
        final,
        backbone=sight.backbone,
        weights=sight.weights,
        patches=sight.patches,
        projections=projections,
        convert=convert,
    )


def finished(
    spec: ModelSpec,
    plan: ChannelPlan,
    network: Network,
    *,
    backbone: Backbone,
    weights: Weights,
    patches: Patches,
    projections: Mapping[str, Projection] | None = None,
    head: Mapping[str, Floats] | None = None,
    convert: Convert = lambda model: model,
) -> Design:
    """The design of a network with its contract, held to the whole one on ``patches``; see `write_model`."""

    def check(file: Path) -> Parity:
        return check_parity(
            file, spec, network, backbone=backbone, weights=weights, patches=patches, projections=projections or {}
        )

    def costs() -> tuple[LayerCost, ...]:
        before = subsampled(full_network(backbone, weights, [tap.name for tap in plan.taps]), spec.subsample)
        return cost_table(before, network, Geometry(spec.input_px, spec.grid), patches=patches)

    return Design(
        spec,
        plan,
        weights.convention_reason,
        write=lambda out: write_model(spec, network, out, check=check, head=head, convert=convert),
        costs=costs,
    )


def _contract(
    network: Network,
    geometry: Geometry,
    plan: ChannelPlan,
    scene: Scene,
    *,
    weights: Weights,
    options: ExportOptions,
    settings: Any,
) -> ModelSpec:
    """Everything the runtime has to know about the file."""
    needs = footprint(network, geometry)
    return ModelSpec(
        tracker=options.tracker,
        backbone=plan.backbone,
        taps=plan.kept_taps,
        mode=options.mode,
        reconstructed=options.reconstruct,
        precision=options.precision,
        subsample=options.subsample,
        input_px=geometry.input_px,
        grid=geometry.grid,
        convention=weights.convention,
        settings=settings,
        weights=weights.info,
        selection=plan.selection,
        source=scene.source,
        macs=needs.macs,
        weight_bytes=stored_bytes(network, options.precision),
        activation_bytes=needs.activation_bytes,
        producer=PRODUCER,
    )
