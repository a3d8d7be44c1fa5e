"""MDNet (Nam and Han 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from cdedge_runtime.errors import BadModel
from cdedge_runtime.kinds import Kind, Sides

from .settings import MdNetSettings

if TYPE_CHECKING:
    from cdedge_runtime.estimate import CropFeatures, Features, ModelTracker
    from cdedge_runtime.model.contract import ModelSpec


def _opened(features: Features) -> ModelTracker:
    from .tracker import MdNet

    if not hasattr(features, "batch"):
        raise BadModel(f"the model is for mdnet, which needs a network, and its backbone is {features.spec.backbone}")
    return MdNet(cast("CropFeatures", features))


def _window_px(_spec: ModelSpec, size: tuple[float, float], _frame_shape: tuple[int, ...]) -> Sides:
    from .crops import crop_sides

    return crop_sides(size)


KIND = Kind("mdnet", MdNetSettings, _opened, _window_px, crops=True)
