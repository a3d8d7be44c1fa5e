"""The models a run distilled, one per sequence."""

from __future__ import annotations

from pathlib import Path
from statistics import mean

from cdedge_runtime.features import read_spec

MODELS = "models"


def mean_channels(folder: Path) -> float | None:
    """Mean number of channels over the models of a results folder; None where it has none."""
    counts = [read_spec(path).channels for path in sorted((folder / MODELS).glob("*.onnx"))]
    return mean(counts) if counts else None
