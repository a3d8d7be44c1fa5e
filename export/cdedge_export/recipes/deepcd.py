"""DeepCD's recipe: the compact filter on a network's distilled channels."""

from __future__ import annotations

from cdedge_export.options import ExportOptions
from cdedge_export.report import Say
from cdedge_runtime.errors import Usage
from cdedge_runtime.trackers.deepcd.settings import PROFILES, Settings

from .recipe import Design, Recipe, Scene, started
from .steps import network_recipe, square_settings_window, steps_for


def recipe(options: ExportOptions) -> Recipe:
    """Everything means something to it."""
    return network_recipe(options, _design, why_not="deepcd has no use for it", more=frozenset({"profile"}))


def _design(scene: Scene, options: ExportOptions, say: Say) -> Design:
    settings = started(options, _profile(options))
    window = square_settings_window(scene, options, settings)
    steps = steps_for(options)
    sight = steps.seen(scene, options, say, window=window, judge=settings)
    return steps.file_of(scene, options, sight, steps.chosen_plan(sight, options), say, settings)


def _profile(options: ExportOptions) -> Settings:
    """The named profile: fast for one layer, accurate for several where none is named; raises `Usage`."""
    several = "+" in options.layers or options.layers == "all"
    name = options.profile or ("accurate" if several else "fast")
    if name not in PROFILES:
        raise Usage(f"profile: expected one of {', '.join(PROFILES)}, got {name!r}")
    return PROFILES[name]
