"""A stand-in for tracking quality that needs no annotation: how clearly an exported file tells the target apart.

The device's filter is trained on frame 1 and asked about windows of frame 2, shifted by known distances around the
target. The margin is the lead of the response at the target over the highest elsewhere, in standard deviations (see
`filter.channels.margins`), averaged over the windows. It says how sure the second frame is, not how long a track holds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cdedge_export.choose.judge import scene, trained
from cdedge_runtime import patch
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage
from cdedge_runtime.estimate import no_lap
from cdedge_runtime.filter import compact
from cdedge_runtime.filter import fourier as dcf
from cdedge_runtime.filter.channels import Scene, margins
from cdedge_runtime.filter.dft import Real
from cdedge_runtime.image import Frame
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.trackers.deepcd.deep import DeepSight, Lattice
from cdedge_runtime.trackers.deepcd.settings import Settings

Point = tuple[float, float]

_SHIFTS = ((0, 0), (0, 6), (0, -6), (6, 0), (-6, 0))  # of the window, in cells (rows, columns)


class Judge:
    """A deepcd file's filters, trained on the first of two frames; ``answer`` looks at a place in the second."""

    def __init__(self, model: Path, frames: list[Frame], box: Box) -> None:
        self._extract = Extractor(model, threads=1)
        spec = self._extract.spec
        if not isinstance(spec.settings, Settings):
            raise Usage(f"quality is judged of deepcd's files, this one is for {spec.tracker}")
        self._settings, self._second, self._size = spec.settings, frames[1], box.size
        self._side = patch.window_side_px(box.size, spec.settings.padding)
        self.cell = self._side / spec.grid[0], self._side / spec.grid[1]
        self.where: Scene = scene(spec.grid, (box.height / self.cell[0], box.width / self.cell[1]), spec.settings)
        self._patch = np.empty((*spec.input_px, 3), np.uint8)
        window = patch.cut(frames[0], box.center, self._side, out=self._patch)
        first = compact.prepared(self._extract(window), self._settings.power)
        self._gain = compact.channel_gain(first) * dcf.hann_window(spec.grid)
        self._filter = trained(self.where.window.forward(first * self._gain), self.where)
        self._deep = None if spec.deep is None else DeepSight(self._extract, spec.deep)
        if self._deep is not None:
            support = self.where.problem.dft.shape
            rest = (spec.grid[0] - support[0]) / 2, (spec.grid[1] - support[1]) / 2
            self._deep.begin(frames[0], box.center, box.size, Lattice(spec.grid, self._side, rest), no_lap)

    def answer(self, center: Point) -> Real:
        """Response (Gh, Gw) to the second frame's window around ``center``; the joint one, with a deep part."""
        window = patch.cut(self._second, center, self._side, out=self._patch)
        if self._deep is None:
            return self._fine(self._extract(window))
        look = self._deep.respond(self._second, center, 1.0, self._size, no_lap, fine=window)
        return self._deep.joint(self._fine(look.fine), look)

    def _fine(self, features: Real) -> Real:
        maps = compact.prepared(features, self._settings.power) * self._gain
        return self._filter.respond(self.where.window.forward(maps), self.where.window)


def located(judge: Judge, start: Point) -> Point:
    """Where the file finds the target in frame 2, looking around ``start``."""
    response = judge.answer(start)
    at = np.unravel_index(int(response.argmax()), response.shape)
    zero = np.unravel_index(int(judge.where.distance.argmin()), response.shape)
    rows, columns = (dcf.wrapped(float(a) - float(z), n) for a, z, n in zip(at, zero, response.shape, strict=True))
    return start[0] + columns * judge.cell[1], start[1] + rows * judge.cell[0]


def margin(judge: Judge, center: Point) -> float:
    """Mean margin over shifted windows of frame 2, in which the target is at ``center``."""
    found = []
    for rows, columns in _SHIFTS:
        response = judge.answer((center[0] + columns * judge.cell[1], center[1] + rows * judge.cell[0]))
        found.append(margins(np.roll(response, (rows, columns), (0, 1))[None], judge.where.distance)[0])
    return float(np.mean(found))
