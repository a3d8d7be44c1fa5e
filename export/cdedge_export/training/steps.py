"""What every training does at each step: its learning rate, and the running average that is kept of the weights."""

from __future__ import annotations

import math

from torch import nn


def learning_rate(step: int, steps: int, *, highest: float, warmup: int) -> float:
    """Linear warm-up, then a cosine down to zero."""
    return highest * min(1.0, step / warmup) * 0.5 * (1 + math.cos(math.pi * step / (steps + 1)))


def follow(average: nn.Module, net: nn.Module, share: float) -> None:
    """Move the average's parameters, and the statistics of its normalisations, towards the network's."""
    for mean, value in zip(average.parameters(), net.parameters(), strict=True):
        mean.data.lerp_(value.data, 1 - share)
    for mean, value in zip(average.buffers(), net.buffers(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - share)
