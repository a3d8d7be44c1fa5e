"""CF2 (Ma et al. 2015)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdedge_runtime.kinds import Kind, Sides

from .settings import Cf2Settings

if TYPE_CHECKING:
    from cdedge_runtime.estimate import Features, ModelTracker
    from cdedge_runtime.model.contract import ModelSpec


def _opened(features: Features) -> ModelTracker:
    from cdedge_runtime.trackers.window import WindowTracker

    from .tracker import Cf2

    return WindowTracker(Cf2(features))


def _window_px(_spec: ModelSpec, size: tuple[float, float], frame_shape: tuple[int, ...]) -> Sides:
    from .tracker import window_px

    return window_px(size, frame_shape)


KIND = Kind("cf2", Cf2Settings, _opened, _window_px)
