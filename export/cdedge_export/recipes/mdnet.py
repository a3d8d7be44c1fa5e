"""MDNet's recipe: conv1-3 pruned in its last layer, fc4's inputs with it, and the fc layers' first weights beside.

MDNet has no correlation filter, and the paper says that its channels were distilled and not how. A ridge classifier
stands in for one: each channel's map of a crop has one weight per cell, fitted with all channels on target and
background of frame 1; what the channel adds to the answer takes the place of its filter's response in Eq. 4.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cdedge_export.choose.distill import check_options, searched, seed_set
from cdedge_export.choose.plan import ChannelPlan, DistillOptions, Search
from cdedge_export.choose.rank import rank_scores
from cdedge_export.choose.search import GivenFilter
from cdedge_export.graph.cost import footprint
from cdedge_export.network.backbones import BACKBONES, Backbone
from cdedge_export.network.bundled import check_weights
from cdedge_export.network.layers import Floats, Geometry, Network, Patches
from cdedge_export.network.prune import prune
from cdedge_export.network.torch_net import extract
from cdedge_export.network.weights import Weights, load_weights
from cdedge_export.options import ExportOptions
from cdedge_export.recipes.networks import finished
from cdedge_export.recipes.recipe import OF_EVERY, PRODUCER, Design, Recipe, Scene, decided, started
from cdedge_export.report import Say
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage
from cdedge_runtime.filter.channels import diverse_order, squared_cosines
from cdedge_runtime.image import Frame
from cdedge_runtime.model.contract import ModelSpec, WeightsInfo
from cdedge_runtime.trackers.mdnet import candidates
from cdedge_runtime.trackers.mdnet.candidates import check_sampling
from cdedge_runtime.trackers.mdnet.crops import BATCH, crop
from cdedge_runtime.trackers.mdnet.settings import MdNetSettings

TAP = "conv3"
Scores = NDArray[np.float64]
_RIDGE = 0.1  # of the mean energy of a sample


@dataclass(frozen=True)
class Samples:
    """One frame: maps (N, C, h, w) of crops, their labels (N,) of 1 and -1, and the target's own maps (C, h, w)."""

    maps: Floats
    labels: Floats
    target: Floats


def distill_samples(backbone: str, first: Samples, second: Samples, options: DistillOptions) -> ChannelPlan:
    """Choose channels of conv3 by two frames' samples; raises `Usage`."""
    check_options(options)
    _check_search(options.search)
    answers = _Answers.of(first, second)
    scores, order = _ranked(answers, first, second, options)
    layers = {TAP: slice(0, len(scores))}

    def quality(kept: list[int]) -> float:
        weights = surrogate(answers.first[:, kept], first.labels)
        return float(margin(np.einsum("nch,ch->n", answers.second[:, kept], weights)[:, None], second.labels)[0])

    seed = seed_set(options.channels, order, layers, quality=quality)

    def objective() -> GivenFilter:
        return answers.objective(amplitude=options.search == "e4")

    return searched(backbone, layers, scores, seed, options=options, objective=objective)


def surrogate(maps: Floats, labels: Floats) -> Floats:
    """Ridge weights (C, h) for maps (N, C, h) and labels (N,), solved in the dual."""
    rows = maps.reshape(len(maps), -1).astype(np.float64)
    gram = rows @ rows.T
    gram[np.diag_indices_from(gram)] += _RIDGE * max(float(np.trace(gram)) / len(gram), 1e-12)
    return np.asarray((rows.T @ np.linalg.solve(gram, labels)).reshape(maps.shape[1:]), np.float32)


def margin(answers: Floats, labels: Floats) -> Scores:
    """How far apart target and background are in each column of (N, C), in their standard deviations."""
    near, far = answers[labels > 0], answers[labels < 0]
    spread = np.sqrt(near.var(axis=0, dtype=np.float64) + far.var(axis=0, dtype=np.float64))
    return np.asarray((near.mean(axis=0) - far.mean(axis=0)) / np.maximum(spread, 1e-6))


@dataclass(frozen=True)
class _Answers:
    """Both frames' maps (N, C, h), centred on frame 1, the weights (C, h), and each channel's answers (N, C)."""

    first: Floats
    second: Floats
    weights: Floats
    parts: Floats
    labels: Floats

    @classmethod
    def of(cls, first: Samples, second: Samples) -> _Answers:
        maps = [s.maps.reshape(*s.maps.shape[:2], -1) for s in (first, second)]
        mean = maps[0].mean(axis=0)
        one, two = maps[0] - mean, maps[1] - mean
        weights = surrogate(one, first.labels)
        parts = np.einsum("nch,ch->nc", np.concatenate([one, two]), weights)
        return cls(one, two, weights, parts, np.concatenate([first.labels, second.labels]))

    def objective(self, *, amplitude: bool) -> GivenFilter:
        """Eq. 4's terms: answers as responses on a grid of one cell, the weights' norms as the filter's."""
        norms = np.maximum(np.linalg.norm(self.weights, axis=1), 1e-12)
        return GivenFilter(
            (self.parts / norms)[:, :, None, None].astype(np.complex64),
            norms[:, None, None].astype(np.complex64),
            self.labels[:, None, None].astype(np.complex64),
            grid=(1, 1),
            ridge=_RIDGE,
            amplitude=amplitude,
        )


def _ranked(answers: _Answers, first: Samples, second: Samples, options: DistillOptions) -> tuple[Scores, list[int]]:
    """Scores of the channels and their order; solo and diverse judge a channel by its own answers to frame 2."""
    if options.rank not in ("solo", "diverse"):
        layers = (slice(0, len(first.target)),)
        scores = rank_scores(options.rank, first.target, second.target, layers=layers, seed=options.seed)
    else:
        count = len(first.labels)
        scores = margin(answers.parts[count:], second.labels)
        if options.rank == "diverse":
            return scores, diverse_order(scores, squared_cosines(answers.parts[:count].T))
    return scores, [int(i) for i in np.argsort(-scores, kind="stable")]


INPUT_PX = (107, 107)
GRID = (3, 3)
_COUNT = 250  # of target and of background, in each frame


def two_frames(
    frames: list[Frame], box: Box, backbone: Backbone, weights: Weights, settings: MdNetSettings
) -> tuple[Samples, Samples]:
    """Both frames' samples; in frame 2 the target is where the surrogate of frame 1, with all channels, finds it."""
    rng = np.random.default_rng(settings.seed)

    def features(frame: Frame, boxes: candidates.Boxes) -> Floats:
        parts = [boxes[start : start + BATCH] for start in range(0, len(boxes), BATCH)]
        found = [extract(backbone, weights, [TAP], patches=crops_of(frame, part), grid=GRID)[TAP] for part in parts]
        return np.concatenate(found)

    def samples(frame: Frame, where: Box) -> Samples:
        shape = frame.shape
        near = candidates.positives(rng, where, _COUNT, frame_shape=shape)
        far = candidates.first_negatives(rng, where, _COUNT, frame_shape=shape)
        boxes = np.concatenate([np.array([astuple(where)]), near, far])
        maps = features(frame, boxes)
        labels = np.repeat(np.array([1, -1], np.float32), [1 + len(near), len(far)])
        return Samples(maps, labels, maps[0])

    first = samples(frames[0], box)
    flat, mean = first.maps.reshape(*first.maps.shape[:2], -1), first.maps.mean(axis=0)
    wanted = surrogate(flat - mean.reshape(len(mean), -1), first.labels)
    boxes = candidates.gaussian(
        rng, box, settings.candidates, shift=settings.shift, steps=settings.scale_steps, frame_shape=frames[1].shape
    )
    scores = features(frames[1], boxes).reshape(len(boxes), -1) @ wanted.ravel()
    return first, samples(frames[1], candidates.mean_box(boxes[np.argsort(-scores, kind="stable")[:5]]))


def crops_of(frame: Frame, boxes: candidates.Boxes) -> Patches:
    """Crops (N, 107, 107, 3) of boxes (N, 4)."""
    crops = np.empty((len(boxes), *INPUT_PX, 3), np.uint8)
    for box, out in zip(boxes, crops, strict=True):
        crop(frame, box, out=out)
    return crops


RANDOM = "random"


def recipe(_options: ExportOptions) -> Recipe:
    """Its network is fixed, and its weights are its authors'."""
    uses = OF_EVERY | {"backbone", "weights", "convention"}
    defaults = {"search": "ncc", "backbone": None}
    return Recipe(uses, "the network of the tracker mdnet is fixed", _design, defaults, check=_checked)


def _checked(options: ExportOptions) -> tuple[MdNetSettings, Backbone]:
    """The settings and the network; raises for what no frame could change."""
    settings, backbone = started(options), _backbone(options)
    _check_search(options.search)
    if options.weights != RANDOM:
        check_weights(str(options.weights), options.convention)
    elif options.convention is not None:
        raise Usage("convention: it describes a file of weights, and random ones are none")
    return settings, backbone


def _check_search(search: Search | None) -> None:
    if search == "reduced":
        raise Usage("search: reduced has no form without a correlation filter; use ncc, e4 or none with mdnet")


def _design(scene: Scene, options: ExportOptions, say: Say) -> Design:
    settings, backbone = _checked(options)
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
    return finished(spec, plan, network, backbone=backbone, weights=weights, patches=patches, head=head)


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
        taps=plan.kept_taps,
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
