"""DeepCD: the paper's tracker, on a compact filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdedge_runtime.kinds import Kind, Sides, settings_of

from .memory import filter_memory
from .settings import PROFILES, Settings

if TYPE_CHECKING:
    from cdedge_runtime.estimate import Features, ModelTracker
    from cdedge_runtime.model.contract import ModelSpec


def _opened(features: Features) -> ModelTracker:
    from .tracker import Tracker

    return Tracker(features)


def _window_px(spec: ModelSpec, size: tuple[float, float], _frame_shape: tuple[int, ...]) -> Sides:
    from cdedge_runtime.patch import window_side_px

    side = window_side_px(size, settings_of(spec, Settings).padding)
    return side, side


KIND = Kind("deepcd", Settings, _opened, _window_px, profiles=PROFILES, memory=filter_memory)
