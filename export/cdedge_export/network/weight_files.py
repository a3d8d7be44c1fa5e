"""Weights from PyTorch ``.pth``, ``.safetensors`` and MatConvNet ``.mat`` files, as float32 arrays."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import torch
from safetensors import SafetensorError, safe_open

from cdedge_runtime.errors import BadModel, Usage

from .backbones import Backbone, Conv, Dense
from .layers import Floats

_WRAPPERS = ("state_dict", "shared_layers")  # under which a file may hold its state dict; the second is MDNet's


@dataclass(frozen=True)
class WeightFile:
    """What a file held: arrays by state-dict name, its own notes, and the RGB mean of its average image."""

    state: dict[str, Floats]
    notes: Mapping[str, str]
    mean: tuple[float, float, float] | None = None


def read_weight_file(path: Path, backbone: Backbone) -> WeightFile:
    """Read a file by its suffix; raises `BadModel` if it is missing or damaged, `Usage` for another kind."""
    if not path.is_file():
        raise BadModel(f"{path}: no such file of weights; give a file, 'bundled' or 'imagenet'")
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
