"""The tracker on the device: ``init`` with a box, then ``update`` per frame; the only object that changes."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime import patch
from cdedge_runtime.box import Box, BoxLike
from cdedge_runtime.errors import NotInitialized
from cdedge_runtime.estimate import Estimate, Features, Lap, Sizes, no_lap
from cdedge_runtime.files import StrPath
from cdedge_runtime.filter import compact
from cdedge_runtime.filter.dft import BandSpectrum, Dft, Real
from cdedge_runtime.filter.fourier import hann_sides, peak, wrapped
from cdedge_runtime.filter.shapes import support_cells
from cdedge_runtime.image import Frame, first_frame, next_frame
from cdedge_runtime.kinds import settings_of
from cdedge_runtime.model.contract import Tap
from cdedge_runtime.model.session import Extractor
from cdedge_runtime.patch import Sides

from .colours import Colours
from .deep import DeepSight, Lattice, Look
from .growth import Growth
from .head import scale_and_aspect
from .keep import kept_for, narrowed, of_kept
from .scales import Scales
from .settings import Settings
from .watch import AGREED, Belief, Watch

Point = tuple[float, float]

_FAR = 1 / 8  # of the window's side: a target that moved so far is learned from a window around it


@dataclass(frozen=True)
class View:
    """A search window: its center (x, y) in the frame and its scale against the first frame's.

    aspect: of the box in it, the square root of how much its w / h has grown.
    """

    center: Point
    scale: float
    aspect: float = 1.0


@dataclass(frozen=True)
class Answer:
    """Responses (Gh, Gw) to a view: the fine filter's, and the one that says where the target is; and the deep look."""

    fine: Real
    joint: Real
    look: Look | None = None

    @property
    def head(self) -> float:
        """The score of the box head's surest cell; 0 where there is none."""
        return 0.0 if self.look is None or self.look.boxes is None else float(self.look.boxes.score.max())


class Tracker:
    """Tracks one target with an exported model.

    ``init(frame, box)`` starts or restarts; ``update(frame)`` returns an `Estimate`. Frames are (H, W[, C]) uint8 or
    uint16, grey, BGR or BGRA. ``lap`` is told the end of each stage (see `ModelTracker`).
    """

    def __init__(self, model: StrPath | Features, *, provider: str = "cpu", threads: int | None = None) -> None:
        if isinstance(model, (str, os.PathLike)):
            model = Extractor(model, provider=provider, threads=threads)
        self._extract: Features = model
        self.spec = self._extract.spec
        self._settings = settings_of(self.spec, Settings)
        self._patch = np.empty((*self.spec.input_px, 3), np.uint8)
        self._dft = Dft(self.spec.grid, band=self._settings.band, window=hann_sides(self.spec.grid))
        spectrum = self.spec.filter_channels, *self._dft.frequencies
        self._seen, self._spare = np.empty(spectrum, np.complex64), np.empty(spectrum, np.complex64)
        self._filter: compact.CompactFilter | None = None
        self._kept: NDArray[np.intp] | None = None
        self._deep = None if self.spec.deep is None else DeepSight(self._extract, self.spec.deep)

    def init(self, frame: NDArray[np.generic], box: BoxLike, lap: Lap = no_lap) -> Estimate:
        """Learn the target from its first frame; raises `BadInput` for a box that cannot be tracked."""
        image, box = first_frame(frame, box)
        self._filter = None  # until all is learned
        self._shape = image.shape
        settings, grid = self._settings, self.spec.grid
        self._view, self._size = View(box.center, 1.0), box.size
        self._limits = patch.scale_limits(box, image.shape)
        self._frame = 0
        self._scales = Scales(settings.scale, settings.scale_step, beside_deep=self._deep is not None)
        self._last_seen, self._visit = box.center, 0
        side = patch.window_side_px(box.size, settings.padding)
        cells = (box.height / side * grid[0], box.width / side * grid[1])
        support = support_cells(cells, settings.support, grid)
        self._rest = ((grid[0] - support[0]) / 2, (grid[1] - support[1]) / 2)
        features = self._features(image, self._view, lap)
        kind = "deepcd" if self._deep is None else self._deep.kind
        self._watch = Watch(settings, kind, self._patch, *self._in_patch(self._view))
        sigma = settings.label_sigma * math.sqrt(cells[0] * cells[1])
        problem = compact.problem_on(grid, support, sigma, settings)
        self._kept = kept_for(self.spec, features, problem, cells)
        maps = self._prepared(features)
        self._gain = compact.channel_gain(maps)
        learned = problem.trained(self._transformed(maps))
        self._colours = None
        if settings.colour_share:
            self._colours = Colours(self._patch, self._in_patch(self._view)[1], grid, self._rest)
        self._growth = Growth(image, box) if settings.flow_share else None
        lap("update")
        if self._deep is not None:
            self._deep.begin(image, box.center, box.size, Lattice(grid, side, self._rest), lap)
        self._filter = learned
        return Estimate(box, 1.0, lost=False)

    def update(self, frame: NDArray[np.generic], lap: Lap = no_lap) -> Estimate:
        """Find the target in the next frame and learn from it."""
        if self._filter is None:
            raise NotInitialized
        image = next_frame(frame, self._shape)
        self._frame += 1
        self._grow(image, lap)
        view, answer = self._best(image, self._filter, lap)
        belief = self._go(image, view, answer)
        box = self.box
        if self._watch.judge(belief, box.outside(image.shape)):
            self._last_seen, self._visit = self._view.center, 0
        lap("response")
        settings, searching = self._settings, self._watch.searching
        if not searching and self._frame % settings.update_every == 0:
            rate = 1 - (1 - settings.learning_rate) ** settings.update_every
            self._filter.learn(self._centered(image, view, lap), rate, settings.iterations)
            if self._colours is not None:
                self._colours.learn(self._patch, *self._in_patch(self._view), settings.update_every)
            lap("update")
        if not searching and self._deep is not None and answer.look is not None:
            at = self._view.center[0] - view.center[0], self._view.center[1] - view.center[1]
            self._deep.learn(answer.look, at, self._frame, lap)
        if self._growth is not None:
            self._growth.remember(image, box)
            lap("scale")
        return Estimate(box, belief.score, self._watch.lost, belief.psr)

    @property
    def box(self) -> Box:
        """The present box."""
        return self._box_of(self._view)

    @property
    def taps(self) -> tuple[Tap, ...]:
        """The file's taps with the channels that the filter works on; a generic file's are chosen by ``init``."""
        return self.spec.taps if self._kept is None else narrowed(self.spec.taps, self._kept)

    def sizes(self) -> Sizes:
        """What the model and the filter take, by shape; raises `NotInitialized` before ``init``."""
        if self._filter is None:
            raise NotInitialized
        copied = 0 if self._kept is None else len(self._kept)
        features = 4 * (self.spec.channels + copied) * math.prod(self.spec.grid)
        # The filter's work space is two spectra.
        buffers = self._patch.nbytes + features + 4 * self._seen.nbytes + self._watch.nbytes
        state = self._filter.state_bytes + (0 if self._colours is None else self._colours.nbytes)
        state += 0 if self._growth is None else self._growth.nbytes
        if self._deep is not None:
            state, buffers = state + self._deep.state_bytes, buffers + self._deep.buffers_bytes
        return Sizes(self.spec.weight_bytes, self.spec.activation_bytes, state, buffers)

    def _grow(self, image: Frame, lap: Lap) -> None:
        """Take the size that optical flow sees, before anything is cut; not of what is looked for."""
        if self._growth is None or self._watch.searching:
            return
        self._view = self._scaled(self._view, self._growth.since(image) ** self._settings.flow_share)
        lap("scale")

    def _scaled(self, view: View, factor: float) -> View:
        return replace(view, scale=self._limited(view.scale * factor))

    def _limited(self, scale: float) -> float:
        low, high = self._limits
        return min(max(scale, low), high)

    def _side_px(self, view: View) -> float:
        return patch.window_side_px(self._size, self._settings.padding) * view.scale

    def _box_of(self, view: View) -> Box:
        size = self._size[0] * view.scale * view.aspect, self._size[1] * view.scale / view.aspect
        return Box.from_center(view.center, size)

    def _in_patch(self, view: View) -> tuple[Point, Sides]:
        """Center (x, y) and sides (height, width) of a view's box in pixels of the window cut last."""
        shown, (height, width), box = self._shown, self.spec.input_px, self._box_of(view)
        side = self._side_px(shown)
        x, y = (0.5 + (at - middle) / side for at, middle in zip(view.center, shown.center, strict=True))
        return (x * width, y * height), (box.height / side * height, box.width / side * width)

    def _cut(self, image: Frame, view: View) -> None:
        patch.cut(image, view.center, self._side_px(view), out=self._patch)
        self._shown = view

    def _features(self, image: Frame, view: View, lap: Lap) -> Real:
        self._cut(image, view)
        lap("patch")
        features = self._extract(self._patch)
        lap("features")
        return features

    def _maps(self, image: Frame, view: View, lap: Lap) -> Real:
        return self._prepared(self._features(image, view, lap))

    def _prepared(self, features: Real) -> Real:
        maps = of_kept(features, self._kept)
        return compact.prepared(maps, self._settings.power, out=maps)

    def _transformed(self, maps: Real) -> BandSpectrum:
        """The spectrum of the windowed maps, all channels equally strong; it holds until the next call."""
        spectrum = self._dft.forward(maps, out=self._spare)
        parts = spectrum.view(np.float32)
        parts *= self._gain
        return spectrum

    def _keep(self) -> None:
        """What was transformed last is of the best view so far, and kept as ``_seen``."""
        self._seen, self._spare = self._spare, self._seen

    def _centered(self, image: Frame, view: View, lap: Lap) -> BandSpectrum:
        """The spectrum around the target: that kept of ``view``, where it was found, moved; of a new window if far.

        Moving it, as ECO does, costs a tenth of a new window; but the Hann window stays where it was.
        """
        side, (rows, columns) = self._side_px(view), self.spec.grid
        x, y = ((now - then) / side for now, then in zip(self._view.center, view.center, strict=True))
        if math.hypot(x, y) > _FAR:
            spectrum = self._transformed(self._maps(image, self._view, lap))
        else:
            spectrum = self._dft.shifted(self._seen, y * rows, x * columns, out=self._spare)
        lap("transform")
        return spectrum

    def _best(self, image: Frame, learned: compact.CompactFilter, lap: Lap) -> tuple[View, Answer]:
        """The view that answers best, of those that are looked at, and its answer."""
        here, *others = self._views(image.shape)
        last = self._box_of(here).size
        answer, view = self._looked(image, here, learned, last, lap), here
        self._keep()
        for other in others:
            if other.center != here.center:
                candidate = self._looked(image, other, learned, last, lap)
            else:  # one deep look is enough for neighbouring scales
                candidate = self._answer(self._maps(image, other, lap), learned, answer.look, lap)
            if self._is_better(other, candidate, answer, image.shape):
                view, answer = other, candidate
                self._keep()
            lap("scale")
        if others:
            self._scales.heed(better=view is not here)
        return view, answer

    def _go(self, image: Frame, view: View, answer: Answer) -> Belief:
        """Go to the peak in a view; says what to think of it."""
        if view.center != self._shown.center:  # the belief needs the pixels of the place that won
            self._cut(image, view)
        self._view, belief = self._stepped(self._view, self._fitted(view, answer, image.shape), answer)
        return belief

    def _fitted(self, view: View, answer: Answer, frame_shape: tuple[int, ...]) -> View:
        """The view at the answer's peak; its center and size as the box head has them."""
        moved = self._moved(view, self._with_colours(answer.joint), frame_shape)
        if self._deep is None or answer.look is None or answer.look.boxes is None:
            return moved
        at = moved.center[0] - view.center[0], moved.center[1] - view.center[1]
        (x, y), size = self._deep.fitted(answer.look, at, self._box_of(moved).size)
        scale, aspect = scale_and_aspect(size, self._size)
        center = patch.limit_center((view.center[0] + x, view.center[1] + y), frame_shape)
        return View(center, self._limited(scale), aspect)

    def _with_colours(self, response: Real) -> Real:
        """The response joined with that of the colours, which say where, but neither which scale nor how surely.

        They are read in the window that was cut last; that it may be of another scale shifts them by part of a cell.
        """
        if self._colours is None:
            return response
        share = np.float32(self._settings.colour_share)
        return np.asarray((1 - share) * response + share * self._colours.response(self._patch))

    def _stepped(self, before: View, after: View, answer: Answer) -> tuple[View, Belief]:
        """The view after a step, or that of before at the new scale where the step is a leap not to be believed."""
        belief = self._belief(after, answer)
        side = math.sqrt(self._size[0] * self._size[1]) * before.scale
        x, y = ((a - b) / side for a, b in zip(after.center, before.center, strict=True))
        return (after if self._watch.follows((x, y), belief) else replace(after, center=before.center)), belief

    def _belief(self, view: View, answer: Answer) -> Belief:
        belief = self._watch.belief(answer.joint, self._patch, *self._in_patch(view), answer.head)
        if belief.score >= AGREED:  # no other opinion is asked
            return belief
        return replace(belief, agreement=self._agreement(view, answer))

    def _agreement(self, view: View, answer: Answer) -> float:
        """IoU of a view's box and that of another opinion: a box head's best, else the fine filter's own.

        1 where the fine filter alone says where. The patch was cut where it was looked.
        """
        if answer.look is None and self._colours is None:
            return 1.0
        looked = replace(view, center=self._shown.center)
        if answer.look is None or answer.look.boxes is None:
            other = self._box_of(self._moved(looked, answer.fine, self._shape))
        else:
            (x, y), size = answer.look.boxes.best
            other = Box.from_center((looked.center[0] + x, looked.center[1] + y), size)
        return self._box_of(view).iou(other)

    def _looked(
        self, image: Frame, view: View, learned: compact.CompactFilter, last: tuple[float, float], lap: Lap
    ) -> Answer:
        """What is answered to a view, with a deep look where the file has one; ``last`` is the last (w, h)."""
        if self._deep is None or not self._deep.is_due(self._frame):
            return self._answer(self._maps(image, view, lap), learned, None, lap)
        self._cut(image, view)
        lap("patch")
        look = self._deep.respond(image, view.center, view.scale, last, lap, fine=self._patch)
        return self._answer(self._prepared(look.fine), learned, look, lap)

    def _answer(self, maps: Real, learned: compact.CompactFilter, look: Look | None, lap: Lap) -> Answer:
        """What the filter answers to a view's maps, and that joined with a deep look where there is one."""
        spectrum = self._transformed(maps)
        lap("transform")
        fine = learned.respond(spectrum, self._dft)
        joint = fine if self._deep is None or look is None else self._deep.joint(fine, look)
        lap("response")
        return Answer(fine, joint, look)

    def _views(self, frame_shape: tuple[int, ...]) -> list[View]:
        """Here first; then neighbouring scales or, while the target is lost, another place."""
        here = self._view
        if self._watch.searching:
            self._visit += 1  # from place 1: the nearest, 0, is about here, and comes last
            return [here, replace(here, center=place(frame_shape, self._side_px(here), self._last_seen, self._visit))]
        return [here, *(self._scaled(here, factor) for factor in self._scales.factors())]

    def _is_better(self, view: View, other: Answer, here: Answer, frame_shape: tuple[int, ...]) -> bool:
        """Another scale has to answer more by a margin, on the fine grid; a place, as surely as one found again."""
        if self._watch.searching:
            more = float(other.joint.max()) > float(here.joint.max())
            moved = self._moved(view, other.joint, frame_shape)
            return more and self._watch.is_sure(self._belief(moved, other))
        return float(other.fine.max()) * self._settings.scale_penalty > float(here.fine.max())

    def _moved(self, view: View, response: Real, frame_shape: tuple[int, ...]) -> View:
        rows, columns, _ = peak(response)
        grid, side = self.spec.grid, self._side_px(view)
        dy = wrapped(rows - self._rest[0], grid[0]) * side / grid[0]
        dx = wrapped(columns - self._rest[1], grid[1]) * side / grid[1]
        return replace(view, center=patch.limit_center((view.center[0] + dx, view.center[1] + dy), frame_shape))


def place(frame_shape: tuple[int, ...], side_px: float, near: Point, visit: int) -> Point:
    """Where to look for a lost target at its ``visit``-th frame, counted from 0: one place (x, y), so it costs no time.

    Places lie half a search window of ``side_px`` apart and cover a frame of shape (H, W, ...); the nearest to ``near``
    come first, over and over.
    """
    columns, rows = (_stops(n, side_px / 2) for n in frame_shape[1::-1])
    places = sorted(product(columns, rows), key=lambda p: math.dist(p, near))
    return places[visit % len(places)]


def _stops(length: int, step: float) -> list[float]:
    """Points from 0 to ``length``, at most ``step`` apart."""
    count = max(1, math.ceil(length / step))
    return [length * i / count for i in range(count + 1)]
