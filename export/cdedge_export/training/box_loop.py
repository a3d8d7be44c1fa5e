"""Training of the box head on what was seen once: true boxes, and the teacher's answers."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cdedge_export.network.own_head import CDEDGE_HEAD, OwnHead

from .box_net import BoxHead
from .seen import Seen
from .steps import follow, learning_rate
from .teacher import STRIDE

_SURELY = 0.5  # share of the box's sides in whose ellipse a cell surely shows the target


@dataclass(frozen=True)
class BoxRecipe:
    """Everything that decides the weights, beside the data and the teacher.

    targets: that are seen, three windows each. taught: weight of the teacher's answers beside the true boxes.
    """

    targets: int = 8_500
    steps: int = 14_000
    batch: int = 32
    seed: int = 0
    learning_rate: float = 2e-3
    warmup_steps: int = 200
    decay: float = 1e-3
    taught: float = 1.0
    averaging: float = 0.998


@dataclass(frozen=True)
class Sample:
    """A batch: maps of templates (N, C, 8, 8) and windows (N, C, 16, 16), the teacher's answers, boxes (N, 4)."""

    templates: Tensor
    windows: Tensor
    answers: Tensor
    boxes: Tensor


@dataclass(frozen=True)
class BoxProgress:
    """One step done: its number from 1, its losses, and the averaged head."""

    step: int
    losses: dict[str, float]
    average: BoxHead


def train_boxes(seen: Seen, recipe: BoxRecipe, shape: OwnHead = CDEDGE_HEAD) -> Iterator[BoxProgress]:
    """Train on one core, one `BoxProgress` a step."""
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    head = BoxHead(shape, _strength(seen), 2.0 * STRIDE).to(memory_format=torch.channels_last)
    average = copy.deepcopy(head).eval()
    optimizer = torch.optim.AdamW(head.parameters(), lr=recipe.learning_rate, weight_decay=recipe.decay)
    rng = np.random.default_rng((recipe.seed, 0))
    for step in range(1, recipe.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, recipe.steps, highest=recipe.learning_rate, warmup=recipe.warmup_steps)
        losses = box_losses(head, drawn(seen, rng, recipe.batch), taught=recipe.taught)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 5.0)
        optimizer.step()
        follow(average, head, min(recipe.averaging, step / (step + 10)))
        yield BoxProgress(step, {name: loss.item() for name, loss in losses.items()}, average)


def drawn(seen: Seen, rng: np.random.Generator, count: int) -> Sample:
    """Any ``count`` targets, each in one of its windows."""
    targets = rng.integers(len(seen.templates), size=count)
    which = rng.integers(seen.windows.shape[1], size=count)
    of_window = (each[targets, which] for each in (seen.windows, seen.answers, seen.boxes))
    arrays = [torch.from_numpy(each).float() for each in (seen.templates[targets], *of_window)]
    maps = (each.contiguous(memory_format=torch.channels_last) for each in arrays[:2])
    return Sample(*maps, *arrays[2:])


def box_losses(head: BoxHead, sample: Sample, *, taught: float) -> dict[str, Tensor]:
    """Score and box against the truth, and against the teacher where it has found the target."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, logs = head(sample.templates, sample.windows)
    odds, logs = (logits[:, 1] - logits[:, 0]).float(), logs.float()
    inside, outside = cells(sample.boxes)
    expected = functional.binary_cross_entropy_with_logits(odds, inside, reduction="none")
    hard = outside * (0.1 + torch.sigmoid(odds.detach()))
    true_score = 0.5 * (_mean(expected, inside) + _mean(expected, hard))
    true_box = _mean(1 - overlap(logs.exp(), distances(sample.boxes)), inside)
    teachers = torch.sigmoid(sample.answers[:, 1] - sample.answers[:, 0])
    found = _found(teachers, inside)
    like = functional.binary_cross_entropy_with_logits(odds, teachers, reduction="none")
    said = sample.answers[:, 2:].clamp_min(1.0).log()
    return {
        "score": true_score,
        "box": true_box,
        "taught score": taught * _mean(like, found * (0.1 + teachers)),
        "taught box": taught * _mean((logs - said).abs().mean(1), found * teachers * (teachers > 0.3)),
    }


def places(cells: int) -> Tensor:
    """Where cells lie, in pixels of the window."""
    return STRIDE * torch.arange(cells, dtype=torch.float32)


def distances(boxes: Tensor, grid: int = 16) -> Tensor:
    """(N, 4, grid, grid) from every cell to left, top, right and bottom of boxes (N, 4); NaN where there is none."""
    at = places(grid)
    left, top, right, bottom = (side[:, None] for side in boxes.unbind(1))
    across, down = (at - left, right - at), (at - top, bottom - at)
    wide = [each[:, None, :].expand(-1, grid, -1) for each in across]
    high = [each[:, :, None].expand(-1, -1, grid) for each in down]
    return torch.stack([wide[0], high[0], wide[1], high[1]], dim=1)


def cells(boxes: Tensor, grid: int = 16) -> tuple[Tensor, Tensor]:
    """Two masks (N, grid, grid), 0 or 1: cells that surely show the target, and cells that surely do not.

    The nearest cell to its center always does; where there is no box, none does.
    """
    at = places(grid)
    boxes = torch.nan_to_num(boxes, nan=-1e4)
    center, size = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).clamp_min(1.0)
    x, y = at - center[:, :1], at - center[:, 1:]
    near = (x.abs() <= STRIDE / 2)[:, None, :] & (y.abs() <= STRIDE / 2)[:, :, None]
    radius = ((2 * x / size[:, :1]).square()[:, None, :] + (2 * y / size[:, 1:]).square()[:, :, None]).sqrt()
    inside = near | (radius <= _SURELY)
    return inside.float(), ((radius > 1) & ~near).float()


def overlap(said: Tensor, true: Tensor) -> Tensor:
    """IoU (N, H, W) of boxes around the same cells, by their distances (N, 4, H, W)."""
    true = torch.nan_to_num(true, nan=1.0)
    low = torch.minimum(said, true)
    both = (low[:, 0] + low[:, 2]).clamp_min(0) * (low[:, 1] + low[:, 3]).clamp_min(0)
    areas = [(d[:, 0] + d[:, 2]) * (d[:, 1] + d[:, 3]) for d in (said, true)]
    return both / (areas[0] + areas[1] - both).clamp_min(1e-6)


def _found(teachers: Tensor, inside: Tensor) -> Tensor:
    """(N, 1, 1), 1 where the teacher's surest cell is one that shows the target."""
    surest = teachers.flatten(1).argmax(1, keepdim=True)
    near = functional.max_pool2d(inside[:, None], 3, stride=1, padding=1).flatten(1)
    return near.gather(1, surest).unsqueeze(-1)


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp_min(1e-6)


def _strength(seen: Seen) -> Tensor:
    """Root mean square of each channel."""
    some = torch.from_numpy(seen.windows[:200].astype(np.float32))
    return some.square().mean(dim=(0, 1, 3, 4)).sqrt().clamp_min(1e-3)
