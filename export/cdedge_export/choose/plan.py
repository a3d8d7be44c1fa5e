"""How channels are chosen, and the choice that comes of it: values to print, save and take again. Loads no numpy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cdedge_runtime.errors import BadInput, Usage
from cdedge_runtime.files import write_whole
from cdedge_runtime.model.contract import Selection, Tap
from cdedge_runtime.record import decode, encode, from_json

Search = Literal["e4", "reduced", "ncc", "none"]
AUTO_SHARES = (0.25, 0.3, 0.35, 0.4)  # fewer lose accuracy, more gain none
COMPONENT_SHARES = (0.7, 0.8, 0.9)  # of few channels that are none like another; the paper keeps 55 of ECO's 80


@dataclass(frozen=True)
class DistillOptions:
    """How channels are chosen.

    rank: order of channels, one of `distill.ORDERS`. search: objective of the swap search, or ``none``.
    channels: ``auto`` (of the shares ``auto``, the fewest that find the target in frame 2 as surely as the best of
    these, to 2 %), a number (joint over layers), a share of each layer (0 < share <= 1), or ``paper`` (shares of
    section IV-D).
    multiple: shares and ``auto`` are rounded to so many channels of a layer, at least one time.
    """

    rank: str = "diverse"
    search: Search = "none"
    channels: str = "auto"
    seed: int = 0
    multiple: int = 1
    regularization: float = 1e-4
    auto: tuple[float, ...] = AUTO_SHARES


KEEP_ALL = DistillOptions(search="none", channels="1.0")
PLAN_SCHEMA = 1


@dataclass(frozen=True)
class PlannedTap:
    """One layer: the kept channels (sorted), how many it has, and every channel's friendliness."""

    name: str
    kept: tuple[int, ...]
    total: int
    friendliness: tuple[float, ...]


@dataclass(frozen=True)
class ChannelPlan:
    """What distillation decided, for one backbone and target."""

    backbone: str
    taps: tuple[PlannedTap, ...]
    selection: Selection
    swaps: int
    schema: int = PLAN_SCHEMA

    @property
    def channels(self) -> int:
        """Number of kept channels."""
        return sum(len(tap.kept) for tap in self.taps)

    @property
    def kept(self) -> dict[str, tuple[int, ...]]:
        """The kept channels of each layer that keeps any."""
        return {tap.name: tap.kept for tap in self.taps if tap.kept}

    @property
    def kept_taps(self) -> tuple[Tap, ...]:
        """Those layers as a file's contract has them."""
        return tuple(Tap(tap.name, tap.kept, tap.total) for tap in self.taps if tap.kept)

    def save(self, path: Path) -> None:
        """Write the plan as JSON, whole or not at all."""
        write_whole(path, (json.dumps(encode(self)) + "\n").encode())


def load_plan(path: Path) -> ChannelPlan:
    """Read a plan back; raises `BadInput` where it is none."""
    try:
        return decode(ChannelPlan, from_json(path.read_text()))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: no channels that an export saved: {error}") from error


def replayed(path: Path, backbone: str, totals: Mapping[str, int]) -> ChannelPlan:
    """The plan at ``path`` if it is for these layers of ``backbone``; raises `Usage` or `BadInput` where it is not."""
    plan = load_plan(path)
    if plan.backbone != backbone or [t.name for t in plan.taps] != list(totals):
        layers = "+".join(t.name for t in plan.taps)
        raise Usage(
            f"{path} has channels of {plan.backbone}, layers {layers}: use this backbone and these layers", field="plan"
        )
    wrong = [t.name for t in plan.taps if t.total != totals[t.name]]
    if wrong:
        raise BadInput(f"{path}: layer {wrong[0]} does not have that many channels in {backbone}")
    return plan
