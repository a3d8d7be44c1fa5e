"""Where a tracker's network looks in the first frame, and the first two frames as its features show them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice, product

import numpy as np
from numpy.typing import NDArray

from cdedge_export.choose.distill import Maps, TwoFrames
from cdedge_export.choose.plan import DistillOptions
from cdedge_runtime import patch
from cdedge_runtime.box import Box, check_target
from cdedge_runtime.errors import BadInput, Usage
from cdedge_runtime.filter import fourier as dcf
from cdedge_runtime.image import Frame
from cdedge_runtime.patch import Sides
from cdedge_runtime.sources.frames import Source
from cdedge_runtime.trackers.deepcd.settings import Settings
from cdedge_runtime.trackers.window import label_in_window

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


# How a window differs from the first frame's: right and down in sides, and the scale.
_VARIED = ((0, 0, 1), (0.25, 0, 1), (-0.25, 0, 1), (0, 0.25, 1), (0, -0.25, 1), (0, 0, 0.8), (0, 0, 1.25))
Patches = NDArray[np.uint8]
Look = Callable[[Patches], Mapping[str, Maps]]  # windows (N, H, W, 3) to each tap's features (N, C, Gh, Gw)


def two_frames(
    frames: list[Frame], box: Box, look: Look, *, view: SearchWindow, judge: Settings
) -> tuple[TwoFrames, Patches]:
    """Features of both frames around the target, which is located in frame 2 with all channels.

    And the two search windows they were taken from, (2, H, W, 3) uint8. ``judge``: settings of the compact filter that
    judges channels.
    """
    label = dcf.spectrum(label_in_window(box.size, view.sides, view.grid, view.label_sigma))
    windows = np.empty((2, *view.input_px, 3), np.uint8)

    def features(index: int, center: tuple[float, float]) -> Mapping[str, Maps]:
        return look(patch.cut(frames[index], center, view.sides, out=windows[index])[None])

    cell = view.sides[0] / view.grid[0], view.sides[1] / view.grid[1]
    target = box.height / cell[0], box.width / cell[1]

    def pair(second: Mapping[str, Maps]) -> TwoFrames:
        both = {tap: np.concatenate([first[tap], second[tap]]) for tap in first}
        return TwoFrames(both, label, view.padding, view.power, target, judge)

    first, second = features(0, box.center), features(1, box.center)
    spectra = pair(second).spectra()
    ridge = DistillOptions().regularization * math.prod(view.grid)
    rows, columns, _ = dcf.peak(dcf.respond(spectra[1], dcf.solve(spectra[:1], label, ridge), view.grid))
    return pair(features(1, (box.center[0] + columns * cell[1], box.center[1] + rows * cell[0]))), windows


def varied_windows(frames: list[Frame], box: Box, sides: Sides, input_px: Size) -> Patches:
    """Windows of both frames around the target, (14, H, W, 3) uint8: of ``sides`` (height, width) frame pixels.

    Of each frame the first is as it is; others are shifted by a quarter, and at other scales.
    """
    windows = np.empty((len(frames) * len(_VARIED), *input_px, 3), np.uint8)
    for out, (frame, (right, down, scale)) in zip(windows, product(frames, _VARIED), strict=True):
        center = box.center[0] + right * sides[1], box.center[1] + down * sides[0]
        patch.cut(frame, center, (sides[0] * scale, sides[1] * scale), out=out)
    return windows


def first_frames(source: Source, box: Box | None, *, anywhere: bool = False) -> tuple[list[Frame], Box]:
    """The first two frames and the target in the first; raises `BadInput` or `Usage` where one is not there.

    ``anywhere``: the middle of the frame does where no target is known.
    """
    frames = list(islice(source.frames(), 2))
    if len(frames) < 2:
        raise BadInput(f"{source.name}: distillation needs the first two frames, the source has {len(frames)}")
    known, (height, width) = box or source.first_box, frames[0].shape[:2]
    if known is None and anywhere:
        side = min(height, width) / 4
        known = Box.from_center((width / 2, height / 2), (side, side))
    if known is None:
        raise Usage(f"box: {source.name} has no annotation: give the target in its first frame ({width}x{height} px)")
    check_target(known, frames[0].shape)
    return frames, known
