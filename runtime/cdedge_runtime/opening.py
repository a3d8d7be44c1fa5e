"""From an exported file to its tracker."""

from __future__ import annotations

from .estimate import Features, ModelTracker
from .files import StrPath
from .kinds import find_kind
from .model.contract import HOG_BACKBONE
from .model.session import Extractor


def open_tracker(model: StrPath, *, provider: str = "cpu", threads: int | None = None) -> ModelTracker:
    """The tracker that the file ``model`` was exported for.

    ``provider`` is cpu, cuda or tensorrt; ``threads`` those of onnxruntime, by default one per usable processor, or one
    alone for a small network. Raises `BadInput` for what is no path, `BadModel` for a file that is no model,
    `ProviderUnavailable`, `Usage` for a number of threads that is none, `BadEnvironment` where this machine lacks
    something.
    """
    return tracker_with(open_features(model, provider=provider, threads=threads))


def tracker_with(features: Features) -> ModelTracker:
    """The tracker of a file that is open already."""
    return find_kind(features.spec.tracker).opened(features)


def open_features(model: StrPath, *, provider: str = "cpu", threads: int | None = None) -> Features:
    """The file's network in onnxruntime, or HOG, which needs none."""
    network = Extractor(model, provider=provider, threads=threads)
    if network.spec.backbone != HOG_BACKBONE:
        return network
    from .model.hog import HogFeatures

    return HogFeatures(network.spec)
