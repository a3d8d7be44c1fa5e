"""Which tracker an entry of trackers.ini starts, as values, as text, and opened."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from cdedge_runtime.errors import Usage
from cdedge_runtime.estimate import ModelTracker
from cdedge_runtime.opening import open_tracker as open_file

from .distilling import DistillingTracker

if TYPE_CHECKING:
    from cdedge_export.pipeline import ExportOptions


@dataclass(frozen=True)
class Setup:
    """What both entry points are told: a ``model`` file, or a ``backbone`` to distil at the second frame."""

    model: str | None = None
    backbone: str | None = None
    layers: str = "11"
    weights: str | None = None
    convention: str | None = None
    provider: str = "cpu"
    threads: int | None = None

    def words(self) -> dict[str, str]:
        """Name and text of every option off its default, as trackers.ini and a command line carry them."""
        return {f.name: str(value) for f in fields(self) if (value := getattr(self, f.name)) != f.default}


def open_tracker(setup: Setup) -> ModelTracker | DistillingTracker:
    """Open the tracker of ``setup``; raises `Usage` unless it names either a model or a backbone."""
    if (setup.model is None) == (setup.backbone is None):
        raise Usage("give either a model file or a backbone to distil at the second frame, not both and not none")
    if setup.model is not None:
        return open_file(Path(setup.model), provider=setup.provider, threads=setup.threads)
    return DistillingTracker(_options(setup), provider=setup.provider, threads=setup.threads)


def _options(setup: Setup) -> ExportOptions:
    from cdedge_export.network.backbones import find_backbone, parse_layers
    from cdedge_export.options import ExportOptions

    backbone = find_backbone(str(setup.backbone))
    parse_layers(setup.layers, backbone)
    return ExportOptions(
        backbone=backbone.name, layers=setup.layers, weights=setup.weights, convention=setup.convention
    )
