"""CACF's recipe: the context-aware filter on HOG, its context patches as further samples of the distillation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cdedge_export.choose.distill import check_options, ranked, searched, seed_set
from cdedge_export.choose.judge import scene
from cdedge_export.choose.plan import ChannelPlan, DistillOptions, Search
from cdedge_export.choose.search import GivenFilter
from cdedge_export.options import ExportOptions
from cdedge_export.recipes import hog
from cdedge_export.recipes.recipe import OF_EVERY, Design, Recipe, Scene, started
from cdedge_export.report import Say
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage
from cdedge_runtime.estimate import no_lap
from cdedge_runtime.filter import fourier as dcf
from cdedge_runtime.filter.fourier import psr
from cdedge_runtime.image import Frame
from cdedge_runtime.model.contract import HOG_BACKBONE, HOG_TAP
from cdedge_runtime.model.hog import HogFeatures
from cdedge_runtime.trackers.cacf.settings import CacfSettings
from cdedge_runtime.trackers.cacf.tracker import Cacf, grid_for, weighted
from cdedge_runtime.trackers.deepcd.settings import Settings
from cdedge_runtime.trackers.window import WindowTracker


def distill_hog(frames: list[Frame], box: Box, method: Cacf, options: DistillOptions) -> ChannelPlan:
    """Choose channels of HOG from two frames; ``method`` has all of them.

    Frame 2 is seen where the filter of frame 1 finds the target. The filter of the search is frame 1's; the paper does
    not say whose. Filters that are independent per channel add up to more than the label, so that Eq. 4 as it stands
    would prefer weak channels: with ``ncc`` the sum's amplitude plays no part. Raises `Usage`.
    """
    check_options(options)
    _check_search(options.search)
    tracker = WindowTracker(method)
    tracker.init(frames[0], box)
    centers = box.center, tracker.update(frames[1]).box.center
    maps = [method.maps(frame, center, no_lap) for frame, center in zip(frames, centers, strict=True)]
    first, second = (method.samples(frame, center, no_lap) for frame, center in zip(frames, centers, strict=True))
    layers = {HOG_TAP: slice(0, len(maps[0]))}
    padding, grid = method.settings.padding, method.spec.grid
    where = scene(grid, (grid[0] / padding, grid[1] / padding), Settings())
    scores, order = ranked(options, np.stack(maps), layers, padding=padding, where=where)

    def quality(kept: list[int]) -> float:
        return psr(dcf.respond(second[0, kept], method.trained(first[:, kept]), method.spec.grid))

    seed = seed_set(options.channels, order, layers, quality=quality)

    def objective() -> GivenFilter:
        return _objective(np.concatenate([first, second]), method, amplitude=options.search == "e4")

    return searched(HOG_BACKBONE, layers, scores, seed, options=options, objective=objective)


def _objective(samples: NDArray[np.complex64], method: Cacf, *, amplitude: bool) -> GivenFilter:
    settings, count = method.settings, len(samples) // 2
    labels = np.zeros((len(samples), *method.label.shape), np.complex64)
    labels[[0, count]] = method.label
    return GivenFilter(
        np.concatenate([weighted(part, settings.context) for part in (samples[:count], samples[count:])]),
        method.trained(samples[:count]),
        labels,
        grid=method.spec.grid,
        ridge=settings.ridge,
        amplitude=amplitude,
    )


def recipe(_options: ExportOptions) -> Recipe:
    """HOG needs no network, so the options of networks mean nothing."""
    why = "it is for networks, and the tracker cacf uses HOG"
    return Recipe(OF_EVERY, why, _design, defaults={"search": "ncc"}, check=_check)


def _check(options: ExportOptions) -> None:
    started(options)
    _check_search(options.search)


def _check_search(search: Search | None) -> None:
    if search == "reduced":
        raise Usage("search: reduced has no form for context patches; use ncc, e4 or none with the tracker cacf")


def _design(scene: Scene, options: ExportOptions, say: Say) -> Design:
    settings: CacfSettings = started(options)
    whole = hog.whole_spec(grid_for(scene.box.size, settings), scene, "cacf", settings)

    def choose(rules: DistillOptions) -> ChannelPlan:
        return distill_hog(scene.frames, scene.box, Cacf(HogFeatures(whole)), rules)

    return hog.design(whole, options, choose, say)
