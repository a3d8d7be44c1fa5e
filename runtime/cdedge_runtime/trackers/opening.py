"""From an exported file to its tracker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cdedge_runtime.errors import BadModel
from cdedge_runtime.estimate import CropFeatures, Features, ModelTracker
from cdedge_runtime.model.hog import BACKBONE, HogFeatures
from cdedge_runtime.model.session import Extractor

from .cacf.tracker import Cacf
from .cf2.tracker import Cf2
from .deepcd.tracker import Tracker
from .eco.tracker import Eco
from .mdnet.tracker import MdNet
from .window import WindowTracker

TRACKERS: dict[str, Callable[[Features], ModelTracker]] = {
    "deepcd": Tracker,
    "cf2": lambda features: WindowTracker(Cf2(features)),
    "cacf": lambda features: WindowTracker(Cacf(features)),
    "eco": Eco,
    "mdnet": lambda features: MdNet(_crops(features)),
}


def open_tracker(path: Path, *, provider: str = "cpu", threads: int | None = None) -> ModelTracker:
    """The tracker that the file was exported for; raises `BadModel` or `ProviderUnavailable`."""
    return tracker_with(open_features(path, provider=provider, threads=threads))


def tracker_with(features: Features) -> ModelTracker:
    """The tracker of a file that is open already."""
    return TRACKERS[features.spec.tracker](features)


def _crops(features: Features) -> CropFeatures:
    if isinstance(features, Extractor):
        return features
    raise BadModel(f"the model is for mdnet, which needs a network, and its backbone is {features.spec.backbone}")


def open_features(path: Path, *, provider: str = "cpu", threads: int | None = None) -> Features:
    """The file's network in onnxruntime, or HOG, which needs none."""
    network = Extractor(path, provider=provider, threads=threads)
    return HogFeatures(network.spec) if network.spec.backbone == BACKBONE else network
