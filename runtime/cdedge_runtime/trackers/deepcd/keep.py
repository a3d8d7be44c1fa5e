"""Distillation on the device: which of a generic file's channels its target needs, by the first frame alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, count

import numpy as np
from numpy.typing import NDArray

from cdedge_runtime.filter.channels import best, scene_of
from cdedge_runtime.filter.compact import Problem
from cdedge_runtime.filter.dft import Real
from cdedge_runtime.model.contract import DeepPart, ModelSpec, Tap


def kept_for(
    part: ModelSpec | DeepPart, features: Real, problem: Problem, target: tuple[float, float]
) -> NDArray[np.intp] | None:
    """The channels, ascending, of a window's features (C, Gh, Gw) that a file's settings keep; None: all of them.

    ``target``: its (rows, columns) in cells, in the middle of the window; ``problem``: its filter's.
    """
    if part.filter_channels == part.channels:
        return None
    ends = accumulate(len(tap.kept) for tap in part.taps)
    taps = {tap.name: features[end - len(tap.kept) : end] for tap, end in zip(part.taps, ends, strict=True)}
    return best(taps, part.settings.keep, scene_of(problem, target, part.settings.power))


def narrowed(taps: Sequence[Tap], kept: NDArray[np.intp]) -> tuple[Tap, ...]:
    """The taps with none but the kept of their channels, counted as if stacked."""
    chosen, number = set(kept.tolist()), count()
    return tuple(replace(tap, kept=tuple(c for c in tap.kept if next(number) in chosen)) for tap in taps)


def of_kept(features: Real, kept: NDArray[np.intp] | None) -> Real:
    """The features of the kept channels: a copy, or all of them as they are."""
    return features if kept is None else features[kept]
