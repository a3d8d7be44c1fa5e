"""DeepCD's recipe: the compact filter on a network's distilled channels."""

from __future__ import annotations

from cdedge_export.options import ExportOptions
from cdedge_export.report import Say
from cdedge_runtime.errors import Usage
from cdedge_runtime.trackers.deepcd.settings import PROFILES, Settings

from .networks import chosen_plan, design, pruned, seen, square_settings_window
from .recipe import OF_NETWORK, Design, Recipe, Scene, started


def recipe(_options: ExportOptions) -> Recipe:
    """Everything means something to it."""
    return Recipe(OF_NETWORK | {"profile"}, "deepcd has no use for it", _design)


def _design(scene: Scene, options: ExportOptions, say: Say) -> Design:
    settings = started(options, _profile(options))
    window = square_settings_window(scene, options, settings)
    sight = seen(scene, options, say, window=window, judge=settings)
    plan = chosen_plan(sight, options)
    return design(scene, options, sight, plan, pruned(plan, sight, options), settings=settings)


def _profile(options: ExportOptions) -> Settings:
    """The named profile: fast for one layer, accurate for several where none is named; raises `Usage`."""
    several = "+" in options.layers or options.layers == "all"
    name = options.profile or ("accurate" if several else "fast")
    if name not in PROFILES:
        raise Usage(f"profile: expected one of {', '.join(PROFILES)}, got {name!r}")
    return PROFILES[name]
