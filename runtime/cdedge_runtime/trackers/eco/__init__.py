"""ECO (Danelljan et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdedge_runtime.kinds import Kind, Sides, settings_of

from .settings import EcoSettings

if TYPE_CHECKING:
    from cdedge_runtime.estimate import Features, ModelTracker
    from cdedge_runtime.model.contract import ModelSpec


def _opened(features: Features) -> ModelTracker:
    from .tracker import Eco

    return Eco(features)


def _window_px(spec: ModelSpec, size: tuple[float, float], _frame_shape: tuple[int, ...]) -> Sides:
    from cdedge_runtime.patch import window_side_px

    side = window_side_px(size, settings_of(spec, EcoSettings).padding)
    return side, side


KIND = Kind("eco", EcoSettings, _opened, _window_px)
