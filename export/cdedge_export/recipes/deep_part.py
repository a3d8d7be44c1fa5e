"""A deep part for an exported file: any network's taps, on a coarse grid of their own, with a filter of their own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import onnx

from cdedge_export.choose.distill import TwoFrames, distill
from cdedge_export.choose.look import SearchWindow, two_frames, varied_windows
from cdedge_export.choose.plan import ChannelPlan, DistillOptions
from cdedge_export.graph.compare import TOLERANCES, Parity, compared, largest_difference, tap_losses
from cdedge_export.graph.cost import Cost, LayerCost, side_by_side
from cdedge_export.graph.deep import HeadGraph, joined, shape_of
from cdedge_export.graph.liveness import activation_bytes
from cdedge_export.graph.precision import head_in_int8, in_precision
from cdedge_export.graph.timing import layer_times_ms
from cdedge_export.network.backbones import CDEDGE_DEEP
from cdedge_export.network.conventions import parse_convention
from cdedge_export.network.layers import Floats, Geometry, Patches, Size
from cdedge_export.onnx_net.bake import baked
from cdedge_export.onnx_net.costs import layer_costs
from cdedge_export.onnx_net.own_net import open_bundled
from cdedge_export.onnx_net.prune import Part, pruned_part, stored_bytes
from cdedge_export.onnx_net.read import Graph, open_graph
from cdedge_export.onnx_net.run import features
from cdedge_export.onnx_net.settle import session
from cdedge_export.onnx_net.taps import TapInfo, find_taps, taps
from cdedge_export.options import DeepPrecision
from cdedge_export.report import Say
from cdedge_runtime import patch
from cdedge_runtime.errors import BadModel, Usage
from cdedge_runtime.files import scratch_folder, whole_file
from cdedge_runtime.model.contract import BOX_CHANNELS, INPUT_NAME, OUTPUT_NAME, DeepPart, HeadPart, ModelSpec, Tap
from cdedge_runtime.model.deep_settings import DeepSettings, HeadSettings
from cdedge_runtime.model.metadata import seal, to_metadata
from cdedge_runtime.model.session import Extractor, read_spec
from cdedge_runtime.trackers.deepcd.settings import Settings

from .box_head import head_cost, open_head, telling_answers, weights_info
from .recipe import Design, Scene

NETWORK = "deep network"  # its row among the layers


@dataclass(frozen=True)
class DeepOptions:
    """Which network is the deep part, and how it looks.

    network: an ``.onnx`` file, or ``cdedge_deep``, our own. layers: its taps, as ``cdedge layers`` names them; None is
    the last. convention: of its input. input_px: side of the window that it is given. head: an ``.onnx`` file of a box
    head that was trained with it, with two inputs, the template's maps and the window's, and two outputs, (1, 2, h, w)
    and (1, 4, h, w), or ``cdedge_head``, our own. precision: auto is int8 where that is near enough on the scene's
    windows, else float32.
    """

    network: Path
    layers: str | None = None
    convention: str = "bgr"
    input_px: int = 256
    settings: DeepSettings = field(default_factory=DeepSettings)
    head: Path | None = None
    head_settings: HeadSettings = field(default_factory=HeadSettings)
    precision: DeepPrecision = "fp32"


@dataclass(frozen=True, eq=False)
class DeepNetwork:
    """A deep part that is worked out: its contract, its network as a model of its own, and the original.

    model, head: in float32, whatever the part's precision. cut: what is left of the original. may_stay_float: whether
    int8 gives way to float32 where it is not near enough. in_int8: the model in int8, once that is settled.
    """

    part: DeepPart
    model: onnx.ModelProto
    cut: Part
    graph: Graph
    taps: tuple[TapInfo, ...]
    head: HeadGraph | None = None
    may_stay_float: bool = False
    in_int8: onnx.ModelProto | None = None


def open_deep(options: DeepOptions) -> DeepNetwork:
    """Read the network and cut it at its taps; raises `BadModel` or `Usage`."""
    graph, size = _network(options.network), (options.input_px, options.input_px)
    known = taps(graph, size)
    chosen = known[-1:] if options.layers is None else find_taps(options.layers, known, graph)
    deep = _cut(_part(graph, chosen, size, options), graph, chosen)
    deep = replace(deep, may_stay_float=options.precision == "auto")
    if options.head is None:
        return deep
    template_px = (size[0] // 2, size[1] // 2)
    template = _of_template(deep, template_px)
    head, needed = open_head(options.head, template, deep.part), shape_of(template.graph.output[0])[2:]
    said = HeadPart(template_px, (needed[0], needed[1]), options.head_settings, weights_info(options.head))
    return replace(deep, part=replace(deep.part, head=said), head=head)


def _network(path: Path) -> Graph:
    return open_bundled(CDEDGE_DEEP) if str(path) == CDEDGE_DEEP.name else open_graph(path)


def _cut(part: DeepPart, graph: Graph, taps: tuple[TapInfo, ...]) -> DeepNetwork:
    """What the part's channels need of the network."""
    cut = pruned_part(graph, taps, {tap.name: tap.kept for tap in part.taps}, input_px=part.input_px)
    model = baked(cut, part.convention, Geometry(part.input_px, part.grid), metadata={})
    return DeepNetwork(part, model, cut, graph, taps)


def _of_template(deep: DeepNetwork, size: Size) -> onnx.ModelProto:
    """The network for a window half as wide: the target with as much context as the deep window has cells for it."""
    known = {tap.tensor: tap for tap in taps(deep.graph, size)}
    same = tuple(known[tap.tensor] for tap in deep.taps)
    small = replace(deep.part, input_px=size, grid=min(tap.size for tap in same))
    return _cut(small, deep.graph, same).model


def fewer_channels(deep: DeepNetwork, scene: Scene, rules: DistillOptions, say: Say) -> DeepNetwork:
    """The deep part with the channels that ``rules`` choose for the scene's target, and what they need.

    Raises `Usage` where their number is none, or more than there are.
    """
    try:
        plan = deep_plan(deep, scene, rules)
    except Usage as error:
        if error.field != "channels":
            raise
        raise Usage(f"deep_{error}", field="deep_channels") from error
    kept = plan.kept
    used = tuple(tap for tap in deep.taps if tap.name in kept)
    part = replace(deep.part, taps=tuple(Tap(tap.name, kept[tap.name], tap.channels) for tap in used))
    say(f"{plan.channels} of {deep.part.channels} channels of {part.backbone} stay")
    return replace(_cut(part, deep.graph, used), may_stay_float=deep.may_stay_float)


def deep_plan(deep: DeepNetwork, scene: Scene, rules: DistillOptions) -> ChannelPlan:
    """Which of the deep channels are kept, judged by the deep part's own filter in its own window."""
    return distill(deep.part.backbone, deep_frames(deep, scene), rules)


def deep_frames(deep: DeepNetwork, scene: Scene) -> TwoFrames:
    """Both frames as the deep part sees them."""
    settings, part = deep.part.settings, deep.part
    side, target_px = patch.context_side_px(scene.box.size, settings.padding), math.sqrt(math.prod(scene.box.size))
    sigma = settings.label_cells * side / part.grid[0] / target_px
    own = {f.name: getattr(settings, f.name) for f in fields(Settings) if hasattr(settings, f.name)}
    judge = Settings(**{**own, "label_sigma": min(sigma, 2.0)})  # wider labels are all alike to a judge
    view = SearchWindow((side, side), part.input_px, part.grid, side / target_px, settings.power, sigma)

    def look(windows: Patches) -> dict[str, Floats]:
        return features(deep.graph, deep.taps, windows, part.convention, grid=part.grid)

    return two_frames(scene.frames, scene.box, look, view=view, judge=judge)[0]


def with_deep_part(fine: Design, deep: DeepNetwork, scene: Scene, say: Say) -> Design:
    """The design of a file that has the deep part too."""
    looks = _windows(scene, deep.part)
    shown = looks[:: len(looks) // 2]
    deep = settled_precision(deep, shown, looks, say) if deep.may_stay_float else deep

    def write(out: Path) -> Parity:
        with scratch_folder() as folder:
            alone = folder / "fine.onnx"
            first, second = fine.write(alone), add_deep_part(alone, out, deep, shown, looks)
        return second if first is None else _both(first, second)

    def costs() -> tuple[LayerCost, ...]:
        return (*fine.costs(), *_rows(deep, looks))

    return replace(fine, spec=with_deep(fine.spec, deep), write=write, costs=costs)


def settled_precision(deep: DeepNetwork, patches: Patches, varied: Patches, say: Say) -> DeepNetwork:
    """The network in int8 where that is near enough, else in float32, which is said; windows as in `add_deep_part`."""
    model = in_precision(deep.model, "int8", varied)
    found, wanted = (_by_tap(_maps(each, patches), deep.part) for each in (model, deep.model))
    off, allowed = largest_difference(found, wanted)[1], TOLERANCES["int8"]
    if off <= allowed:
        return replace(deep, in_int8=model)
    why = f"in int8 it differs by {off:.2g} of the largest feature, allowed is {allowed:g}"
    say(f"{deep.part.backbone} stays in float32: {why}")
    return replace(deep, part=replace(deep.part, precision="fp32"))


def _maps(model: onnx.ModelProto, patches: Patches) -> Floats:
    """What a model delivers for ``patches``: (N, C, Gh, Gw)."""
    run = session(model).run
    return np.concatenate([run([OUTPUT_NAME], {INPUT_NAME: patch[None]})[0] for patch in patches])


def _both(fine: Parity, deep: Parity) -> Parity:
    """The one that is nearer to what is allowed, with the losses of both."""
    worse = max(fine, deep, key=lambda parity: parity.max_rel / parity.tolerance)
    return replace(worse, losses=fine.losses + deep.losses)


def add_deep_part(file: Path, out: Path, deep: DeepNetwork, patches: Patches, varied: Patches) -> Parity:
    """Write ``file``, one of deepcd's, with a deep part to ``out`` and compare that with its network on ``patches``.

    ``patches``, and ``varied``, which int8's ranges are seen on: (N, H, W, 3) uint8 BGR, of the deep part's input size.
    Raises `BadModel`, or `BadEnvironment` where ``out`` cannot be written; then no new file is left.
    """
    spec = read_spec(file)
    if spec.deep is not None or spec.tracker != "deepcd":
        raise BadModel(f"{file}: a deep part goes to a file of deepcd without one; this one is for {spec.tracker}")
    network, head = _network_in_precision(deep, varied), _head_in_precision(deep, varied)
    both = joined(onnx.load(file), network, head, to_metadata(with_deep(spec, deep)))
    with whole_file(out) as written:
        written.write_bytes(seal(both.SerializeToString()))
        return _held(Extractor(written, threads=1), deep, patches)


def _network_in_precision(deep: DeepNetwork, varied: Patches) -> onnx.ModelProto:
    return in_precision(deep.model, deep.part.precision, varied) if deep.in_int8 is None else deep.in_int8


def _head_in_precision(deep: DeepNetwork, varied: Patches) -> HeadGraph | None:
    """The box head in the part's precision; int8 leaves its template in float32, which is taken once."""
    head, precision = deep.head, deep.part.precision
    if head is None:
        return None
    if precision == "int8":
        return replace(head, model=head_in_int8(head.model, _seen_by_head(deep, head, varied)))
    template, model = (in_precision(each, precision, varied) for each in (head.template, head.model))
    return replace(head, template=template, model=model)


def _seen_by_head(deep: DeepNetwork, head: HeadGraph, varied: Patches) -> Iterator[dict[str, Floats]]:
    """What a box head compares: the middle of the first window, where the target is, with every window."""
    (height, width), (down, across) = shape_of(head.template.graph.input[0])[1:3], deep.part.input_px
    top, left = (down - height) // 2, (across - width) // 2
    template = _maps(head.template, varied[:1, top : top + height, left : left + width])
    for maps in _maps(deep.model, varied):
        yield dict(zip(head.inputs, (template, maps[None]), strict=True))


def _held(file: Extractor, deep: DeepNetwork, patches: Patches) -> Parity:
    """The written file's deep part held to the network, and its boxes to the head; raises `BadModel`."""
    found = _delivered(file, patches, deep.part)
    whole = features(deep.graph, deep.taps, patches, deep.part.convention, grid=deep.part.grid)
    expected = {tap.name: whole[tap.name][:, list(tap.kept)] for tap in deep.part.taps}
    losses = tap_losses(found, expected, prefix="deep ")
    if deep.head is not None:
        template = np.stack([file.template(patch[::2, ::2]) for patch in patches])
        pairs = zip(patches, template, strict=True)
        found["boxes"] = np.stack([np.array(file.deep_and_boxes(*pair)[1]) for pair in pairs])
        maps = np.concatenate([expected[tap.name] for tap in deep.taps], axis=1)
        expected["boxes"] = telling_answers(deep.head, template, maps)
    precision, name = deep.part.precision, deep.graph.name
    return compared(found, expected, precision=precision, reference=name, losses=losses, option="deep_precision")


def with_deep(spec: ModelSpec, deep: DeepNetwork) -> ModelSpec:
    """The contract with the deep part; the two run one after the other, so the larger one's activations count."""
    costs = _costs(deep).values()
    added = sum(cost.weight_bytes for cost in costs) + _template_bytes(deep)
    return replace(
        spec,
        deep=replace(deep.part, weight_bytes=added),
        macs=spec.macs + sum(cost.macs for cost in costs),
        weight_bytes=spec.weight_bytes + added,
        activation_bytes=max(spec.activation_bytes, activation_bytes(deep.model)),
    )


def _template_bytes(deep: DeepNetwork) -> int:
    """Of the weights that are there once more for the template (graph/deep.py)."""
    if deep.head is None:
        return 0
    return stored_bytes(deep.cut, "fp16" if deep.part.precision == "fp16" else "fp32")


def _rows(deep: DeepNetwork, looks: Patches) -> tuple[LayerCost, ...]:
    """What is added, in one row each, with all channels and with those that are kept; the network is timed."""
    every = tuple(replace(tap, kept=tuple(range(tap.total))) for tap in deep.part.taps)
    whole = replace(_cut(replace(deep.part, taps=every), deep.graph, deep.taps), head=deep.head)
    return side_by_side(*(_timed(network, looks) for network in (whole, deep)))


def _timed(deep: DeepNetwork, looks: Patches) -> dict[str, Cost]:
    costs = _costs(deep)
    ms = sum(layer_times_ms(_network_in_precision(deep, looks), looks).values())
    return {**costs, NETWORK: replace(costs[NETWORK], ms=ms)}


def _costs(deep: DeepNetwork) -> dict[str, Cost]:
    """Of the network, and of the head where there is one."""
    return {NETWORK: _network_cost(deep)} | ({} if deep.head is None else {"box head": _head_cost(deep, deep.head)})


def _network_cost(deep: DeepNetwork) -> Cost:
    work = sum(cost.macs for cost in layer_costs(deep.model, deep.cut.taps).values())
    return Cost(deep.part.channels, stored_bytes(deep.cut, deep.part.precision), work)


def _head_cost(deep: DeepNetwork, head: HeadGraph) -> Cost:
    work, weights = head_cost(head, deep.part.precision)
    return Cost(BOX_CHANNELS, weights, work)


def _windows(scene: Scene, part: DeepPart) -> Patches:
    """What the deep network will see around the target in the scene's frames, as `varied_windows`."""
    side = patch.context_side_px(scene.box.size, part.settings.padding)
    return varied_windows(scene.frames, scene.box, (side, side), part.input_px)


def _part(graph: Graph, chosen: Sequence[TapInfo], size: Size, options: DeepOptions) -> DeepPart:
    """The contract of all channels of the taps, on the grid of the coarsest."""
    grid = min(tap.size for tap in chosen)
    return DeepPart(
        backbone=graph.name,
        taps=tuple(Tap(tap.name, tuple(range(tap.channels)), tap.channels) for tap in chosen),
        input_px=size,
        grid=grid,
        convention=parse_convention(options.convention),
        settings=options.settings,
        weights=graph.info,
        precision="int8" if options.precision == "auto" else options.precision,
    )


def _delivered(file: Extractor, patches: Patches, part: DeepPart) -> dict[str, Floats]:
    return _by_tap(np.stack([file.deep(patch).copy() for patch in patches]), part)


def _by_tap(maps: Floats, part: DeepPart) -> dict[str, Floats]:
    ends = np.cumsum([len(tap.kept) for tap in part.taps])
    return dict(zip((tap.name for tap in part.taps), np.split(maps, ends[:-1], axis=1), strict=True))
