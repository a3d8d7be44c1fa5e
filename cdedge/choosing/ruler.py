"""A frame with a ruler of pixel coordinates: to read a box off where nothing can be clicked, or to check one."""

from __future__ import annotations

import cv2
import numpy as np

from cdedge_runtime.box import Box
from cdedge_runtime.image import Frame

_MARGIN_PX = 34
_WIDEST_PX, _NARROWEST_PX = 1600, 960  # of the picture
_APART_PX = 70  # at least, between two numbers
_STEPS_PX = (10, 20, 50, 100, 200, 500, 1000)
_PAPER, _INK, _BOX = (250, 250, 250), (40, 34, 30), (90, 220, 60)  # BGR


def ruled(frame: Frame, box: Box | None, *, origin: int = 0) -> Frame:
    """The frame (H, W, 3) uint8 BGR with a ruler, a grid, and the box where there is one.

    Small frames are enlarged and large ones shrunk; the numbers are the frame's own, counted from ``origin``.
    """
    height, width = frame.shape[:2]
    scale = _scale(width)
    size = (round(width * scale), round(height * scale))
    how = cv2.INTER_NEAREST if scale > 1 else cv2.INTER_AREA
    picture = np.full((size[1] + _MARGIN_PX, size[0] + _MARGIN_PX, 3), _PAPER, np.uint8)
    inner = picture[_MARGIN_PX:, _MARGIN_PX:]
    inner[:] = cv2.resize(frame, size, interpolation=how)
    step = next((s for s in _STEPS_PX if s * scale >= _APART_PX), _STEPS_PX[-1])
    _grid(inner, step * scale)
    for number in range(0, width + 1, step):
        _number(picture, str(number + origin), (_MARGIN_PX + round(number * scale), _MARGIN_PX - 12), middle=True)
    for number in range(0, height + 1, step):
        _number(picture, str(number + origin), (2, _MARGIN_PX + round(number * scale) + 4), middle=False)
    if box is not None:
        _outline(inner, box, scale)
    return picture


def _scale(width_px: int) -> float:
    """Whole steps up for small frames, so that pixels can be counted."""
    if width_px > _WIDEST_PX:
        return _WIDEST_PX / width_px
    return float(max(1, round(_NARROWEST_PX / width_px)))


def _grid(picture: Frame, step_px: float) -> None:
    """Lines half shining through, in place."""
    lines = picture.copy()
    height, width = picture.shape[:2]
    for index in range(int(max(height, width) / step_px) + 1):
        at = round(index * step_px)
        cv2.line(lines, (at, 0), (at, height), (255, 255, 255), 1)
        cv2.line(lines, (0, at), (width, at), (255, 255, 255), 1)
    cv2.addWeighted(lines, 0.45, picture, 0.55, 0, dst=picture)


def _number(picture: Frame, text: str, at: tuple[int, int], *, middle: bool) -> None:
    wide = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)[0][0]
    left = at[0] - wide // 2 if middle else at[0]
    left = min(left, picture.shape[1] - wide - 1)
    cv2.putText(picture, text, (left, at[1]), cv2.FONT_HERSHEY_SIMPLEX, 0.4, _INK, 1, cv2.LINE_AA)


def _outline(picture: Frame, box: Box, scale: float) -> None:
    first = (round(box.x * scale), round(box.y * scale))
    last = (round((box.x + box.width) * scale), round((box.y + box.height) * scale))
    cv2.rectangle(picture, first, last, (0, 0, 0), 4, cv2.LINE_AA)
    cv2.rectangle(picture, first, last, _BOX, 2, cv2.LINE_AA)
