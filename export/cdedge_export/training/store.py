"""The shipped file: float16 tensors under torchvision's names, and a header that says what they are."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from cdedge_export.network.backbones import CDEDGE_DEEP
from cdedge_export.onnx_net.own_net import bundled_state
from cdedge_runtime.errors import BadInput
from cdedge_runtime.files import file_sha256, write_whole

from .box_loop import BoxRecipe
from .deep_loop import DeepRecipe
from .loop import Recipe
from .net import MEAN_BGR

LICENCE = "Apache-2.0, trained from scratch by the cdedge authors"
HEAD_LICENCE = f"{LICENCE} with a teacher's boxes among the aims; the teacher (NanoTrack v2) is Apache-2.0"
TAUGHT_LICENCE = f"{LICENCE} with a teacher's maps as the aim; the teacher (NanoTrack v2's backbone) is Apache-2.0"


def write(path: Path, state: dict[str, Tensor], notes: dict[str, str]) -> None:
    """Write ``state`` and its ``notes`` whole or not at all; raises `BadEnvironment`."""
    write_whole(path, _ordered(save(state, notes)))


def front_notes(recipe: Recipe, step: int, trained_on: str) -> dict[str, str]:
    """Say what VGG-19's front after ``step`` steps is."""
    return {
        "name": "cdedge VGG-19 front: conv1_1, conv1_2, conv2_1",
        "licence": LICENCE,
        "convention": "caffe",
        "mean_bgr": json.dumps(MEAN_BGR),
        **_origin(recipe, step, trained_on),
    }


def deep_notes(recipe: DeepRecipe, step: int, trained_on: str, teacher: Path) -> dict[str, str]:
    """Say what ``cdedge_deep`` after ``step`` steps is; the teacher is named by its file and SHA-256."""
    return {
        "name": "cdedge deep: conv1 to conv8, strides 8 (conv4) and 16 (conv8)",
        "licence": TAUGHT_LICENCE,
        "convention": "bgr",
        "teacher": f"{teacher.name}, SHA-256 {file_sha256(teacher)}",
        **_origin(recipe, step, trained_on),
    }


def box_notes(recipe: BoxRecipe, step: int, trained_on: str, teacher: Sequence[Path]) -> dict[str, str]:
    """Say what ``cdedge_head`` after ``step`` steps is; the teacher's files are named with their SHA-256."""
    return {
        "name": "cdedge box head, for conv8 of cdedge_deep at 256 px",
        "licence": HEAD_LICENCE,
        "network": "cdedge_deep, SHA-256 " + bundled_state(str(CDEDGE_DEEP.bundled))[1].sha256,
        "teacher": "; ".join(f"{path.name}, SHA-256 {file_sha256(path)}" for path in teacher),
        **_origin(recipe, step, trained_on),
    }


def _origin(recipe: Recipe | DeepRecipe | BoxRecipe, step: int, trained_on: str) -> dict[str, str]:
    return {
        "trained_on": trained_on,
        "recipe": json.dumps(asdict(recipe)),
        "seed": str(recipe.seed),
        "steps_done": str(step),
    }


def write_checkpoint(path: Path, checkpoint: dict[str, Any]) -> None:
    """Write what `read_checkpoint` reads, whole or not at all; raises `BadEnvironment`."""
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    write_whole(path, buffer.getvalue())


def read_checkpoint(path: Path, recipe: DeepRecipe) -> dict[str, Any]:
    """Read a checkpoint of this very ``recipe``; raises `BadInput`."""
    try:
        checkpoint: dict[str, Any] = torch.load(path, weights_only=True)
    except (OSError, RuntimeError, EOFError, LookupError, pickle.UnpicklingError) as error:
        raise BadInput(f"{path}: cannot be read as a checkpoint ({error}): remove it to begin anew") from error
    if checkpoint.get("recipe") != json.dumps(asdict(recipe)):
        raise BadInput(f"{path}: is of another recipe ({checkpoint.get('recipe')}): remove it to begin anew")
    return checkpoint


def _ordered(data: bytes) -> bytes:
    """Sort the file's notes: safetensors shuffles them, and equal weights shall give equal files."""
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[start:]
