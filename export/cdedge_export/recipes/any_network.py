"""The steps of `networks` for an ONNX file, or a torchvision model through PyTorch's exporter.

An ONNX file needs no PyTorch here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from cdedge_export.choose.distill import Maps, TwoFrames, distill
from cdedge_export.choose.look import Patches, SearchWindow, two_frames, varied_windows
from cdedge_export.choose.plan import ChannelPlan, DistillOptions
from cdedge_export.graph.compare import Parity, compared, file_features, tap_losses
from cdedge_export.graph.cost import Cost, LayerCost, side_by_side
from cdedge_export.graph.liveness import activation_bytes
from cdedge_export.graph.precision import in_precision
from cdedge_export.graph.timing import layer_times_ms
from cdedge_export.graph.write import write_graph
from cdedge_export.network.conventions import parse_convention
from cdedge_export.network.layers import Geometry, Projection
from cdedge_export.onnx_net.bake import baked
from cdedge_export.onnx_net.costs import layer_costs
from cdedge_export.onnx_net.prune import Part, pruned_part, stored_bytes, whole_part
from cdedge_export.onnx_net.read import Graph
from cdedge_export.onnx_net.run import features
from cdedge_export.onnx_net.taps import TapInfo, find_taps, taps
from cdedge_export.onnx_net.torchvision_net import is_file, open_network
from cdedge_export.options import ExportOptions
from cdedge_export.report import Say
from cdedge_runtime.errors import Usage
from cdedge_runtime.model.contract import InputConvention, ModelSpec
from cdedge_runtime.model.metadata import to_metadata
from cdedge_runtime.trackers.deepcd.settings import Settings

from .projections import narrowed
from .recipe import PRODUCER, Design, Scene, decided

_PROBE_PX = 192


@dataclass(frozen=True, eq=False)
class Sight:
    """What a network sees of the first two frames; ``two``, ``patches`` and ``varied`` as in `networks.Sight`."""

    graph: Graph
    taps: tuple[TapInfo, ...]
    convention: InputConvention
    convention_reason: str
    view: SearchWindow
    two: TwoFrames
    patches: Patches
    varied: Patches

    @property
    def geometry(self) -> Geometry:
        """Sizes of the patch and of the grid."""
        return Geometry(self.view.input_px, self.view.grid)


def check(options: ExportOptions) -> None:
    """Raise `Usage` or `BadModel` for a network or a layer that does not exist."""
    _probed(options, _opened(options)[0])


def _probed(options: ExportOptions, graph: Graph) -> tuple[TapInfo, ...]:
    """The taps, at a size that is not yet the window's."""
    probe_px = (options.input_px, options.input_px) if options.input_px else graph.own_px or (_PROBE_PX, _PROBE_PX)
    return find_taps(options.layers, taps(graph, probe_px), graph, least=1)


def seen(
    scene: Scene, options: ExportOptions, say: Say, *, window: Callable[[int], SearchWindow], judge: Settings
) -> Sight:
    """Look at both frames; ``window`` makes the search window from the deepest tap's stride."""
    graph, convention, reason = _opened(options)
    view = window(round(max(tap.stride for tap in _probed(options, graph))))
    chosen = find_taps(options.layers, taps(graph, view.input_px), graph)
    say(f"choosing channels of {'+'.join(tap.name for tap in chosen)} of {graph.name}")

    def look(windows: Patches) -> Mapping[str, Maps]:
        return features(graph, chosen, windows, convention, grid=view.grid)

    two, patches = two_frames(scene.frames, scene.box, look, view=view, judge=judge)
    varied = varied_windows(scene.frames, scene.box, view.sides, view.input_px)
    return Sight(graph, chosen, convention, reason, view, two, patches, varied)


def _opened(options: ExportOptions) -> tuple[Graph, InputConvention, str]:
    """The network, its input convention and why; raises `Usage` where nobody says what an ONNX file's is."""
    if is_file(options.backbone):
        if options.convention is None:
            raise Usage(
                "convention: an ONNX file does not say how pixels become its input; give it, such as bgr (0..255), "
                "torchvision, or rgb:scale=1/255 (0..1); see docs/guides/backbones.md"
            )
        graph = open_network(options.backbone, options.weights)
        return graph, parse_convention(options.convention), f"{options.convention}: as asked"
    asked = options.convention or "torchvision"
    reason = "as asked" if options.convention else "torchvision's model"
    return open_network(options.backbone, options.weights or "imagenet"), parse_convention(asked), f"{asked}: {reason}"


def chosen_plan(sight: Sight, options: ExportOptions) -> ChannelPlan:
    """Which channels of the taps are kept."""
    name = sight.graph.name

    def choose(rules: DistillOptions) -> ChannelPlan:
        return distill(name, sight.two, rules)

    return decided(options, name, {tap.name: tap.channels for tap in sight.taps}, choose)


def file_of(
    scene: Scene,
    options: ExportOptions,
    sight: Sight,
    plan: ChannelPlan,
    say: Say,
    settings: Any,
    *,
    projections: Mapping[str, Projection] | None = None,
) -> Design:
    """The file of a plan's channels; ``say`` is told what pruning saved and what could not be pruned.

    With ``projections``, of all channels of a tap, the plan's channels are their components.
    """
    kept = plan.kept
    if projections is None:
        part, combined = pruned_part(sight.graph, sight.taps, kept, input_px=sight.view.input_px), {}
    else:
        combined = narrowed(projections, plan)
        used = tuple(tap for tap in sight.taps if tap.name in kept)
        part = whole_part(sight.graph, used, input_px=sight.view.input_px)
    whole = whole_part(sight.graph, sight.taps, input_px=sight.view.input_px)
    before = baked(whole, sight.convention, sight.geometry, {}, projections or {})
    model = baked(part, sight.convention, sight.geometry, {}, combined)
    costs = layer_costs(before, whole.taps), layer_costs(model, part.taps)
    say(_saved(stored_bytes(whole, "fp32"), stored_bytes(part, "fp32"), *map(_macs, costs)))
    if part.ends:
        say(f"these need all channels of their inputs, and are kept whole: {', '.join(part.ends)}")
    spec = _contract(model, part, costs[1], plan, scene, sight=sight, options=options, settings=settings)

    def write(out: Path) -> Parity:
        helper.set_model_props(model, to_metadata(spec))
        ready = in_precision(model, options.precision, sight.varied)
        return write_graph(ready, out, lambda file: _checked(file, spec, sight, combined))

    def timed() -> tuple[LayerCost, ...]:
        return side_by_side(*(_timed(*one, sight.patches) for one in zip(costs, (before, model), strict=True)))

    return Design(spec, plan, sight.convention_reason, write=write, costs=timed)


def _checked(file: Path, spec: ModelSpec, sight: Sight, projections: Mapping[str, Projection]) -> Parity:
    """The written file held to the network it was cut from, in onnxruntime, with all that is around it in numpy."""
    whole = features(sight.graph, sight.taps, sight.patches, sight.convention, grid=spec.grid)
    expected = {
        tap.name: _combined(projections[tap.name], whole[tap.name])
        if projections
        else whole[tap.name][:, list(tap.kept)]
        for tap in spec.taps
    }
    found = file_features(file, spec, sight.patches)
    losses = tap_losses(found, expected)
    return compared(found, expected, precision=spec.precision, reference=sight.graph.name, losses=losses)


def _combined(projection: Projection, maps: Maps) -> Maps:
    raised = np.sign(maps) * np.abs(maps) ** projection.power
    return np.asarray(np.einsum("qc,nchw->nqhw", projection.matrix, raised), np.float32)


def _timed(costs: Mapping[str, Cost], model: onnx.ModelProto, patches: Patches) -> dict[str, Cost]:
    times = layer_times_ms(model, patches)
    return {name: replace(cost, ms=times.get(name, 0.0)) for name, cost in costs.items()}


def _macs(costs: Mapping[str, Cost]) -> int:
    return sum(cost.macs for cost in costs.values())


def _saved(old_bytes: int, new_bytes: int, old_macs: int, new_macs: int) -> str:
    return (
        f"pruning leaves {new_bytes:,} of {old_bytes:,} bytes of weights ({1 - new_bytes / max(old_bytes, 1):.0%} "
        f"saved) and {new_macs:,} of {old_macs:,} MACs ({1 - new_macs / max(old_macs, 1):.0%} saved)"
    )


def _contract(
    model: onnx.ModelProto,
    part: Part,
    costs: Mapping[str, Cost],
    plan: ChannelPlan,
    scene: Scene,
    *,
    sight: Sight,
    options: ExportOptions,
    settings: Any,
) -> ModelSpec:
    return ModelSpec(
        tracker=options.tracker,
        backbone=plan.backbone,
        taps=plan.kept_taps,
        mode="exact",
        precision=options.precision,
        subsample=1,
        input_px=sight.view.input_px,
        grid=sight.view.grid,
        convention=sight.convention,
        settings=settings,
        weights=sight.graph.info,
        selection=plan.selection,
        source=scene.source,
        macs=_macs(costs),
        weight_bytes=stored_bytes(part, options.precision),
        activation_bytes=activation_bytes(model),
        producer=PRODUCER,
    )
