"""ECO's recipe: channels projected onto few components, and which of these are kept; on a network, or on HOG alone."""

from __future__ import annotations

from dataclasses import replace

from cdedge_export.choose.distill import TwoFrames, distill
from cdedge_export.choose.look import DEFAULT_GRID, square
from cdedge_export.choose.plan import COMPONENT_SHARES, ChannelPlan, DistillOptions
from cdedge_export.options import ExportOptions
from cdedge_export.report import Say
from cdedge_runtime.errors import Usage
from cdedge_runtime.model.contract import HOG_BACKBONE, HOG_TAP, ModelSpec
from cdedge_runtime.trackers.deepcd.settings import Settings
from cdedge_runtime.trackers.eco.settings import EcoSettings

from . import any_network, hog
from .projections import chosen_components, factorised
from .recipe import OF_EVERY, Design, Recipe, Scene, started
from .steps import is_built_in, network_recipe, square_settings_window


def recipe(options: ExportOptions) -> Recipe:
    """ECO on a network's taps or, for the layer ``hog``, ECO-HC."""
    if options.layers == HOG_TAP:
        why = "it is for networks, and the tracker eco uses HOG here"
        return Recipe(OF_EVERY | {"layers", "grid"}, why, _on_hog)
    why_not = "the tracker eco has no profiles, no deep part and no generic files"
    designed = _on_network if is_built_in(options) else _on_graph
    return network_recipe(options, designed, why_not=why_not, components=True, check=_check)


def _check(options: ExportOptions) -> None:
    if options.plan is not None and options.mode == "chain":
        raise Usage("plan: it holds components, not the channels that mode chain keeps; use mode exact")


def _on_network(scene: Scene, options: ExportOptions, say: Say) -> Design:
    from .eco_network import design  # imports PyTorch

    return design(scene, options, say)


def _on_graph(scene: Scene, options: ExportOptions, say: Say) -> Design:
    settings: EcoSettings = started(options)
    window = square_settings_window(scene, options, settings)
    sight = any_network.seen(scene, options, say, window=window, judge=Settings())
    totals = {tap.name: tap.channels for tap in sight.taps}
    judged, projections = factorised(sight.two, scene.box.size, totals, settings)
    plan = chosen_components(sight.graph.name, judged, options)
    return any_network.file_of(scene, options, sight, plan, say, settings, projections=projections)


def _on_hog(scene: Scene, options: ExportOptions, say: Say) -> Design:
    settings: EcoSettings = started(options)
    whole = hog.whole_spec(square(options.grid or DEFAULT_GRID), scene, "eco", settings)

    def choose(rules: DistillOptions) -> ChannelPlan:
        return distill(HOG_BACKBONE, _two_frames(scene, whole, settings), rules)

    return hog.design(whole, options, choose, say, auto=COMPONENT_SHARES)


def _two_frames(scene: Scene, whole: ModelSpec, settings: EcoSettings) -> TwoFrames:
    """HOG of both frames around the target, with no power: a histogram is compressed already."""
    two = hog.two_frames_of(whole, scene, padding=settings.padding, label_sigma=settings.label_sigma)
    return replace(two, settings=replace(two.settings, power=1.0))
