"""The models a run distilled, one per sequence, in its results folder."""

from __future__ import annotations

from pathlib import Path
from statistics import mean

from cdedge_runtime.model.session import read_spec

_FOLDER = "models"


def model_path(folder: Path, sequence: str) -> Path:
    """Where the model of a sequence is kept."""
    return folder / _FOLDER / f"{sequence}.onnx"


def model_paths(folder: Path) -> list[Path]:
    """The models that a results folder holds, by name."""
    return sorted((folder / _FOLDER).glob("[!.]*.onnx"))


def mean_channels(folder: Path) -> float | None:
    """Mean number of channels over the models of a results folder; None where it has none."""
    counts = [read_spec(path).channels for path in model_paths(folder)]
    return mean(counts) if counts else None
