"""ECO on a built-in network, in PyTorch; in chain mode the projections read what pruning leaves."""

from __future__ import annotations

from dataclasses import replace

from cdedge_export.choose.distill import distill
from cdedge_export.choose.plan import ChannelPlan, DistillOptions
from cdedge_export.network.layers import with_projections
from cdedge_export.network.prune import full_network, subsampled
from cdedge_export.network.torch_net import run
from cdedge_export.options import ExportOptions
from cdedge_export.report import Say
from cdedge_runtime.trackers.deepcd.settings import Settings
from cdedge_runtime.trackers.eco.settings import EcoSettings

from .networks import Sight, pruned, seen
from .networks import design as network_design
from .projections import chosen_components, factorised, narrowed
from .recipe import Design, Scene, chosen_by, started
from .steps import square_settings_window


def design(scene: Scene, options: ExportOptions, say: Say) -> Design:
    """Work the model out."""
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
    plan = chosen_components(sight.backbone.name, judged, options)
    network = with_projections(network, narrowed(projections, plan))
    return network_design(scene, options, sight, plan, network, settings=settings, projections=projections)


def _inputs(sight: Sight, options: ExportOptions) -> ChannelPlan:
    """The layers' channels that the projections read in chain mode."""

    def choose(rules: DistillOptions) -> ChannelPlan:
        return distill(sight.backbone.name, sight.two, rules)

    return chosen_by(options, choose, channels="auto")
