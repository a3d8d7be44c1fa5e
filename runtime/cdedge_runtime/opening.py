"""From an exported file to its tracker."""

from __future__ import annotations

from pathlib import Path

from .estimate import Features, ModelTracker
from .kinds import find_kind
from .model.hog import BACKBONE, HogFeatures
from .model.session import Extractor


def open_tracker(path: Path, *, provider: str = "cpu", threads: int | None = None) -> ModelTracker:
    """The tracker that the file was exported for; raises `BadModel` or `ProviderUnavailable`."""
    return tracker_with(open_features(path, provider=provider, threads=threads))


def tracker_with(features: Features) -> ModelTracker:
    """The tracker of a file that is open already."""
    return find_kind(features.spec.tracker).opened(features)


def open_features(path: Path, *, provider: str = "cpu", threads: int | None = None) -> Features:
    """The file's network in onnxruntime, or HOG, which needs none."""
    network = Extractor(path, provider=provider, threads=threads)
    return HogFeatures(network.spec) if network.spec.backbone == BACKBONE else network
