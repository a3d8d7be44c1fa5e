"""CACF (Mueller et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdedge_runtime.kinds import Kind, Sides, settings_of

from .settings import CacfSettings

if TYPE_CHECKING:
    from cdedge_runtime.estimate import Features, ModelTracker
    from cdedge_runtime.model.contract import ModelSpec


def _opened(features: Features) -> ModelTracker:
    from cdedge_runtime.trackers.window import WindowTracker

    from .tracker import Cacf

    return WindowTracker(Cacf(features))


def _window_px(spec: ModelSpec, size: tuple[float, float], _frame_shape: tuple[int, ...]) -> Sides:
    from .tracker import window_px

    return window_px(size, settings_of(spec, CacfSettings))


KIND = Kind("cacf", CacfSettings, _opened, _window_px)
