"""Pretrained weights and the input convention that belongs to them, not to the architecture.

The convention of a file is, in this order: what ``--convention`` says; the ``convention`` entry of a
safetensors file's metadata; torchvision's, where the file is byte for byte torchvision's download; else that
of the network's authors. Guessing it from the values is not sound: the original VGG-19 and weights trained by
us follow one convention, yet their first layers' weights differ 40-fold in size, about as much as the inputs
of two conventions do.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import torch

from cdedge_runtime.errors import BadEnvironment, BadModel, Usage
from cdedge_runtime.model.contract import InputConvention, WeightsInfo

from .backbones import TORCHVISION_LICENCE, UNKNOWN_LICENCE, Backbone, Shape
from .conventions import parse_convention
from .layers import Floats
from .weight_files import WeightFile, as_float32, read_weight_file


@dataclass(frozen=True)
class Weights:
    """Float32 arrays by state-dict name, the input convention they need and why, and where they came from."""

    state: Mapping[str, Floats]
    convention: InputConvention
    convention_reason: str
    info: WeightsInfo


def load_weights(
    text: str,
    backbone: Backbone,
    *,
    taps: Sequence[str],
    convention: str | None = None,
    progress: bool = False,
) -> Weights:
    """Weights of every layer that ``taps`` need.

    Parameters
    ----------
    text : ``bundled``, ``imagenet`` (torchvision's, downloaded once) or the path of a file.
    convention : name of one of the backbone's input conventions; only for a file.
    progress : whether a download shows its progress on stderr.

    Raises `Usage`, `BadModel` (a file that does not fit, naming the entry) or `BadEnvironment` (no network).
    """
    if text in ("bundled", "imagenet") and convention is not None:
        raise Usage(f"convention: it describes a file of weights; that of '{text}' is known", field="convention")
    if text == "bundled":
        return _bundled(backbone, taps)
    if text == "imagenet":
        return _imagenet(backbone, taps, progress=progress)
    path = Path(text)
    file = read_weight_file(path, backbone)
    digest = _sha256(path)
    state = _fitting(file.state, backbone.parameters(taps), path)
    input_convention, reason = _convention(backbone, file, digest, convention)
    licence = TORCHVISION_LICENCE if _is_published(backbone, digest) else file.notes.get("licence", UNKNOWN_LICENCE)
    return Weights(state, input_convention, reason, WeightsInfo(path.name, digest, licence))


def download_bytes(backbone: Backbone) -> int:
    """What torchvision has to download for ``imagenet``; 0 where the file is in its cache, or there is none."""
    if backbone.published is None:
        return 0
    import torchvision

    entry = torchvision.models.get_weight(backbone.published)
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(entry.url).path).name
    return 0 if path.exists() else round(entry.meta["_file_size"] * 1e6)


def default_weights(backbone: Backbone, taps: Sequence[str]) -> str:
    """``bundled`` where the bundled weights reach as deep as ``taps``, else ``imagenet``."""
    if backbone.bundled is None:
        return "imagenet"
    with resources.as_file(resources.files("cdedge_export") / "data" / backbone.bundled) as path:
        held = read_weight_file(path, backbone).state
    return "bundled" if set(backbone.parameters(taps)) <= set(held) else "imagenet"


def _bundled(backbone: Backbone, taps: Sequence[str]) -> Weights:
    if backbone.bundled is None:
        raise Usage(f"no weights of {backbone.name} are bundled: use imagenet or the path of a file", field="weights")
    with resources.as_file(resources.files("cdedge_export") / "data" / backbone.bundled) as path:
        file, digest = read_weight_file(path, backbone), _sha256(path)
        wanted = backbone.parameters(taps)
        if not set(wanted) <= set(file.state):
            held = [tap for tap in backbone.taps if set(backbone.parameters([tap])) <= set(file.state)]
            raise Usage(
                f"the bundled weights of {backbone.name} hold {' '.join(held)}, not {'+'.join(taps)}: "
                "use imagenet or the path of a file",
                field="weights",
            )
        state = _fitting(file.state, wanted, path)
    name, convention = backbone.conventions[0]
    info = WeightsInfo("bundled", digest, file.notes["licence"])
    return Weights(state, convention, f"{name}: they were trained with it", info)


def _imagenet(backbone: Backbone, taps: Sequence[str], *, progress: bool) -> Weights:
    if backbone.published is None:
        raise Usage(f"torchvision has no weights of {backbone.name}: use the path of a file", field="weights")
    import torchvision  # only here: PyTorch alone is enough for every other source of weights

    entry = torchvision.models.get_weight(backbone.published)
    other = "'bundled' or " if backbone.bundled else ""
    try:
        downloaded = entry.get_state_dict(progress=progress, check_hash=True, map_location="cpu")
    except (OSError, RuntimeError) as error:
        raise BadEnvironment(
            f"torchvision's weights {backbone.published} cannot be downloaded ({error}): "
            f"connect once, or use {other}the path of a file",
            field="weights",
        ) from error
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(entry.url).path).name
    arrays = {key: as_float32(value) for key, value in downloaded.items()}
    state = _fitting(arrays, backbone.parameters(taps), path)
    info = WeightsInfo(backbone.published, _sha256(path), TORCHVISION_LICENCE)
    return Weights(state, dict(backbone.conventions)["torchvision"], "torchvision: its own download", info)


def _convention(backbone: Backbone, file: WeightFile, digest: str, asked: str | None) -> tuple[InputConvention, str]:
    known = dict(backbone.conventions)
    if asked is not None:
        name, reason = asked, "as asked"
    elif "convention" in file.notes:
        name, reason = file.notes["convention"], "as the file says"
    elif _is_published(backbone, digest):
        name, reason = "torchvision", "the file is torchvision's download"
    else:
        name, reason = backbone.conventions[0][0], "the network's authors', for the file does not say"
    chosen = parse_convention(name, known)
    if file.mean is not None and name == "matconvnet":
        chosen, reason = dataclasses.replace(chosen, mean=file.mean), f"{reason}; the mean is the file's"
    return chosen, f"{name}: {reason}"


def _is_published(backbone: Backbone, digest: str) -> bool:
    return backbone.published_sha256 is not None and digest.startswith(backbone.published_sha256)


def _fitting(found: Mapping[str, Floats], wanted: Mapping[str, Shape], path: Path) -> dict[str, Floats]:
    for key, shape in wanted.items():
        if key not in found:
            held = ", ".join(sorted(found)[:8]) or "nothing"
            raise BadModel(f"{path}: expected {key} of shape {shape}, found no such entry (it holds {held}, ..)")
        if found[key].shape != shape:
            raise BadModel(f"{path}: {key}: expected shape {shape}, found {found[key].shape}; is it another network?")
        if not np.isfinite(found[key]).all():
            raise BadModel(f"{path}: {key}: expected finite numbers, found NaN or infinity; the file is damaged")
    return {key: found[key] for key in wanted}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
