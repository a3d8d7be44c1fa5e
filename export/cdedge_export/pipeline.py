"""The way from a video to an exported file: frames -> features -> plan -> pruned network -> file -> report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from cdedge_runtime import dcf, patch
from cdedge_runtime.box import Box, check_target
from cdedge_runtime.errors import BadInput, Usage
from cdedge_runtime.frames import Frame, Source, frame_sha256
from cdedge_runtime.modelfile import ModelSpec, SourceInfo, Tap
from cdedge_runtime.settings import Settings

from .backbones import Backbone, find_backbone, parse_layers
from .cost import LayerCost, cost_table, footprint
from .distill import DistillOptions, TwoFrames, distill, keep_all
from .network import Geometry
from .parity import Parity, check_parity
from .plan import ChannelPlan, load_plan
from .prune import full_network, prune
from .torch_net import extract
from .weights import Weights, default_weights, load_weights
from .write import write_model

PRODUCER = "cdedge 0.1.0"
Say = Callable[[str], None]


@dataclass(frozen=True)
class ExportOptions:
    """What to export.

    layers: ``11``, ``11+12+21`` or ``all``. weights: ``bundled``, ``imagenet``, a path, or None for the best at hand.
    distill: how channels are chosen, None keeps all. plan: a saved plan to replay instead.
    input_px, grid: side of the square search window given to the network, and of the response grid.
    """

    backbone: str = "vgg19"
    layers: str = "11"
    weights: str | None = None
    convention: str | None = None
    mode: Literal["exact", "chain"] = "exact"
    distill: DistillOptions | None = field(default_factory=DistillOptions)
    plan: Path | None = None
    input_px: int = 128
    grid: int = 32
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class ExportReport:
    """What was exported, and what it costs before (all channels) and after."""

    model: Path
    bytes: int
    spec: ModelSpec
    plan: ChannelPlan
    costs: tuple[LayerCost, ...]
    parity: Parity
    convention_reason: str
    seconds: float


def export(source: Source, box: Box | None, out: Path, *, options: ExportOptions, say: Say = lambda _: None) -> ExportReport:
    """Distil, prune, write and check one model file; ``say`` is told each step.

    Raises `Usage`, `BadInput`, `BadModel` or `BadEnvironment`; then ``out`` is as it was before.
    """
    begin = time.perf_counter()
    backbone = find_backbone(options.backbone)
    taps = parse_layers(options.layers, backbone)
    say("reading the first two frames")
    frames, first_box = _first_frames(source, box)
    weights = load_weights(
        options.weights or default_weights(backbone, taps),
        backbone,
        taps=taps,
        convention=options.convention,
        progress=True,
    )
    say(f"choosing channels of {options.layers} with weights {weights.info.name}")
    plan, patches = _choose(frames, first_box, backbone, taps, weights=weights, options=options)
    network = prune(backbone, weights, {tap.name: tap.kept for tap in plan.taps}, mode=options.mode)
    geometry = Geometry((options.input_px,) * 2, (options.grid,) * 2)
    needs = footprint(network, geometry)
    spec = ModelSpec(
        tracker="deepcd",
        backbone=backbone.name,
        taps=tuple(Tap(t.name, t.kept, t.total) for t in plan.taps if t.kept),
        mode=options.mode,
        input_px=geometry.input_px,
        grid=geometry.grid,
        convention=weights.convention,
        settings=options.settings,
        weights=weights.info,
        selection=plan.selection,
        source=SourceInfo(source.name, frame_sha256(frames[0]), astuple(first_box)),
        macs=needs.macs,
        weight_bytes=needs.weight_bytes,
        activation_bytes=needs.activation_bytes,
        producer=PRODUCER,
    )
    say(f"writing {out} and checking it against PyTorch")
    parity = write_model(
        spec,
        network,
        out,
        check=lambda file: check_parity(file, spec, backbone=backbone, weights=weights, patches=patches),
    )
    say("measuring each layer before and after")
    before = full_network(backbone, weights, taps)
    costs = cost_table(before, network, geometry, patches=patches)
    return ExportReport(
        out, out.stat().st_size, spec, plan, costs, parity, weights.convention_reason, time.perf_counter() - begin
    )


def _first_frames(source: Source, box: Box | None) -> tuple[list[Frame], Box]:
    frames = list(islice(source.frames(), 2))
    if len(frames) < 2:
        raise BadInput(f"{source.name}: distillation needs the first two frames, the source has {len(frames)}")
    known = box or source.first_box
    if known is None:
        raise Usage(f"{source.name} has no annotation: give the target in its first frame with --box x,y,w,h")
    check_target(known, frames[0].shape)
    return frames, known


def _choose(
    frames: list[Frame], box: Box, backbone: Backbone, taps: tuple[str, ...], *, weights: Weights, options: ExportOptions
) -> tuple[ChannelPlan, np.ndarray]:
    """The plan, and the two search windows it was made from, (2, H, W, 3) uint8."""
    padding, grid = options.settings.padding, (options.grid,) * 2
    size = (options.input_px,) * 2
    side = patch.window_side_px(box, padding)

    def features(window: np.ndarray) -> dict[str, np.ndarray]:
        return extract(backbone, weights, taps, patches=window[None], grid=grid)

    first = patch.cut(frames[0], box.center, side, size)
    maps1 = features(first)
    label = _label(box, side, options)
    center = _locate(maps1, features(patch.cut(frames[1], box.center, side, size)), label, box, side=side)
    second = patch.cut(frames[1], center, side, size)
    maps2 = features(second)
    two = TwoFrames({tap: np.concatenate([maps1[tap], maps2[tap]]) for tap in taps}, label, padding)
    if options.plan is not None:
        plan = _replayed(options.plan, backbone, taps)
    elif options.distill is None:
        plan = keep_all(distill(backbone.name, two, DistillOptions(search="none", channels="1.0")))
    else:
        plan = distill(backbone.name, two, options.distill)
    return plan, np.stack([first, second])


def _label(box: Box, side: float, options: ExportOptions) -> dcf.Spectrum:
    sigma = options.settings.label_sigma * math.sqrt(box.area) * options.grid / side
    return dcf.spectrum(dcf.gaussian_label((options.grid,) * 2, (sigma, sigma)))


def _locate(
    first: dict[str, np.ndarray], second: dict[str, np.ndarray], label: dcf.Spectrum, box: Box, *, side: float
) -> tuple[float, float]:
    """Where the target is in frame 2, found with all channels (algorithms A8)."""
    grid = label.shape[0], label.shape[0]
    window = dcf.hann_window(grid)
    norms = {tap: math.sqrt(float(np.mean(maps**2)) + 1e-12) for tap, maps in first.items()}
    spectra = [dcf.spectrum(np.concatenate([m[tap][0] / norms[tap] for tap in norms]) * window) for m in (first, second)]
    lam = DistillOptions().regularization * math.prod(grid) * spectra[0].shape[0]
    rows, columns, _ = dcf.peak(dcf.respond(spectra[1], dcf.solve(spectra[0][None], label, lam), grid))
    return box.center[0] + columns * side / grid[1], box.center[1] + rows * side / grid[0]


def _replayed(path: Path, backbone: Backbone, taps: tuple[str, ...]) -> ChannelPlan:
    plan = load_plan(path)
    if plan.backbone != backbone.name or tuple(t.name for t in plan.taps) != taps:
        layers = "+".join(t.name for t in plan.taps)
        raise Usage(f"{path} is a plan for {plan.backbone} layers {layers}: use --backbone {plan.backbone} --layers {layers}")
    wrong = [t.name for t in plan.taps if t.total != backbone.channels(t.name)]
    if wrong:
        raise BadInput(f"{path}: layer {wrong[0]} does not have that many channels in {backbone.name}")
    return plan
