"""What an export reports, whatever the tracker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cdedge_runtime.model.contract import ModelSpec

from .choose.plan import ChannelPlan
from .graph.compare import Parity
from .graph.cost import LayerCost

Say = Callable[[str], None]


@dataclass(frozen=True)
class ExportReport:
    """What was exported, and what it costs before (all channels) and after.

    Without a network there are no layers to cost, and no PyTorch to be equal to.
    """

    model: Path
    bytes: int
    spec: ModelSpec
    plan: ChannelPlan
    costs: tuple[LayerCost, ...]
    parity: Parity | None
    convention_reason: str
    seconds: float
