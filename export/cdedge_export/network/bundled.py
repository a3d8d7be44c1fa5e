"""How far the weights that come with us reach, told without PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

from safetensors import safe_open

from cdedge_export.network.backbones import Backbone


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
