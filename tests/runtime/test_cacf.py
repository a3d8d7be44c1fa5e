"""The context-aware filter: both closed forms against dense systems, and the tracker on generated clips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cdedge_runtime.filter import fourier as dcf
from cdedge_runtime.model.contract import ModelSpec, Tap
from cdedge_runtime.model.hog import HogFeatures
from cdedge_runtime.opening import tracker_with
from cdedge_runtime.trackers.cacf import tracker as cacf
from cdedge_runtime.trackers.cacf.settings import CacfSettings
from tests.conftest import MovingSquare, make_spec
from tests.runtime.dense import filter_of

GRID, COUNT, RIDGE, CONTEXT = (5, 6), 3, 1e-2, 4.0
SQUARE = (24.0, 20.0)


def maps(patches: int = 3) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((patches, COUNT, *GRID)).astype(np.float32)


def label() -> np.ndarray:
    return dcf.gaussian_label(GRID, (1.0, 0.8))


def dense(samples: np.ndarray) -> np.ndarray:
    """Dense minimiser w (c, h, w) for a target (its label) and context patches (zero)."""
    labels = [label().astype(np.float64)] + [np.zeros(GRID)] * (len(samples) - 1)
    return filter_of(list(samples.astype(np.float64)), labels, [1.0] + [CONTEXT] * (len(samples) - 1), RIDGE)


def test_the_joint_form_is_the_dense_minimiser() -> None:
    g = cacf.joint_filter(dcf.spectrum(maps()), dcf.spectrum(label()), ridge=RIDGE, context=CONTEXT)
    np.testing.assert_allclose(dcf.inverse(g, GRID), dense(maps()), atol=1e-4)


def test_the_independent_form_is_each_channels_own_minimiser() -> None:
    g = cacf.independent_filter(dcf.spectrum(maps()), dcf.spectrum(label()), ridge=RIDGE, context=CONTEXT)
    expected = np.concatenate([dense(maps()[:, [channel]]) for channel in range(COUNT)])
    np.testing.assert_allclose(dcf.inverse(g, GRID), expected, atol=1e-4)


def test_with_one_channel_both_forms_are_one() -> None:
    samples, y = dcf.spectrum(maps()[:, :1]), dcf.spectrum(label())
    forms = [form(samples, y, ridge=RIDGE, context=CONTEXT) for form in (cacf.independent_filter, cacf.joint_filter)]
    np.testing.assert_allclose(forms[0], forms[1], atol=1e-5, rtol=1e-4)


def test_context_lowers_the_answer_to_it() -> None:
    samples, y = dcf.spectrum(maps()), dcf.spectrum(label())

    def answer(context: float) -> float:
        g = cacf.joint_filter(samples, y, ridge=RIDGE, context=context)
        return float(np.abs(dcf.respond(samples[1], g, GRID)).max())

    assert answer(25.0) < 0.2 * answer(0.0)


def spec_for(size: tuple[float, float], **changes: object) -> ModelSpec:
    settings = replace(CacfSettings(), **changes)
    grid = cacf.grid_for(size, settings)
    taps = (Tap("hog", tuple(range(31)), 31),)
    pixels = (4 * grid[0], 4 * grid[1])
    return make_spec(tracker="cacf", backbone="fhog", taps=taps, input_px=pixels, grid=grid, settings=settings)


def test_large_targets_are_tracked_at_half_resolution() -> None:
    assert cacf.grid_for((60, 40), CacfSettings()) == (30, 45)
    assert cacf.grid_for((120, 100), CacfSettings()) == (37, 45)
    assert cacf.grid_for((2, 2), CacfSettings()) == (4, 4)


def test_dsst_follows_a_growing_target() -> None:
    clip = MovingSquare(speed=(0, 0))
    start = clip.box(0)
    tracker = tracker_with(HogFeatures(spec_for(SQUARE, scale="dsst", peak="subcell")))
    tracker.init(clip.frame(0), start)
    for step in range(1, 25):
        zoom = 1 + 0.015 * step
        found = tracker.update(clip.zoomed(zoom)).box
    assert found.width / start.width == pytest.approx(zoom, rel=0.15)


def test_another_target_than_the_files_own_still_tracks(moving_square: MovingSquare) -> None:
    tracker = tracker_with(HogFeatures(spec_for((40.0, 40.0))))
    tracker.init(moving_square.frame(0), moving_square.box(0))
    for index in range(1, 6):
        found = tracker.update(moving_square.frame(index)).box
    assert found.iou(moving_square.box(5)) > 0.5
