"""Training of ``cdedge_deep``: seeded step by step, so that a run that was stopped goes on as if it had not been."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from .deep import TAPS, Deep
from .footage import Footage
from .head import head_loss, labels, subset_masks
from .pairs import batch
from .steps import follow, learning_rate
from .teacher import STRIDE, Scale, Teacher, scale

_SCALED_ON = 40  # targets whose windows set the scale of the teacher's channels


@dataclass(frozen=True)
class DeepRecipe:
    """Everything that decides the weights, beside the data and the teacher.

    windows: (side in px, a multiple of 32; targets a step), drawn anew each step; each costs about the same time.
    filter_share: weight of the correlation filter's loss beside the error to the teacher.
    """

    steps: int = 9000
    seed: int = 0
    learning_rate: float = 3e-3
    warmup_steps: int = 100
    filter_share: float = 0.2
    subsets: int = 1
    averaging: float = 0.998
    windows: tuple[tuple[int, int], ...] = ((128, 6), (192, 3), (256, 2))


@dataclass(frozen=True)
class DeepProgress:
    """One step done: its number from 1, its error to the teacher and filter loss, and the averaged network."""

    step: int
    error: float
    filter_loss: float
    average: Deep
    checkpoint: dict[str, Any]


def train_deep(
    footage: Footage, teacher: Teacher, recipe: DeepRecipe, checkpoint: dict[str, Any] | None = None
) -> Iterator[DeepProgress]:
    """Train on one core, one `DeepProgress` a step, from scratch or from where ``checkpoint`` was taken."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    net = Deep(teacher.channels).to(memory_format=torch.channels_last)
    average = copy.deepcopy(net).eval()
    optimizer = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate)
    parts = {"net": net, "average": average, "optimizer": optimizer}
    done = 0
    if checkpoint is not None:
        done = checkpoint["step"]
        for name, part in parts.items():
            part.load_state_dict(checkpoint[name])
    measure = _teachers_scale(footage, teacher, recipe)
    for step in range(done + 1, recipe.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, recipe.steps, highest=recipe.learning_rate, warmup=recipe.warmup_steps)
        error, filter_loss = _losses(net, footage, teacher, measure, recipe, step)
        optimizer.zero_grad()
        (error + recipe.filter_share * filter_loss).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        follow(average, net, min(recipe.averaging, step / (step + 10)))
        state = {"step": step} | {name: part.state_dict() for name, part in parts.items()}
        yield DeepProgress(step, error.item(), filter_loss.item(), average, state)


def _teachers_scale(footage: Footage, teacher: Teacher, recipe: DeepRecipe) -> Scale:
    size = recipe.windows[-1][0]
    rng = np.random.default_rng((recipe.seed, 0))
    return scale(teacher.maps(batch(footage, rng, _SCALED_ON, size=size, grid=size // STRIDE).windows))


def _losses(
    net: Deep, footage: Footage, teacher: Teacher, measure: Scale, recipe: DeepRecipe, step: int
) -> tuple[Tensor, Tensor]:
    """Error of the head to the teacher, and the mean loss of a filter on each tap alone."""
    rng = np.random.default_rng((recipe.seed, step))
    size, count = recipe.windows[rng.integers(len(recipe.windows))]
    seen = batch(footage, rng, count, size=size, grid=size)
    with torch.autocast("cpu", dtype=torch.bfloat16):  # half the time of float32 where the CPU knows bfloat16
        taps, answer = net(seen.windows)
    error = measure.error(answer.float(), teacher.maps(seen.windows))
    generator = torch.Generator().manual_seed(int(rng.integers(1 << 31)))
    regularization = 10 ** rng.uniform(-4, -2.5)
    losses = []
    for tap in TAPS:
        stride = size // taps[tap].shape[-1]
        label = labels(seen.shift / stride, (seen.sigma / stride).clamp_min(0.7), size // stride)
        mask = subset_masks(taps[tap].shape[1], recipe.subsets, generator)
        losses.append(head_loss((taps[tap],), label, [mask], regularization))
    return error, torch.stack(losses).mean()
