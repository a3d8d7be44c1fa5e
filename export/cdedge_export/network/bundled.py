"""What can be told of weights without PyTorch: how far those that come with us reach, and whether a file is there."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from safetensors import safe_open

from cdedge_export.network.backbones import Backbone
from cdedge_runtime.errors import BadModel, Usage

NAMED = ("bundled", "imagenet")


def check_weights(text: str, convention: str | None) -> None:
    """Raise `BadModel` for a file that is not there, `Usage` for a convention of weights whose own is known."""
    if text not in NAMED and not Path(text).is_file():
        raise BadModel(f"{text}: no such file of weights; give a file, 'bundled' or 'imagenet'")
    if text in NAMED and convention is not None:
        raise Usage(f"convention: it describes a file of weights; that of '{text}' is known", field="convention")


def default_weights(backbone: Backbone, taps: Sequence[str]) -> str:
    """``bundled`` where the bundled weights reach as deep as ``taps``, else ``imagenet``."""
    if backbone.bundled is None:
        return "imagenet"
    with (
        resources.as_file(resources.files("cdedge_export") / "data" / backbone.bundled) as path,
        safe_open(path, framework="numpy") as file,
    ):
        held = set(file.keys())
    return "bundled" if set(backbone.parameters(taps)) <= held else "imagenet"
