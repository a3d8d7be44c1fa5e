"""A `Network` in PyTorch, with literal preprocessing: the reference an exported graph is held to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own habit

from cdedge_runtime.model.contract import InputConvention

from .backbones import Backbone, Lrn, Pool
from .layers import ConvStep, FireStep, Floats, Network, Patches, SelectStep, Size, TapStep
from .prune import full_network, subsampled
from .resample import resample_matrix
from .weights import Weights

Tensor = Any  # torch is not type-checked here


def extract(
    backbone: Backbone,
    weights: Weights,
    taps: Sequence[str],
    *,
    patches: Patches,
    grid: Size,
    subsample: int = 1,
) -> dict[str, Floats]:
    """All channels of each tap for ``patches`` (N, H, W, 3) uint8 BGR: (N, C, Gh, Gw) float32 on ``grid``."""
    return run(subsampled(full_network(backbone, weights, taps), subsample), patches, grid=grid)


def run(network: Network, patches: Patches, *, grid: Size) -> dict[str, Floats]:
    """Features of each tap of ``network``, in network order: (N, C, Gh, Gw) float32."""
    delivered = {}
    with torch.no_grad():
        x = preprocess(patches, network.convention)
        for step in network.steps:
            if isinstance(step, TapStep):
                delivered[step.name] = _combined(step, _on_grid(x[:, list(step.channels)], grid)).numpy()
            else:
                x = applied(step, x)
    return delivered


def preprocess(patches: Patches, convention: InputConvention) -> Tensor:
    """(N, 3, H, W) float32 in the convention's channel order: (channel * scale - mean) / std."""
    pixels = torch.from_numpy(np.ascontiguousarray(patches)).permute(0, 3, 1, 2).float()
    pixels = pixels.flip(1) if convention.order == "RGB" else pixels
    mean = torch.tensor(convention.mean).view(1, 3, 1, 1)
    std = torch.tensor(convention.std).view(1, 3, 1, 1)
    return (pixels * convention.scale - mean) / std


def applied(step: ConvStep | FireStep | Pool | Lrn | SelectStep, x: Tensor) -> Tensor:
    """What comes out of a step for ``x`` (N, C, H, W)."""
    if isinstance(step, ConvStep):
        return _conv(step, x)
    if isinstance(step, FireStep):
        squeezed = _conv(step.squeeze, x)
        return torch.cat([_conv(branch, squeezed) for branch in step.branches], dim=1)
    if isinstance(step, Pool):
        return F.max_pool2d(x, step.kernel, step.stride, ceil_mode=step.ceil)
    if isinstance(step, Lrn):
        return F.local_response_norm(x, step.size, alpha=step.alpha, beta=step.beta, k=step.bias)
    return x[:, list(step.channels)]


def _conv(step: ConvStep, x: Tensor) -> Tensor:
    weight, bias = torch.from_numpy(step.weight), torch.from_numpy(step.bias)
    return torch.relu(F.conv2d(x, weight, bias, stride=step.stride, padding=step.pad))


def _combined(step: TapStep, x: Tensor) -> Tensor:
    if step.projection is None:
        return x
    raised = x.abs() ** step.projection.power * x.sign() if step.projection.signed else x**step.projection.power
    return torch.einsum("qc,nchw->nqhw", torch.from_numpy(step.projection.matrix), raised)


def _on_grid(x: Tensor, grid: Size) -> Tensor:
    rows = torch.from_numpy(resample_matrix(x.shape[2], grid[0]))
    columns = torch.from_numpy(resample_matrix(x.shape[3], grid[1]))
    return torch.einsum("gh,nchw,kw->ncgk", rows, x, columns)
