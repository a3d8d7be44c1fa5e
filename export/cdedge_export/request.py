"""What an export is asked for and what it reports, whatever the tracker."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from cdedge_runtime.box import Box, check_target
from cdedge_runtime.errors import BadInput, Usage
from cdedge_runtime.image import Frame
from cdedge_runtime.lazy import version
from cdedge_runtime.model.contract import ModelSpec, Precision
from cdedge_runtime.sources.frames import Source
from cdedge_runtime.trackers.deepcd.settings import Settings
from cdedge_runtime.trackers.settings import AnySettings

from .choose.distill import DistillOptions
from .choose.plan import ChannelPlan
from .graph.compare import Parity
from .graph.cost import LayerCost

PRODUCER = f"cdedge {version()}"
Say = Callable[[str], None]


@dataclass(frozen=True)
class ExportOptions:
    """What to export.

    layers: ``11``, ``11+12+21`` or ``all``. weights: ``bundled``, ``imagenet``, a path, or None for the best at hand.
    distill: how channels are chosen, None keeps all. plan: a saved plan to replay instead.
    input_px, grid: side of the square patch given to the network, and of the response grid; None is the tracker's own.
    reconstruct: in chain mode, fit each layer to what the full network computes on the first frames.
    precision: of weights and convolutions.
    subsample: compute the deepest layer at every so-many-th position.
    timed: measure every layer before and after pruning for the report.
    settings: the tracker's; which record it is says which tracker.
    """

    backbone: str = "vgg19"
    layers: str = "11"
    weights: str | None = None
    convention: str | None = None
    mode: Literal["exact", "chain"] = "exact"
    reconstruct: bool = False
    precision: Precision = "fp32"
    distill: DistillOptions | None = field(default_factory=DistillOptions)
    plan: Path | None = None
    input_px: int | None = None
    grid: int | None = None
    subsample: int = 1
    timed: bool = True
    settings: AnySettings = field(default_factory=Settings)


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


def refuse_changed(options: ExportOptions, names: Iterable[str], why: str) -> None:
    """Raise `Usage` for the first of the named options that is not the default; ``why`` goes on after its name."""
    default = ExportOptions()
    for name in names:
        if getattr(options, name) != getattr(default, name):
            raise Usage(f"--{'input' if name == 'input_px' else name}{why}")


def first_frames(source: Source, box: Box | None) -> tuple[list[Frame], Box]:
    """The first two frames and the target in the first; raises `BadInput` or `Usage` where one is not there."""
    frames = list(islice(source.frames(), 2))
    if len(frames) < 2:
        raise BadInput(f"{source.name}: distillation needs the first two frames, the source has {len(frames)}")
    known = box or source.first_box
    if known is None:
        height, width = frames[0].shape[:2]
        raise Usage(
            f"{source.name} has no annotation: give the target in its {width}x{height} frame with --box x,y,w,h"
        )
    check_target(known, frames[0].shape)
    return frames, known
