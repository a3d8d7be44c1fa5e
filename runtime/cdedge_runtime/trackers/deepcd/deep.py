"""The second look: a filter on deep maps of a coarse grid, whose response is brought onto the fine grid.

Shallow maps say where, and lose a target that changes; deep maps say what, and not quite where. Each has a filter, a
window and a label of its own. The joint response is a weighted mean of the two at the same places in the frame, and of
a box head's score where the file has one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cdedge_runtime import patch
from cdedge_runtime.errors import BadModel
from cdedge_runtime.estimate import DeepFeatures, Features, HeadFeatures, Lap
from cdedge_runtime.filter import compact
from cdedge_runtime.filter.dft import BandSpectrum, Dft, Real
from cdedge_runtime.filter.fourier import hann_sides, wrapped
from cdedge_runtime.filter.shapes import support_cells
from cdedge_runtime.image import Frame
from cdedge_runtime.model.contract import DeepPart
from cdedge_runtime.patch import Image

from .head import Boxes, BoxHead
from .keep import kept_for, of_kept

Point = tuple[float, float]


@dataclass(frozen=True)
class Lattice:
    """Where a response has its cells: cells and window side (pixels at scale 1), and the cell of a target at rest."""

    grid: tuple[int, int]
    side_px: float
    rest: tuple[float, float]


@dataclass(frozen=True)
class Look:
    """What a deep look says, on the fine grid: the filter's response, and the box head's score and boxes.

    fine: the fine network's maps of the same place, which came with it; they hold until they are prepared in place.
    seen, side_px: the deep maps' spectrum, and the side of their window.
    """

    response: Real
    fine: Real
    seen: BandSpectrum
    side_px: float
    score: Real | None = None
    boxes: Boxes | None = None


class DeepSight:
    """The deep maps of a file with a deep part, and the filter on them; `begin` comes first."""

    def __init__(self, features: Features, part: DeepPart) -> None:
        if not isinstance(features, DeepFeatures):
            raise BadModel("the model's contract has a deep part, its features have none")
        self._features, self._part = features, part
        self._patch = np.empty((*part.input_px, 3), np.uint8)
        self._dft = Dft(part.grid, band=part.settings.band, window=hann_sides(part.grid))
        self._head: BoxHead | None = None
        if part.head is not None:
            if not isinstance(features, HeadFeatures):
                raise BadModel("the model's contract has a box head, its features have none")
            self._head = BoxHead(features, part.head, part.input_px)

    def begin(self, image: Frame, center: Point, size: tuple[float, float], fine: Lattice, lap: Lap) -> None:
        """Learn a target of ``size`` (w, h) at ``center`` from its first frame; ``fine`` is where it will be asked."""
        settings, grid = self._part.settings, self._part.grid
        side = patch.context_side_px(size, settings.padding)
        target = size[1] / side * grid[0], size[0] / side * grid[1]
        support = support_cells(target, settings.support, grid)
        self._side_px = side
        rest = (grid[0] - support[0]) / 2, (grid[1] - support[1]) / 2
        self._to_rows, self._to_columns = places(Lattice(grid, side, rest), fine)
        self._cut(image, center, 1.0, lap)
        features = self._features.deep(self._patch)
        lap("features")
        problem = compact.problem_on(grid, support, settings.label_cells, settings)
        self._kept = kept_for(self._part, features, problem, target)
        maps = self._prepared(features)
        self._gain = compact.channel_gain(maps)
        self._filter = problem.trained(self._transformed(maps))
        if self._head is not None:
            middle = Lattice(grid, side, (grid[0] // 2, grid[1] // 2))
            self._cells_to_rows, self._cells_to_columns = places(middle, fine, linear=True)
            self._head.begin(image, self._patch, center, size, side)
        lap("update")

    def is_due(self, frame: int) -> bool:
        """Whether it looks at this frame, counted from the first."""
        return frame % self._part.settings.every == 0

    def respond(
        self, image: Frame, center: Point, scale: float, last: tuple[float, float], lap: Lap, *, fine: Image
    ) -> Look:
        """What is seen at the places of the fine grid, around ``center`` at ``scale``; ``last`` is the last (w, h).

        ``fine`` is the fine network's window there: one run of both costs less than two.
        """
        score = boxes = None
        self._cut(image, center, scale, lap)
        seen = self._features.together(fine, self._patch, None if self._head is None else self._head.template)
        if self._head is not None:
            boxes = self._head.read(seen.boxes, self._side_px * scale, last)
            score = np.asarray(self._cells_to_rows @ boxes.penalized @ self._cells_to_columns.T)
        lap("features")
        spectrum = self._transformed(self._prepared(seen.deep))
        lap("transform")
        response = self._filter.respond(spectrum, self._dft)
        found = np.asarray(self._to_rows @ response @ self._to_columns.T)
        lap("response")
        return Look(found, seen.fine, spectrum, self._side_px * scale, score, boxes)

    def fitted(self, look: Look, at: Point, last: tuple[float, float]) -> tuple[Point, tuple[float, float]]:
        """Center (x, y) from the window's and size (w, h) of the target at a place, in pixels, by the box head."""
        if self._head is None or look.boxes is None:
            return at, last
        return self._head.fitted(look.boxes, at, last)

    def learn(self, look: Look, at: Point, frame: int, lap: Lap) -> None:
        """Take in the target at ``at``, (x, y) in pixels from the look's center, where it is the frame's turn.

        The look's maps are moved there: another look would cost as much as the first.
        """
        settings = self._part.settings
        if frame % settings.update_every:
            return
        per_px = self._part.grid[1] / look.side_px
        rate = 1 - (1 - settings.learning_rate) ** settings.update_every
        centered = self._dft.shifted(look.seen, at[1] * per_px, at[0] * per_px)
        self._filter.learn(centered, rate, settings.iterations)
        lap("update")

    def joint(self, response: Real, look: Look) -> Real:
        """The fine response and a deep look, both on the fine grid, as one."""
        share = np.float32(self._part.settings.share)
        both = np.asarray((1 - share) * response + share * look.response)
        return both if self._head is None or look.score is None else self._head.joint(both, look.score)

    @property
    def kind(self) -> str:
        """The name of its calibration; the head whose weights are bundled is `cdedge_head`."""
        if self._part.head is None:
            return "deepcd+deep"
        return "deepcd+cdedge_head" if self._part.head.weights.name == "bundled" else "deepcd+head"

    @property
    def state_bytes(self) -> int:
        """Bytes of the filter and its samples."""
        return self._filter.state_bytes

    @property
    def buffers_bytes(self) -> int:
        """Bytes of patch, maps and spectra; the filter's work space is two of these."""
        maps = 4 * (self._part.channels + self._part.filter_channels) * self._part.grid[0] * self._part.grid[1]
        spectrum = 8 * self._part.filter_channels * self._dft.frequencies[0] * self._dft.frequencies[1]
        head = 0 if self._head is None else 3 * self._head.nbytes
        return self._patch.nbytes + maps + 3 * spectrum + head

    def _cut(self, image: Frame, center: Point, scale: float, lap: Lap) -> None:
        patch.cut_on_pixels(image, center, self._side_px * scale, out=self._patch)
        lap("patch")

    def _prepared(self, features: Real) -> Real:
        maps = of_kept(features, self._kept)
        return compact.prepared(maps, self._part.settings.power, out=maps)

    def _transformed(self, maps: Real) -> BandSpectrum:
        return np.asarray(self._dft.forward(maps) * self._gain)


def places(coarse: Lattice, fine: Lattice, *, linear: bool = False) -> tuple[Real, Real]:
    """Matrices (fine rows, coarse rows) and (fine columns, coarse columns) that bring a coarse map to fine places.

    Both windows lie around the same point. A response has a limited band, so Fourier interpolation reads it anywhere;
    ``linear`` is for maps that have none. Beyond the coarse window its border counts.
    """
    rows, columns = (_axis(coarse, fine, axis, linear) for axis in (0, 1))
    return rows, columns


def _axis(coarse: Lattice, fine: Lattice, axis: int, linear: bool) -> Real:
    cells, count = coarse.grid[axis], fine.grid[axis]
    per_cell = fine.side_px / count * cells / coarse.side_px
    moved = np.array([wrapped(cell - fine.rest[axis], count) for cell in range(count)]) * per_cell
    at = coarse.rest[axis] + moved.clip(-cells / 2, cells / 2)
    if linear:
        away = np.abs(at.clip(0, cells - 1)[:, None] - np.arange(cells))
        return np.asarray(np.maximum(0, 1 - away), np.float32)
    return _interpolation(cells, at)


def _interpolation(cells: int, at: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Real:
    """Matrix (len(at), cells) that reads a periodic signal without its Nyquist frequency at the places ``at``."""
    waves = np.arange(1, (cells - 1) // 2 + 1)
    turns = 2 * np.pi / cells * (at[:, None] - np.arange(cells))
    return np.asarray((1 + 2 * np.cos(turns[..., None] * waves).sum(-1)) / cells, np.float32)
