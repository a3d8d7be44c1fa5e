"""Export of MDNet: conv1-3 pruned in its last layer, fc4's inputs with it, and the fc layers' first weights beside."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from cdedge_export.choose.plan import ChannelPlan
from cdedge_export.choose.rules import DistillOptions
from cdedge_export.graph.compare import Parity
from cdedge_export.graph.cost import LayerCost, cost_table, footprint
from cdedge_export.graph.parity import check_parity
from cdedge_export.graph.write import write_model
from cdedge_export.network.backbones import BACKBONES, Backbone
from cdedge_export.network.layers import Floats, Geometry, Network
from cdedge_export.network.prune import full_network, prune
from cdedge_export.network.weights import Weights, load_weights
from cdedge_export.options import ExportOptions
from cdedge_export.report import Say
from cdedge_runtime.errors import Usage
from cdedge_runtime.model.contract import ModelSpec, Tap, WeightsInfo
from cdedge_runtime.trackers.mdnet.candidates import check_sampling
from cdedge_runtime.trackers.mdnet.crops import BATCH
from cdedge_runtime.trackers.mdnet.settings import MdNetSettings

from .distill_mdnet import TAP, distill_samples
from .mdnet_samples import GRID, INPUT_PX, crops_of, two_frames
from .recipe import OF_EVERY, PRODUCER, Design, Recipe, Scene, decided, started

RANDOM = "random"


def recipe(_options: ExportOptions) -> Recipe:
    """Its network is fixed, and its weights are its authors'."""
    uses = OF_EVERY | {"backbone", "weights", "convention"}
    defaults = {"search": "ncc", "backbone": None}
    return Recipe(uses, "the network of the tracker mdnet is fixed", _design, defaults)


def _design(scene: Scene, options: ExportOptions, say: Say) -> Design:
    settings: MdNetSettings = started(options)
    backbone = _backbone(options)
    check_sampling(scene.box, scene.frames[0].shape)
    weights = _weights(options, backbone, say)
    say(f"choosing channels of {TAP} with weights {weights.info.name}")

    def choose(rules: DistillOptions) -> ChannelPlan:
        return distill_samples(backbone.name, *two_frames(scene.frames, scene.box, backbone, weights, settings), rules)

    plan = decided(options, backbone.name, {TAP: backbone.channels(TAP)}, choose)
    network = prune(backbone, weights, {TAP: plan.taps[0].kept}, mode="exact")
    head = pruned_head(backbone, weights.state, plan.taps[0].kept)
    spec = _contract(network, head, plan, scene, weights=weights, settings=settings)
    patches = crops_of(scene.frames[0], np.array([astuple(scene.box)]))

    def check(file: Path) -> Parity:
        return check_parity(file, spec, network, backbone=backbone, weights=weights, patches=patches)

    def costs() -> tuple[LayerCost, ...]:
        return cost_table(full_network(backbone, weights, [TAP]), network, Geometry(INPUT_PX, GRID), patches=patches)

    return Design(
        spec,
        plan,
        weights.convention_reason,
        write=lambda out: write_model(spec, network, out, check=check, head=head),
        costs=costs,
    )


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
    """The network of the weights' authors, told by the file's kind; raises `Usage` where they are not named."""
    if options.weights is None:
        raise Usage(
            "weights: the tracker mdnet needs the PATH of MDNet's own file (.mat, or .pth of its PyTorch version), or "
            "random to measure its speed with an untrained network"
        )
    if options.backbone not in (None, "mdnet", "pymdnet"):
        raise Usage(f"backbone: expected mdnet (of .mat files) or pymdnet (of .pth), got {options.backbone}")
    if options.backbone is not None:
        return BACKBONES[options.backbone]
    torch_file = Path(options.weights).suffix.lower() in (".pth", ".pt", ".safetensors")
    return BACKBONES["pymdnet" if torch_file else "mdnet"]


def _weights(options: ExportOptions, backbone: Backbone, say: Say) -> Weights:
    if options.weights != RANDOM:
        return load_weights(str(options.weights), backbone, taps=[TAP], convention=options.convention)
    if options.convention is not None:
        raise Usage("convention: it describes a file of weights, and random ones are none")
    say("the weights are random: the file shows MDNet's speed and memory, and tracks badly")
    return random_weights(backbone)


def _contract(
    network: Network,
    head: Mapping[str, Floats],
    plan: ChannelPlan,
    scene: Scene,
    *,
    weights: Weights,
    settings: MdNetSettings,
) -> ModelSpec:
    """Everything the runtime has to know; MACs are of one crop, activations of the crops computed at once."""
    needs = footprint(network, Geometry(INPUT_PX, GRID))
    return ModelSpec(
        tracker="mdnet",
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
        source=scene.source,
        macs=needs.macs,
        weight_bytes=needs.weight_bytes + sum(value.nbytes for value in head.values()),
        activation_bytes=BATCH * needs.activation_bytes,
        producer=PRODUCER,
    )
