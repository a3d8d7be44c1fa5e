"""Chain pruning with its loss repaired: each layer fitted anew to what the full network computes there.

After He et al., *Channel Pruning for Accelerating Very Deep Neural Networks* (2017): for the inputs that the pruned
network really has, the weights of each convolution are the ridge regression of the full network's pre-activations. A
closed form per layer, in order, so that a layer also repairs what the ones before it still lose. Shapes stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own habit

from .backbones import Lrn, Pool
from .layers import ConvStep, FireStep, Network, Patches, SelectStep, Step, TapStep
from .torch_net import applied, preprocess

Tensor = Any  # torch is not type-checked here
Layer = ConvStep | FireStep | Pool | Lrn
_RIDGE = 1e-2  # of the inputs' mean power, against weights that fit these windows only


def reconstructed(network: Network, full: Network, kept: Mapping[str, Sequence[int]], *, patches: Patches) -> Network:
    """``network`` with weights refitted to ``full`` on ``patches`` (N, H, W, 3) uint8 BGR.

    ``kept`` names the output channels that a narrowed layer has of the full one's. Layers whose inputs are still the
    full network's are left as they are.
    """
    layers = {step.name: step for step in full.steps if not isinstance(step, (TapStep, SelectStep))}
    steps: list[Step] = []
    with torch.no_grad():
        x = wanted = preprocess(patches, network.convention)
        for step in network.steps:
            if isinstance(step, TapStep):
                steps.append(step)
                continue
            if isinstance(step, SelectStep):
                steps.append(step)
                x = applied(step, x)
                continue
            fitted = _refitted(step, layers[step.name], (x, wanted), kept)
            steps.append(fitted)
            x, wanted = applied(fitted, x), applied(layers[step.name], wanted)
    return replace(network, steps=tuple(steps))


def _refitted(step: Layer, whole: Layer, inputs: tuple[Tensor, Tensor], kept: Mapping[str, Sequence[int]]) -> Layer:
    """The step on the pruned network's input, fitted to the whole one on the full network's."""
    x, wanted = inputs
    if isinstance(step, ConvStep) and isinstance(whole, ConvStep):
        return _fitted(step, whole, inputs, _outputs(step, whole, kept))
    if isinstance(step, FireStep) and isinstance(whole, FireStep):
        squeeze = _fitted(step.squeeze, whole.squeeze, inputs, range(len(whole.squeeze.bias)))
        inside = applied(squeeze, x), applied(whole.squeeze, wanted)
        branches, named = [], {branch.name: branch for branch in whole.branches}
        for branch in step.branches:
            first = list(named).index(branch.name) * len(whole.branches[0].bias)
            part = named[branch.name]
            chosen = [c - first for c in sorted(kept.get(step.name, ())) if 0 <= c - first < len(part.bias)]
            outputs = chosen if len(branch.bias) < len(part.bias) else range(len(part.bias))
            branches.append(_fitted(branch, part, inside, outputs))
        return replace(step, squeeze=squeeze, branches=tuple(branches))
    return step


def _outputs(step: ConvStep, whole: ConvStep, kept: Mapping[str, Sequence[int]]) -> Sequence[int]:
    return sorted(kept[step.name]) if len(step.bias) < len(whole.bias) else range(len(whole.bias))


def _fitted(step: ConvStep, whole: ConvStep, inputs: tuple[Tensor, Tensor], outputs: Sequence[int]) -> ConvStep:
    """Ridge regression towards the old weights: what they miss is regressed on the inputs, and added."""
    x, wanted = inputs
    if x.shape == wanted.shape and torch.equal(x, wanted):
        return step
    size = step.weight[0].size
    gram = torch.zeros(size + 1, size + 1, dtype=torch.float64)
    moment = torch.zeros(len(step.bias), size + 1, dtype=torch.float64)
    for one, target in zip(x, wanted, strict=True):
        missing = (_convolved(whole, target[None])[:, list(outputs)] - _convolved(step, one[None])).flatten(2)[0]
        columns = F.unfold(one[None], step.weight.shape[2], padding=step.pad, stride=step.stride)[0]
        columns = torch.cat([columns, columns.new_ones(1, columns.shape[1])]).double()
        gram += columns @ columns.T
        moment += missing.double() @ columns.T
    ridge = _RIDGE * gram.diagonal()[:-1].mean() * torch.eye(size + 1, dtype=torch.float64)
    ridge[-1, -1] = 0
    added = torch.linalg.solve(gram + ridge, moment.T).T.numpy()
    weight = step.weight + added[:, :-1].reshape(step.weight.shape)
    return replace(step, weight=weight.astype(np.float32), bias=(step.bias + added[:, -1]).astype(np.float32))


def _convolved(step: ConvStep, x: Tensor) -> Tensor:
    weight, bias = torch.from_numpy(step.weight), torch.from_numpy(step.bias)
    return F.conv2d(x, weight, bias, stride=step.stride, padding=step.pad)
