"""The channel plan: what is kept of each layer, and why; a value to print, save and replay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cdedge_runtime.errors import BadInput, Usage
from cdedge_runtime.files import write_whole
from cdedge_runtime.model.contract import Selection
from cdedge_runtime.record import decode, encode

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

    def save(self, path: Path) -> None:
        """Write the plan as JSON, whole or not at all."""
        write_whole(path, (json.dumps(encode(self)) + "\n").encode())


def load_plan(path: Path) -> ChannelPlan:
    """Read a plan back; raises `BadInput` where it is none."""
    try:
        return decode(ChannelPlan, json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not a channel plan: {error}") from error


def replayed(path: Path, backbone: str, totals: Mapping[str, int]) -> ChannelPlan:
    """The plan at ``path`` if it is for these layers of ``backbone``; raises `Usage` or `BadInput` where it is not."""
    plan = load_plan(path)
    if plan.backbone != backbone or [t.name for t in plan.taps] != list(totals):
        layers = "+".join(t.name for t in plan.taps)
        raise Usage(
            f"{path} is a plan for {plan.backbone} layers {layers}: use this backbone and these layers", field="plan"
        )
    wrong = [t.name for t in plan.taps if t.total != totals[t.name]]
    if wrong:
        raise BadInput(f"{path}: layer {wrong[0]} does not have that many channels in {backbone}")
    return plan
