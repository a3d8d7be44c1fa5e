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
from .distill import DistillOptions, Maps, TwoFrames, device_spectra, distill, keep_all
from .network import Geometry
from .parity import Parity, check_parity
from .plan import ChannelPlan, load_plan
from .prune import full_network, prune, subsampled
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
    subsample: compute the deepest layer at every so-many-th position.
    """

    backbone: str = "vgg19"
    layers: str = "11"
    weights: str | None = None
    convention: str | None = None
    mode: Literal["exact", "chain"] = "exact"
    distill: DistillOptions | None = field(default_factory=DistillOptions)
    plan: Path | None = None
    input_px: int = 192
    grid: int = 48
    subsample: int = 1
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


def export(
    source: Source, box: Box | None, out: Path, *, options: ExportOptions, say: Say = lambda _: None
) -> ExportReport:
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
    kept = {tap.name: tap.kept for tap in plan.taps}
    network = subsampled(prune(backbone, weights, kept, mode=options.mode), options.subsample)
    geometry = Geometry((options.input_px,) * 2, (options.grid,) * 2)
    needs = footprint(network, geometry)
    spec = ModelSpec(
        tracker="deepcd",
        backbone=backbone.name,
        taps=tuple(Tap(t.name, t.kept, t.total) for t in plan.taps if t.kept),
        mode=options.mode,
        subsample=options.subsample,
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
    before = subsampled(full_network(backbone, weights, taps), options.subsample)
    costs = cost_table(before, network, geometry, patches=patches)
    return ExportReport(
        out,
        out.stat().st_size,
        spec,
        plan,
        costs,
        parity,
        weights.convention_reason,
        time.perf_counter() - begin,
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
    frames: list[Frame],
    box: Box,
    backbone: Backbone,
    taps: tuple[str, ...],
    *,
    weights: Weights,
    options: ExportOptions,
) -> tuple[ChannelPlan, Frame]:
    """The plan, and the two search windows it was made from, (2, H, W, 3) uint8."""
    two, windows = _two_frames(frames, box, backbone, taps, weights=weights, options=options)
    if options.plan is not None:
        return _replayed(options.plan, backbone, taps), windows
    if options.distill is None:
        return keep_all(distill(backbone.name, two, DistillOptions(search="none", channels="1.0"))), windows
    return distill(backbone.name, two, options.distill), windows


def _two_frames(
    frames: list[Frame],
    box: Box,
    backbone: Backbone,
    taps: tuple[str, ...],
    *,
    weights: Weights,
    options: ExportOptions,
) -> tuple[TwoFrames, Frame]:
    """Features of both frames around the target, which is located in frame 2 with all channels (algorithms A8)."""
    settings, grid = options.settings, (options.grid,) * 2
    side = patch.window_side_px(box.size, settings.padding)
    sigma = settings.label_sigma * math.sqrt(box.area) * options.grid / side
    label = dcf.spectrum(dcf.gaussian_label(grid, (sigma, sigma)))
    windows = np.empty((2, options.input_px, options.input_px, 3), np.uint8)

    def features(index: int, center: tuple[float, float]) -> dict[str, Maps]:
        window = patch.cut(frames[index], center, side, out=windows[index])
        return extract(backbone, weights, taps, patches=window[None], grid=grid, subsample=options.subsample)

    first, second = features(0, box.center), features(1, box.center)
    spectra = device_spectra(_stacked(first, second), settings.power)
    ridge = DistillOptions().regularization * math.prod(grid)
    rows, columns, _ = dcf.peak(dcf.respond(spectra[1], dcf.solve(spectra[:1], label, ridge), grid))
    cell = side / options.grid
    second = features(1, (box.center[0] + columns * cell, box.center[1] + rows * cell))
    both = {tap: np.concatenate([first[tap], second[tap]]) for tap in taps}
    return TwoFrames(both, label, settings.padding, settings.power), windows


def _stacked(first: dict[str, Maps], second: dict[str, Maps]) -> Maps:
    """All taps of both frames, (2, d, Gh, Gw)."""
    return np.stack([np.concatenate([maps[0] for maps in each.values()]) for each in (first, second)])


def _replayed(path: Path, backbone: Backbone, taps: tuple[str, ...]) -> ChannelPlan:
    plan = load_plan(path)
    if plan.backbone != backbone.name or tuple(t.name for t in plan.taps) != taps:
        layers = "+".join(t.name for t in plan.taps)
        raise Usage(
            f"{path} is a plan for {plan.backbone} layers {layers}: use --backbone {plan.backbone} --layers {layers}"
        )
    wrong = [t.name for t in plan.taps if t.total != backbone.channels(t.name)]
    if wrong:
        raise BadInput(f"{path}: layer {wrong[0]} does not have that many channels in {backbone.name}")
    return plan
