"""CF2's recipe: the paper's baseline on a network's taps, in a window of the released code's rule."""

from __future__ import annotations

import math

from cdedge_export.choose.windows import SearchWindow, square
from cdedge_export.options import ExportOptions
from cdedge_export.report import Say
from cdedge_runtime.trackers.cf2.settings import Cf2Settings
from cdedge_runtime.trackers.cf2.tracker import INPUT_PX, grid_for, window_px
from cdedge_runtime.trackers.deepcd.settings import Settings

from .networks import chosen_plan, design, pruned, seen
from .recipe import OF_NETWORK, Design, Recipe, Scene, started


def recipe(_options: ExportOptions) -> Recipe:
    """As DeepCD's, without profiles; its filter is the one that Eq. 4's reduced form is exact for."""
    return Recipe(OF_NETWORK, "the tracker cf2 has no profiles", _design, defaults={"search": "reduced"})


def _design(scene: Scene, options: ExportOptions, say: Say) -> Design:
    settings: Cf2Settings = started(options)
    view = _window(scene, options, settings)
    # Its channels are judged by the standard compact filter.
    sight = seen(scene, options, say, window=lambda _stride: view, judge=Settings())
    plan = chosen_plan(sight, options)
    return design(scene, options, sight, plan, pruned(plan, sight, options), settings=settings)


def _window(scene: Scene, options: ExportOptions, settings: Cf2Settings) -> SearchWindow:
    """Its grid follows the target's shape, and is fixed with the file: for another box the cells stretch."""
    sides = window_px(scene.box.size, scene.frames[0].shape)
    padding = math.sqrt(sides[0] * sides[1] / scene.box.area)
    cells = square(options.grid) if options.grid else grid_for(sides)
    pixels = square(options.input_px) if options.input_px else INPUT_PX
    return SearchWindow(sides, pixels, cells, padding, None, settings.label_sigma)
