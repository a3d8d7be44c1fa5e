"""A box head's answer: where it sees the template, and which box it says, in pixels of the frame.

Such a head is the second half of a Siamese tracker. It is trained once, and does not learn; the filters beside it do.
Scores and their penalty as in SiamRPN (Li et al. 2018); a cell's box is given by its distances to the four sides. What
a head calls the target may be more or less than the first box: the first frame says how much, and that is put right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from cdedge_runtime import patch
from cdedge_runtime.estimate import HeadFeatures
from cdedge_runtime.filter.dft import Real
from cdedge_runtime.image import Frame
from cdedge_runtime.model.contract import HeadPart
from cdedge_runtime.patch import Image

Point = tuple[float, float]
Size = tuple[float, float]

_NEAR_CELLS = 1.0  # standard deviation of how near the joint peak a cell has to lie for its box to be taken
_LEAST_PX = 2.0  # of a box's side in the deep window
_MOST_WRONG = 1.6  # how much the head's size of the first target may differ from the first box's


@dataclass(frozen=True)
class Habit:
    """How the head's boxes differ from the user's: the center by (x, y) of the box's size, the size by factors."""

    offset: Point = (0.0, 0.0)
    factors: Size = (1.0, 1.0)


@dataclass(frozen=True)
class Boxes:
    """Of each cell (Gh, Gw): how surely the target is there, that with the penalty, and the box.

    offset: (2, Gh, Gw) x and y of the boxes' centers, from the window's. size: (2, Gh, Gw) width and height. Both in
    pixels of the frame, as ``cell_px``.
    """

    score: Real
    penalized: Real
    offset: Real
    size: Real
    cell_px: float

    def near(self, at: Point) -> tuple[int, int]:
        """The cell (row, column) with the best box of those around a place (x, y) from the window's center, pixels."""
        rows, columns = self.score.shape
        down = np.arange(rows) - rows // 2 - at[1] / self.cell_px
        across = np.arange(columns) - columns // 2 - at[0] / self.cell_px
        close = np.exp(-0.5 * (down[:, None] ** 2 + across**2) / _NEAR_CELLS**2)
        row, column = divmod(int((self.penalized * close).argmax()), columns)
        return row, column

    @property
    def best(self) -> tuple[Point, Size]:
        """Center (x, y) from the window's, and (w, h), of the best box of all, in pixels."""
        row, column = divmod(int(self.penalized.argmax()), self.score.shape[1])
        return self.box((row, column))

    def box(self, cell: tuple[int, int]) -> tuple[Point, Size]:
        """A cell's box: center (x, y) from the window's, and (w, h), in pixels."""
        (x, y), (width, height) = self.offset[:, cell[0], cell[1]], self.size[:, cell[0], cell[1]]
        return (float(x), float(y)), (float(width), float(height))


class BoxHead:
    """The head of a file, and the ``template`` (C, Th, Tw) that it has to find; `begin` comes first."""

    def __init__(self, features: HeadFeatures, part: HeadPart, input_px: tuple[int, int]) -> None:
        self._features, self._part, self._input_px = features, part, input_px

    def begin(self, image: Frame, window: Image, center: Point, size: Size, side_px: float) -> None:
        """Take the template from the first frame, and see how it is framed in the deep ``window`` of ``side_px``."""
        (height, width), (_, across) = self._part.template_px, self._input_px
        around = side_px * width / across, side_px * height / across
        cut = patch.cut(image, center, (around[1], around[0]), out=np.empty((height, width, 3), np.uint8))
        self.template = self._features.template(cut)
        self._habit = Habit()
        said = self.read(self._features.deep_and_boxes(window, self.template)[1], side_px, size)
        at = said.near((0.0, 0.0))
        (x, y), (w, h) = said.box(at)
        self._habit = Habit((x / size[0], y / size[1]), (_bounded(size[0] / w), _bounded(size[1] / h)))

    def read(self, answer: Real, side_px: float, last: Size) -> Boxes:
        """The boxes (6, Gh, Gw) of a window of ``side_px`` in the frame, put right; ``last`` is the last (w, h)."""
        read = decoded(answer, side_px / self._input_px[1], self._input_px[1] // answer.shape[2])
        offset = read.offset - np.reshape([o * n for o, n in zip(self._habit.offset, last, strict=True)], (2, 1, 1))
        size = read.size * np.reshape(self._habit.factors, (2, 1, 1))
        less = np.exp(-self._part.settings.penalty * (_change(size, last) - 1))
        return replace(read, offset=offset, size=size, penalized=np.asarray(read.score * less, np.float32))

    def joint(self, response: Real, score: Real) -> Real:
        """The filters' response and the head's score, both on the fine grid, as one."""
        share = np.float32(self._part.settings.share)
        return np.asarray((1 - share) * response + share * score)

    def fitted(self, said: Boxes, at: Point, last: Size) -> tuple[Point, Size]:
        """Center from the window's and size (w, h), in pixels, of the box at a place: both gone towards the head's."""
        settings, cell = self._part.settings, said.near(at)
        sure = float(said.score[cell]) > settings.sure
        center = settings.center_rate if sure else 0.0
        size = settings.size_rate * float(said.penalized[cell])
        wanted_at, wanted = said.box(cell)
        return _gone(at, wanted_at, center), _gone(last, wanted, size)

    @property
    def nbytes(self) -> int:
        """Bytes of the template."""
        return int(self.template.nbytes)


def decoded(answer: Real, scale: float, stride: int) -> Boxes:
    """Read (6, Gh, Gw): logits of background and target, then left, top, right, bottom in pixels of the window.

    ``scale``: pixels of the frame per pixel of the window. ``stride``: pixels of the window per cell.
    """
    rows, columns = answer.shape[1:]
    score = np.asarray(1 / (1 + np.exp(np.clip(answer[0] - answer[1], -60, 60))), np.float32)
    left, top, right, bottom = answer[2:]
    x = (np.arange(columns) - columns // 2) * stride + (right - left) / 2
    y = (np.arange(rows) - rows // 2)[:, None] * stride + (bottom - top) / 2
    size = np.maximum(np.stack([right + left, bottom + top]), _LEAST_PX)
    offset = np.stack([x, y]).astype(np.float32)
    return Boxes(score, score, offset * np.float32(scale), size * np.float32(scale), stride * scale)


def scale_and_aspect(size: Size, first: Size) -> tuple[float, float]:
    """Scale of (w, h) against the first frame's, and the square root of how much its w / h has grown."""
    width, height = size[0] / first[0], size[1] / first[1]
    return math.sqrt(width * height), math.sqrt(width / height)


def _change(size: Real, last: Size) -> Real:
    """How much sizes (2, ...) differ from (w, h): the ratios of size and of shape, each at least 1, multiplied."""
    area = _with_context(size[0], size[1]) / _with_context(np.float64(last[0]), np.float64(last[1]))
    shape = (size[0] / size[1]) / (last[0] / last[1])
    return np.asarray(np.maximum(area, 1 / area) * np.maximum(shape, 1 / shape))


def _with_context(width: Real | np.float64, height: Real | np.float64) -> Real | np.float64:
    more = (width + height) / 2
    return np.sqrt((width + more) * (height + more))


def _bounded(factor: float) -> float:
    return float(min(max(factor, 1 / _MOST_WRONG), _MOST_WRONG))


def _gone(before: Point, wanted: Point, rate: float) -> Point:
    """A pair of numbers gone to the wanted one by a share of ``rate``."""
    x, y = (b + rate * (w - b) for b, w in zip(before, wanted, strict=True))
    return x, y
