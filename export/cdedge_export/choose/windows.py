"""Where a tracker's network looks in the first frame: its search window, patch and grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cdedge_runtime import patch
from cdedge_runtime.box import Box
from cdedge_runtime.patch import Sides
from cdedge_runtime.trackers.cf2 import tracker as cf2
from cdedge_runtime.trackers.deepcd.settings import Settings
from cdedge_runtime.trackers.settings import Cf2Settings, EcoSettings

Size = tuple[int, int]

DEFAULT_GRID = 48
_INPUT_PX = (96, 192)  # smallest and largest side that is chosen here


@dataclass(frozen=True)
class SearchWindow:
    """A window of ``sides`` (height, width) frame pixels, stretched to ``input_px``, answered on ``grid``.

    padding: sqrt(window area) over sqrt(target area). power: exponent on the features, None where the tracker's
    filters take them as they are. label_sigma: as in the settings.
    """

    sides: Sides
    input_px: Size
    grid: Size
    padding: float
    power: float | None
    label_sigma: float


def search_window(
    settings: Settings | Cf2Settings | EcoSettings,
    box: Box,
    frame_shape: tuple[int, ...],
    *,
    input_px: int | None,
    grid: int | None,
    stride: int,
) -> SearchWindow:
    """The tracker's window for a target; a side given for the patch or the grid takes the place of its own.

    CF2's grid follows the target's shape, and is fixed with the file: for another box the cells stretch. DeepCD's patch
    makes the deepest layer, whose ``stride`` is given, as fine as the grid, within 96 to 192 px.
    """
    if isinstance(settings, Cf2Settings):
        sides = cf2.window_px(box.size, frame_shape)
        padding = math.sqrt(sides[0] * sides[1] / box.area)
        cells = square(grid) if grid else cf2.grid_for(sides)
        pixels = square(input_px) if input_px else cf2.INPUT_PX
        return SearchWindow(sides, pixels, cells, padding, None, settings.label_sigma)
    side = patch.window_side_px(box.size, settings.padding)
    cells_per_side = grid or DEFAULT_GRID
    chosen_px = input_px or min(max(cells_per_side * stride, _INPUT_PX[0]), _INPUT_PX[1])
    sides = side, side
    cells = square(cells_per_side)
    return SearchWindow(sides, square(chosen_px), cells, settings.padding, settings.power, settings.label_sigma)


def square(side: int) -> Size:
    """Both sides alike."""
    return side, side
