"""CACF's recipe: the context-aware filter on HOG."""

from __future__ import annotations

from cdedge_export.choose.plan import ChannelPlan
from cdedge_export.choose.rules import DistillOptions
from cdedge_export.options import ExportOptions
from cdedge_export.report import Say
from cdedge_runtime.model.hog import HogFeatures
from cdedge_runtime.trackers.cacf.settings import CacfSettings
from cdedge_runtime.trackers.cacf.tracker import Cacf, grid_for

from . import hog
from .distill_hog import distill_hog
from .recipe import OF_EVERY, Design, Recipe, Scene, started


def recipe(_options: ExportOptions) -> Recipe:
    """HOG needs no network, so the options of networks mean nothing."""
    why = "it is for networks, and the tracker cacf uses HOG"
    return Recipe(OF_EVERY, why, _design, defaults={"search": "ncc"})


def _design(scene: Scene, options: ExportOptions, say: Say) -> Design:
    settings: CacfSettings = started(options)
    whole = hog.whole_spec(grid_for(scene.box.size, settings), scene, "cacf", settings)

    def choose(rules: DistillOptions) -> ChannelPlan:
        return distill_hog(scene.frames, scene.box, Cacf(HogFeatures(whole)), rules)

    return hog.design(whole, options, choose, say)
