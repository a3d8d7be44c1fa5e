"""Where a tracker's network looks in the first frame: its search window, patch and grid."""

from __future__ import annotations

from dataclasses import dataclass

from cdedge_runtime import patch
from cdedge_runtime.box import Box
from cdedge_runtime.patch import Sides

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


def square_window(
    box: Box,
    *,
    padding: float,
    power: float,
    label_sigma: float,
    input_px: int | None,
    grid: int | None,
    stride: int,
) -> SearchWindow:
    """A square window of ``padding`` times sqrt(target area); a given side of the patch or the grid holds.

    Else the patch makes the deepest layer, whose ``stride`` is given, as fine as the grid, within 96 to 192 px.
    """
    side = patch.window_side_px(box.size, padding)
    cells_per_side = grid or DEFAULT_GRID
    chosen_px = input_px or min(max(cells_per_side * stride, _INPUT_PX[0]), _INPUT_PX[1])
    return SearchWindow((side, side), square(chosen_px), square(cells_per_side), padding, power, label_sigma)


def square(side: int) -> Size:
    """Both sides alike."""
    return side, side
