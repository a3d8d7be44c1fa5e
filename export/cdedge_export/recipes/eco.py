"""ECO's recipe: channels projected onto few components, and which of these are kept; on a network, or on HOG alone."""

from __future__ import annotations

from dataclasses import replace

from cdedge_export.choose.distill import TwoFrames, distill
from cdedge_export.choose.plan import ChannelPlan
from cdedge_export.choose.rules import COMPONENT_SHARES, DistillOptions
from cdedge_export.choose.windows import DEFAULT_GRID, square
from cdedge_export.network.layers import with_projections
from cdedge_export.network.prune import full_network, subsampled
from cdedge_export.network.torch_net import run
from cdedge_export.options import ExportOptions
from cdedge_export.report import Say
from cdedge_runtime.errors import Usage
from cdedge_runtime.model.contract import ModelSpec
from cdedge_runtime.model.hog import BACKBONE, TAP
from cdedge_runtime.trackers.deepcd.settings import Settings
from cdedge_runtime.trackers.eco.settings import EcoSettings

from . import hog
from .networks import Sight, design, pruned, seen
from .projections import factorised, narrowed
from .recipe import OF_EVERY, OF_NETWORK, Design, Recipe, Scene, chosen_by, decided, started
from .steps import is_built_in, square_settings_window


def recipe(options: ExportOptions) -> Recipe:
    """ECO on a network's taps or, for the layer ``hog``, ECO-HC."""
    if options.layers == TAP:
        why = "it is for networks, and the tracker eco uses HOG here"
        return Recipe(OF_EVERY | {"layers", "grid"}, why, _on_hog)
    if not is_built_in(options):
        raise Usage(
            "backbone: eco's projections are made for the built-in backbones; use one of these, or deepcd or cf2"
        )
    return Recipe(OF_NETWORK, "the tracker eco has no profiles", _on_network, components=True)


def _on_network(scene: Scene, options: ExportOptions, say: Say) -> Design:
    settings: EcoSettings = started(options)
    window = square_settings_window(scene, options, settings)
    sight = seen(scene, options, say, window=window, judge=Settings())
    network = full_network(sight.backbone, sight.weights, sight.taps)
    if options.mode == "chain":
        network = pruned(_inputs(sight, options), sight, options)
        left = run(subsampled(network, options.subsample), sight.patches, grid=sight.view.grid)
        sight = replace(sight, two=replace(sight.two, taps=left))
    totals = {tap: sight.backbone.channels(tap) for tap in sight.taps}
    judged, projections = factorised(sight.two, scene.box.size, totals, settings)
    plan = _components(sight.backbone.name, judged, options)
    network = with_projections(network, narrowed(projections, plan))
    return design(scene, options, sight, plan, network, settings=settings, projections=projections)


def _inputs(sight: Sight, options: ExportOptions) -> ChannelPlan:
    """The layers' channels that the projections read in chain mode."""
    if options.plan is not None:
        raise Usage("plan: it holds components, not the channels that mode chain keeps; use mode exact")

    def choose(rules: DistillOptions) -> ChannelPlan:
        return distill(sight.backbone.name, sight.two, rules)

    return chosen_by(options, choose, channels="auto")


def _components(backbone: str, judged: TwoFrames, options: ExportOptions) -> ChannelPlan:
    totals = {tap: maps.shape[1] for tap, maps in judged.taps.items()}

    def choose(rules: DistillOptions) -> ChannelPlan:
        return distill(backbone, judged, rules)

    return decided(options, backbone, totals, choose, auto=COMPONENT_SHARES)


def _on_hog(scene: Scene, options: ExportOptions, say: Say) -> Design:
    settings: EcoSettings = started(options)
    whole = hog.whole_spec(square(options.grid or DEFAULT_GRID), scene, "eco", settings)

    def choose(rules: DistillOptions) -> ChannelPlan:
        return distill(BACKBONE, _two_frames(scene, whole, settings), rules)

    return hog.design(whole, options, choose, say, auto=COMPONENT_SHARES)


def _two_frames(scene: Scene, whole: ModelSpec, settings: EcoSettings) -> TwoFrames:
    """HOG of both frames around the target, with no power: a histogram is compressed already."""
    two = hog.two_frames_of(whole, scene, padding=settings.padding, label_sigma=settings.label_sigma)
    return replace(two, settings=replace(two.settings, power=1.0))
