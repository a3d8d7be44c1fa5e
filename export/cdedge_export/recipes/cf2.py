"""CF2's recipe: the paper's baseline on a network's taps, in a window of the released code's rule."""

from __future__ import annotations

import math

from cdedge_export.choose.look import SearchWindow, square
from cdedge_export.options import ExportOptions
from cdedge_export.report import Say
from cdedge_runtime.patch import Sides
from cdedge_runtime.trackers.cf2.settings import Cf2Settings
from cdedge_runtime.trackers.cf2.tracker import INPUT_PX, grid_for, window_px
from cdedge_runtime.trackers.deepcd.settings import Settings

from .recipe import Design, Recipe, Scene, started
from .steps import network_recipe, steps_for


def recipe(options: ExportOptions) -> Recipe:
    """As DeepCD's, without profiles; its filter is the one that Eq. 4's reduced form is exact for."""
    why_not, defaults = "the tracker cf2 has no profiles, no deep part and no generic files", {"search": "reduced"}
    return network_recipe(options, _design, why_not=why_not, defaults=defaults)


def _design(scene: Scene, options: ExportOptions, say: Say) -> Design:
    settings: Cf2Settings = started(options)
    view = _window(scene, options, settings, say)
    # Its channels are judged by the standard compact filter.
    steps = steps_for(options)
    sight = steps.seen(scene, options, say, window=lambda _stride: view, judge=Settings())
    return steps.file_of(scene, options, sight, steps.chosen_plan(sight, options), say, settings)


def _window(scene: Scene, options: ExportOptions, settings: Cf2Settings, say: Say) -> SearchWindow:
    """Its grid follows the target's shape, and is fixed with the file: for another box the cells stretch."""
    sides = window_px(scene.box.size, scene.frames[0].shape)
    padding = math.sqrt(sides[0] * sides[1] / scene.box.area)
    pixels = square(options.input_px) if options.input_px else INPUT_PX
    cells = square(options.grid) if options.grid else _grid(sides, pixels, say)
    return SearchWindow(sides, pixels, cells, padding, None, settings.label_sigma)


def _grid(sides: Sides, pixels: tuple[int, int], say: Say) -> tuple[int, int]:
    """The released code's grid, but no finer than the network's input: it would be work between its pixels."""
    (rows, columns), (high, wide) = grid_for(sides), pixels
    cells = min(rows, high), min(columns, wide)
    if cells != (rows, columns):
        say(
            f"the window of {sides[1]:g}x{sides[0]:g} px gets {cells[1]}x{cells[0]} cells, of which the network sees a "
            f"pixel each; CF2's own code would make {columns}x{rows}. A smaller grid is quicker"
        )
    return cells
