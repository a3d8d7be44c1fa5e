"""The training loop: seeded, so that the same recipe on the same machine gives the same weights."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from .footage import Footage
from .head import head_loss, labels, subset_masks
from .net import TAPS, Front, to_state
from .pairs import batch
from .steps import follow, learning_rate


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, beside the data.

    windows: (side in px, side of the response in cells, targets a step), drawn anew each step, so that the
    features serve any pooling the device may use; each costs about the same time.
    """

    steps: int
    seed: int = 0
    learning_rate: float = 2e-3
    warmup_steps: int = 50
    subsets: int = 2
    averaging: float = 0.998
    windows: tuple[tuple[int, int, int], ...] = ((96, 24, 2), (80, 20, 3), (64, 32, 4), (64, 16, 4))


@dataclass(frozen=True)
class Progress:
    """One step done: its number from 1, its loss, and the running average of the parameters."""

    step: int
    loss: float
    average: Front

    def state(self) -> dict[str, Tensor]:
        """Give what would be shipped if the training ended here."""
        return to_state(dict(self.average.named_parameters()))


def train(footage: Footage, recipe: Recipe) -> Iterator[Progress]:
    """Train from scratch on one core, one `Progress` a step."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    rng, generator = np.random.default_rng(recipe.seed), torch.Generator().manual_seed(recipe.seed)
    net = Front().to(memory_format=torch.channels_last)
    average = copy.deepcopy(net)
    optimizer = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate)
    for step in range(1, recipe.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, recipe.steps, highest=recipe.learning_rate, warmup=recipe.warmup_steps)
        value = _loss(net, footage, recipe, rng, generator)
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        follow(average, net, min(recipe.averaging, step / (step + 10)))
        yield Progress(step, value.item(), average)


def seconds_per_step(footage: Footage, recipe: Recipe) -> float:
    """Measured on a few steps that are thrown away: the mean over the window sizes."""
    steps = train(footage, Recipe(steps=4 * len(recipe.windows), seed=recipe.seed, windows=recipe.windows))
    next(steps)
    start = time.perf_counter()
    count = sum(1 for _ in steps)
    return (time.perf_counter() - start) / count


def _loss(net: Front, footage: Footage, recipe: Recipe, rng: np.random.Generator, generator: torch.Generator) -> Tensor:
    size, grid, count = recipe.windows[rng.integers(len(recipe.windows))]
    seen = batch(footage, rng, count, size=size, grid=grid)
    masks = [subset_masks(channels, recipe.subsets, generator) for channels in TAPS.values()]
    with torch.autocast("cpu", dtype=torch.bfloat16):  # half the time of float32 where the CPU knows bfloat16
        taps = net(seen.windows)
    regularization = 10 ** rng.uniform(-4, -2.5)
    return head_loss(taps, labels(seen.shift, seen.sigma, grid), masks, regularization)
