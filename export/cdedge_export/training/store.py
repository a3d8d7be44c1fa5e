"""The shipped file: float16 tensors under torchvision's names, and a header that says what they are."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import save
from torch import Tensor

from cdedge_runtime.errors import BadEnvironment

from .loop import Recipe
from .net import MEAN_BGR

LICENCE = "Apache-2.0, trained from scratch by the cdedge authors"
CONVENTION = "caffe"


def write(path: Path, state: dict[str, Tensor], *, recipe: Recipe, step: int, trained_on: str) -> None:
    """Write ``state``, reached after ``step`` steps, whole or not at all; raises `BadEnvironment`."""
    notes = {
        "name": "cdedge VGG-19 front: conv1_1, conv1_2, conv2_1",
        "licence": LICENCE,
        "convention": CONVENTION,
        "mean_bgr": json.dumps(MEAN_BGR),
        "trained_on": trained_on,
        "recipe": json.dumps(asdict(recipe)),
        "seed": str(recipe.seed),
        "steps_done": str(step),
    }
    data = _ordered(save(state, notes))
    try:
        _replace(path, data)
    except OSError as error:
        raise BadEnvironment(f"{path}: cannot be written: {error.strerror or error}") from error


def _ordered(data: bytes) -> bytes:
    """Sort the file's notes: safetensors shuffles them, and equal weights shall give equal files."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[start:]


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
