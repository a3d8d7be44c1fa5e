"""Pretrained weights, from PyTorch's, safetensors and MatConvNet files, and the input convention that belongs to them.

The convention of a file is, in this order: what ``--convention`` says; the ``convention`` entry of a
safetensors file's metadata; torchvision's, where the file is byte for byte torchvision's download; else that
of the network's authors. Guessing it from the values is not sound: the original VGG-19 and weights trained by
us follow one convention, yet their first layers' weights differ 40-fold in size, about as much as the inputs
of two conventions do.
"""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import scipy.io
import torch
from safetensors import SafetensorError, safe_open

from cdedge_export.network.backbones import (
    TORCHVISION_LICENCE,
    UNKNOWN_LICENCE,
    Backbone,
    Conv,
    Dense,
    Shape,
    bundled_licence,
)
from cdedge_export.network.bundled import check_weights
from cdedge_export.network.conventions import parse_convention
from cdedge_export.network.layers import Floats
from cdedge_runtime.errors import BadEnvironment, BadModel, Usage
from cdedge_runtime.model.contract import InputConvention, WeightsInfo

_WRAPPERS = ("state_dict", "shared_layers")  # under which a file may hold its state dict; the second is MDNet's


@dataclass(frozen=True)
class WeightFile:
    """What a file held: arrays by state-dict name, its own notes, and the RGB mean of its average image."""

    state: dict[str, Floats]
    notes: Mapping[str, str]
    mean: tuple[float, float, float] | None = None


def read_weight_file(path: Path, backbone: Backbone) -> WeightFile:
    """Read a file by its suffix; raises `BadModel` if it is damaged, `Usage` for another kind."""
    suffix = path.suffix.lower()
    if suffix in (".pth", ".pt"):
        return WeightFile(_read_torch(path), {})
    if suffix == ".safetensors":
        return _read_safetensors(path)
    if suffix == ".mat" and backbone.matconvnet:
        return _read_matconvnet(path, backbone)
    kinds = ".pth .pt .safetensors" + (" .mat" if backbone.matconvnet else "")
    raise Usage(f"{path}: weights of {backbone.name} are read from {kinds}, not from {suffix or path.name}")


def _read_torch(path: Path) -> dict[str, Floats]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, pickle.UnpicklingError) as error:
        raise _damaged(path, "a PyTorch state dict", error) from error
    if isinstance(content, dict):
        content = next((content[name] for name in _WRAPPERS if isinstance(content.get(name), dict)), content)
    if not isinstance(content, dict):
        raise BadModel(f"{path}: expected a state dict (names to tensors), found {type(content).__name__}")
    return {
        str(key).removeprefix("layers."): as_float32(value)
        for key, value in content.items()
        if isinstance(value, torch.Tensor)
    }


def _read_safetensors(path: Path) -> WeightFile:
    try:
        with safe_open(path, framework="pt") as file:
            state = {key: as_float32(file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118 - no mapping
            return WeightFile(state, file.metadata() or {})
    except (OSError, SafetensorError, ValueError) as error:
        raise _damaged(path, "a safetensors file", error) from error


def as_float32(tensor: torch.Tensor) -> Floats:
    """Numbers of a tensor as a float32 array; one that is float32 already is not copied."""
    return np.asarray(tensor.detach().to(torch.float32).numpy(), np.float32)


def _read_matconvnet(path: Path, backbone: Backbone) -> WeightFile:
    try:
        content = scipy.io.loadmat(path, simplify_cells=True)
    except (OSError, ValueError, TypeError, KeyError, NotImplementedError, EOFError) as error:
        raise _damaged(path, "a MatConvNet file up to version 7 (not 7.3)", error) from error
    if "layers" not in content:
        raise BadModel(f"{path}: expected a MatConvNet network with 'layers', found {_names(content)}")
    layers = {x.name: x for x in (*backbone.layers, *backbone.head) if isinstance(x, (Conv, Dense))}
    state: dict[str, Floats] = {}
    for entry in np.atleast_1d(content["layers"]):
        name = entry.get("name") if isinstance(entry, dict) else None
        if name in layers:
            state.update(_mat_layer(entry, layers[name], path))
    return WeightFile(state, {}, _mat_mean(content))


def _mat_layer(entry: Mapping[str, Any], layer: Conv | Dense, path: Path) -> dict[str, Floats]:
    """MatConvNet stores filters (height, width, in, out); old files as two fields, newer ones as one cell.

    A fully connected layer is a convolution there whose filters cover the whole map.
    """
    try:
        filters, biases = entry["weights"] if "weights" in entry else (entry["filters"], entry["biases"])
        filters = np.asarray(filters, np.float32)
        filters = filters[None, None] if filters.ndim == 2 else filters  # the reader drops sides of one cell
        weight = np.ascontiguousarray(np.transpose(filters, (3, 2, 0, 1)))
        weight = weight.reshape(len(weight), -1) if isinstance(layer, Dense) else weight
        return {f"{layer.key}.weight": weight, f"{layer.key}.bias": np.asarray(biases, np.float32).ravel()}
    except (KeyError, ValueError, TypeError) as error:
        raise BadModel(
            f"{path}: layer {entry['name']}: expected filters (h, w, in, out) and biases: {error}"
        ) from error


def _mat_mean(content: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """RGB mean of ``averageImage``: a whole image or three values, in newer files under ``meta``."""
    meta = content.get("meta", content)
    normalization = meta.get("normalization", {}) if isinstance(meta, dict) else {}
    image = normalization.get("averageImage") if isinstance(normalization, dict) else None
    if image is None or np.size(image) % 3:
        return None
    image = np.asarray(image, np.float64)
    mean = image.reshape(-1, 3).mean(axis=0) if image.ndim == 3 else image.ravel()
    return (float(mean[0]), float(mean[1]), float(mean[2])) if len(mean) == 3 else None


def _damaged(path: Path, wanted: str, error: Exception) -> BadModel:
    text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return BadModel(f"{path}: cannot be read as {wanted}: {text}")


def _names(content: Mapping[str, Any]) -> str:
    return ", ".join(key for key in content if not key.startswith("__")) or "nothing"


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
    check_weights(text, convention)
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
    info = WeightsInfo("bundled", digest, bundled_licence(file.notes))
    return Weights(state, convention, f"{name}, which the weights were trained with", info)


def _imagenet(backbone: Backbone, taps: Sequence[str], *, progress: bool) -> Weights:
    if backbone.published is None:
        raise Usage(f"torchvision has no weights of {backbone.name}: use the path of a file", field="weights")
    import torchvision  # only here: PyTorch alone is enough for every other source of weights

    entry = torchvision.models.get_weight(backbone.published)
    other = "'bundled' or " if backbone.bundled else ""
    try:
        with redirect_stdout(sys.stderr):  # PyTorch says there what it downloads; stdout is the result's
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
    return Weights(state, dict(backbone.conventions)["torchvision"], "torchvision's, whose download it is", info)


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
        if len(shape) > 1 and not found[key].any():
            raise BadModel(f"{path}: {key}: expected trained weights, found nothing but zeros")
    return {key: found[key] for key in wanted}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
