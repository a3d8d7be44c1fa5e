"""From an exported file to its tracker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .cacf import Cacf
from .cf2 import Cf2
from .eco.tracker import Eco
from .errors import BadModel
from .estimate import CropFeatures, Features, ModelTracker
from .features import Extractor
from .hog_features import BACKBONE, HogFeatures
from .mdnet.tracker import MdNet
from .tracker import Tracker
from .window_tracker import WindowTracker

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
