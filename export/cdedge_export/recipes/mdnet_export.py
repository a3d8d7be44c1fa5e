"""Export of MDNet: conv1-3 pruned in its last layer, fc4's inputs with it, and the fc layers' first weights beside."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from cdedge_export.choose.distill import by_rules
from cdedge_export.choose.plan import ChannelPlan, replayed
from cdedge_export.graph.cost import cost_table, footprint
from cdedge_export.graph.parity import check_parity
from cdedge_export.graph.write import write_model
from cdedge_export.network.backbones import BACKBONES, Backbone
from cdedge_export.network.layers import Floats, Geometry, Network
from cdedge_export.network.prune import full_network, prune
from cdedge_export.network.weights import Weights, load_weights
from cdedge_export.request import PRODUCER, ExportOptions, ExportReport, Say, first_frames, refuse_changed
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage
from cdedge_runtime.image import Frame, frame_sha256
from cdedge_runtime.model.contract import ModelSpec, SourceInfo, Tap, WeightsInfo
from cdedge_runtime.sources.frames import Source
from cdedge_runtime.trackers.mdnet.candidates import check_sampling
from cdedge_runtime.trackers.mdnet.crops import BATCH
from cdedge_runtime.trackers.settings import MdNetSettings, settings_of, tracker_of

from .distill_mdnet import TAP, distill_samples
from .mdnet_samples import GRID, INPUT_PX, crops_of, two_frames

RANDOM = "random"
_FIXED = ("layers", "mode", "input_px", "grid", "subsample")


def export_mdnet(source: Source, box: Box | None, out: Path, *, options: ExportOptions, say: Say) -> ExportReport:
    """Distil, prune, write and check one model file of MDNet; raises as `pipeline.export`."""
    begin = time.perf_counter()
    settings = settings_of(tracker_of(options.settings), options.settings, MdNetSettings)
    backbone = _backbone(options)
    say("reading the first two frames")
    frames, first_box = first_frames(source, box)
    check_sampling(first_box, frames[0].shape)
    weights = _weights(options, backbone, say)
    say(f"choosing channels of {TAP} with weights {weights.info.name}")
    plan = _chosen(frames, first_box, backbone, weights, options=options, settings=settings)
    network = prune(backbone, weights, {TAP: plan.taps[0].kept}, mode="exact")
    head = pruned_head(backbone, weights.state, plan.taps[0].kept)
    shown = SourceInfo(source.name, frame_sha256(frames[0]), astuple(first_box))
    spec = _contract(network, head, plan, shown, weights=weights, settings=settings)
    patches = crops_of(frames[0], np.array([astuple(first_box)]))
    say(f"writing {out} and checking it against PyTorch")
    parity = write_model(
        spec,
        network,
        out,
        check=lambda file: check_parity(file, spec, network, backbone=backbone, weights=weights, patches=patches),
        head=head,
    )
    say("measuring each layer before and after")
    before = full_network(backbone, weights, [TAP])
    costs = cost_table(before, network, Geometry(INPUT_PX, GRID), patches=patches)
    seconds = time.perf_counter() - begin
    return ExportReport(out, out.stat().st_size, spec, plan, costs, parity, weights.convention_reason, seconds)


def pruned_head(backbone: Backbone, state: Mapping[str, Floats], kept: Sequence[int]) -> dict[str, Floats]:
    """First weights of the fc layers by their names in the file, the first one's inputs cut to the kept channels."""
    head = {}
    for number, layer in enumerate(backbone.head):
        weight = state[f"{layer.key}.weight"]
        if number == 0:
            cells = weight.reshape(len(weight), backbone.channels(TAP), -1)
            weight = cells[:, list(kept)].reshape(len(weight), -1)
        head[f"{layer.name}.weight"], head[f"{layer.name}.bias"] = weight, state[f"{layer.key}.bias"]
    return head


def random_weights(backbone: Backbone, *, seed: int = 0) -> Weights:
    """Untrained weights (He et al. 2015): they show the tracker's speed and memory, and track nothing well."""
    rng, state = np.random.default_rng(seed), dict[str, Floats]()
    for key, shape in backbone.parameters([TAP]).items():
        gain = math.sqrt(2 / math.prod(shape[1:])) if len(shape) > 1 else 0.0
        state[key] = (rng.standard_normal(shape) * gain).astype(np.float32)
    name, convention = backbone.conventions[0]
    digest = hashlib.sha256(b"".join(value.tobytes() for value in state.values())).hexdigest()
    return Weights(
        state, convention, f"{name}: its own", WeightsInfo(f"random (seed {seed}), untrained", digest, "none")
    )


def _backbone(options: ExportOptions) -> Backbone:
    """The network of the weights' authors, told by the file's kind; raises `Usage` for options of other trackers."""
    default = ExportOptions()
    refuse_changed(options, _FIXED, ": MDNet's network is fixed; leave it out")
    if options.weights is None:
        raise Usage(
            "--tracker mdnet needs --weights with the PATH of MDNet's own file (.mat, or .pth of its PyTorch version), "
            "or --weights random to measure its speed with an untrained network"
        )
    if options.backbone not in (default.backbone, "mdnet", "pymdnet"):
        raise Usage(f"--backbone {options.backbone}: --tracker mdnet has mdnet (of .mat files) and pymdnet (of .pth)")
    if options.backbone != default.backbone:
        return BACKBONES[options.backbone]
    torch_file = Path(options.weights).suffix.lower() in (".pth", ".pt", ".safetensors")
    return BACKBONES["pymdnet" if torch_file else "mdnet"]


def _weights(options: ExportOptions, backbone: Backbone, say: Say) -> Weights:
    if options.weights != RANDOM:
        return load_weights(str(options.weights), backbone, taps=[TAP], convention=options.convention)
    if options.convention is not None:
        raise Usage("--convention describes a file of weights, and --weights random is none")
    say("the weights are random: the file shows MDNet's speed and memory, and tracks badly")
    return random_weights(backbone)


def _contract(
    network: Network,
    head: Mapping[str, Floats],
    plan: ChannelPlan,
    source: SourceInfo,
    *,
    weights: Weights,
    settings: MdNetSettings,
) -> ModelSpec:
    """Everything the runtime has to know; MACs are of one crop, activations of the crops computed at once."""
    needs = footprint(network, Geometry(INPUT_PX, GRID))
    return ModelSpec(
        tracker=tracker_of(settings),
        backbone=plan.backbone,
        taps=tuple(Tap(t.name, t.kept, t.total) for t in plan.taps),
        mode="exact",
        subsample=1,
        input_px=INPUT_PX,
        grid=GRID,
        convention=weights.convention,
        settings=settings,
        weights=weights.info,
        selection=plan.selection,
        source=source,
        macs=needs.macs,
        weight_bytes=needs.weight_bytes + sum(value.nbytes for value in head.values()),
        activation_bytes=BATCH * needs.activation_bytes,
        producer=PRODUCER,
    )


def _chosen(
    frames: list[Frame],
    box: Box,
    backbone: Backbone,
    weights: Weights,
    *,
    options: ExportOptions,
    settings: MdNetSettings,
) -> ChannelPlan:
    """A saved plan, every channel, or what distillation keeps."""
    if options.plan is not None:
        return replayed(options.plan, backbone.name, {TAP: backbone.channels(TAP)})
    first, second = two_frames(frames, box, backbone, weights, settings)
    return by_rules(options.distill, lambda rules: distill_samples(backbone.name, first, second, rules))
