"""The second look: a filter on deep maps of a coarse grid, whose response is brought onto the fine grid.

Shallow maps say where, and lose a target that changes; deep maps say what, and not quite where. Each has a filter, a
window and a label of its own. The joint response is a weighted mean of the two at the same places in the frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cdedge_runtime import patch
from cdedge_runtime.errors import BadModel
from cdedge_runtime.estimate import DeepFeatures, Features, Lap
from cdedge_runtime.filter import compact
from cdedge_runtime.filter.dft import BandSpectrum, Dft, Real
from cdedge_runtime.filter.fourier import hann_sides, wrapped
from cdedge_runtime.filter.shapes import support_cells
from cdedge_runtime.image import Frame
from cdedge_runtime.model.contract import DeepPart

Point = tuple[float, float]


@dataclass(frozen=True)
class Lattice:
    """Where a response has its cells: cells and window side (pixels at scale 1), and the cell of a target at rest."""

    grid: tuple[int, int]
    side_px: float
    rest: tuple[float, float]


class DeepSight:
    """The deep maps of a file with a deep part, and the filter on them; `begin` comes first."""

    def __init__(self, features: Features, part: DeepPart) -> None:
        if not isinstance(features, DeepFeatures):
            raise BadModel("the model's contract has a deep part, its features have none")
        self._features, self._part = features, part
        self._patch = np.empty((*part.input_px, 3), np.uint8)
        self._dft = Dft(part.grid, band=part.settings.band, window=hann_sides(part.grid))

    def begin(self, image: Frame, center: Point, size: tuple[float, float], fine: Lattice, lap: Lap) -> None:
        """Learn a target of ``size`` (w, h) at ``center`` from its first frame; ``fine`` is where it will be asked."""
        settings, grid = self._part.settings, self._part.grid
        side = patch.window_side_px(size, settings.padding)
        support = support_cells((size[1] / side * grid[0], size[0] / side * grid[1]), settings.support, grid)
        self._side_px = side
        rest = (grid[0] - support[0]) / 2, (grid[1] - support[1]) / 2
        self._to_rows, self._to_columns = places(Lattice(grid, side, rest), fine)
        maps = self._maps(image, center, 1.0, lap)
        self._gain = compact.channel_gain(maps)
        self._filter = compact.CompactFilter(
            Dft(grid, support, band=settings.band),
            Dft(grid, band=settings.band).forward(compact.label_for(grid, support, settings.label_cells)),
            ridge=settings.ridge,
            memory=settings.memory,
            first=self._transformed(maps),
            iterations=settings.first_iterations,
        )
        lap("update")

    def respond(self, image: Frame, center: Point, scale: float, lap: Lap) -> Real:
        """The response at the places of the fine grid, around ``center`` at ``scale``."""
        response = self._filter.respond(self._spectrum(image, center, scale, lap), self._dft)
        found = self._to_rows @ response @ self._to_columns.T
        lap("response")
        return np.asarray(found)

    def learn(self, image: Frame, center: Point, scale: float, frame: int, lap: Lap) -> None:
        """Take in the target at ``center`` in the ``frame``-th frame, where it is that frame's turn."""
        settings = self._part.settings
        if frame % settings.update_every:
            return
        rate = 1 - (1 - settings.learning_rate) ** settings.update_every
        self._filter.learn(self._spectrum(image, center, scale, lap), rate, settings.iterations)
        lap("update")

    def joint(self, response: Real, deep: Real) -> Real:
        """Fine and deep response, both on the fine grid, as one."""
        share = np.float32(self._part.settings.share)
        return np.asarray((1 - share) * response + share * deep)

    @property
    def state_bytes(self) -> int:
        """Bytes of the filter and its samples."""
        return self._filter.state_bytes

    @property
    def buffers_bytes(self) -> int:
        """Bytes of patch, maps and spectra; the filter's work space is two of these."""
        maps = 4 * self._part.channels * self._part.grid[0] * self._part.grid[1]
        spectrum = 8 * self._part.channels * self._dft.frequencies[0] * self._dft.frequencies[1]
        return self._patch.nbytes + 2 * maps + 3 * spectrum

    def _maps(self, image: Frame, center: Point, scale: float, lap: Lap) -> Real:
        window = patch.cut(image, center, self._side_px * scale, out=self._patch)
        lap("patch")
        features = self._features.deep(window)
        lap("features")
        return compact.prepared(features, self._part.settings.power, out=features)

    def _spectrum(self, image: Frame, center: Point, scale: float, lap: Lap) -> BandSpectrum:
        spectrum = self._transformed(self._maps(image, center, scale, lap))
        lap("transform")
        return spectrum

    def _transformed(self, maps: Real) -> BandSpectrum:
        return np.asarray(self._dft.forward(maps) * self._gain)


def places(coarse: Lattice, fine: Lattice) -> tuple[Real, Real]:
    """Matrices (fine rows, coarse rows) and (fine columns, coarse columns) that bring a coarse response to fine places.

    Both windows lie around the same point. A response has a limited band, so Fourier interpolation reads it anywhere.
    Beyond the coarse window its border counts.
    """
    rows, columns = (_axis(coarse, fine, axis) for axis in (0, 1))
    return rows, columns


def _axis(coarse: Lattice, fine: Lattice, axis: int) -> Real:
    cells, count = coarse.grid[axis], fine.grid[axis]
    per_cell = fine.side_px / count * cells / coarse.side_px
    moved = np.array([wrapped(cell - fine.rest[axis], count) for cell in range(count)]) * per_cell
    return _interpolation(cells, coarse.rest[axis] + moved.clip(-cells / 2, cells / 2))


def _interpolation(cells: int, at: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Real:
    """Matrix (len(at), cells) that reads a periodic signal without its Nyquist frequency at the places ``at``."""
    waves = np.arange(1, (cells - 1) // 2 + 1)
    turns = 2 * np.pi / cells * (at[:, None] - np.arange(cells))
    return np.asarray((1 + 2 * np.cos(turns[..., None] * waves).sum(-1)) / cells, np.float32)
