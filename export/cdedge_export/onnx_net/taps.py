"""Which tensors of a network can be tapped, and what each costs.

A tap is a float tensor (1, C, h, w) that depends on the image and that onnxruntime computes at the size asked for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from cdedge_export.network.layers import Size
from cdedge_runtime.errors import BadModel, Usage
from cdedge_runtime.model.graph import OPERATORS

from . import costs
from .lower import attribute
from .names import ends_of, short_names
from .read import Graph
from .settle import Settled, Shape, cut_fixed, fixed, session, settled

LAYERS_SCHEMA = "cdedge.layers/1"
MIN_CELLS = 8  # a coarser map says too little about where the target is
_PRODUCTS = ("MatMul", "Gemm", "Einsum")
_STEPS = {
    *("BatchNormalization", "Add", "Mul", "Div", "Sub", "Clip", "Relu", "LeakyRelu", "PRelu", "Elu", "Sigmoid", "Tanh"),
    *("HardSigmoid", "HardSwish", "Softplus", "Mish", "Gelu", "Erf", "Selu", "Celu"),
}
_MOVES = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Gather", "Expand", "Tile")
_BARRED = re.compile(r"^(If|Loop|Scan|Sequence.*|Optional.*|QLinear.*|.*Integer|(Dynamic)?(Q|Deq)uantizeLinear)$")


@dataclass(frozen=True)
class TapInfo:
    """A tensor that can be tapped.

    name: the shortest end of its path that no other has. tensor, node, op: as the file has them. size: (height, width)
    of its map. stride: pixels per cell. weight_bytes, macs: of everything that leads to it. inner: only steps of the
    same layer read it, its normalisation or activation.
    """

    name: str
    tensor: str
    node: str
    op: str
    channels: int
    size: Size
    stride: float
    weight_bytes: int
    macs: int
    inner: bool


@dataclass(frozen=True)
class LayersAnswer:
    """What ``cdedge layers`` answers: the network as it was named, the (height, width) of its input, its taps."""

    network: str
    input_px: Size
    taps: tuple[TapInfo, ...]


def taps(graph: Graph, input_px: Size) -> tuple[TapInfo, ...]:
    """What can be tapped for an image of (height, width), in the graph's order; raises `BadModel` where nothing can."""
    model = fixed(graph, input_px)
    candidates, barred = _candidates(model, graph.input)
    shapes = {name: shape for name, shape in _computed(model, graph, candidates).items() if _is_map(shape)}
    part = settled(cut_fixed(model, graph.input, list(shapes))) if shapes else Settled((), {}, {}, 0)
    foreign = {at: node for at, node in enumerate(part.nodes) if node.domain or node.op_type not in OPERATORS}
    found = tuple(_described(graph, part, shapes, input_px, foreign))
    if not found:
        barred += [f"{node.op_type} {node.name}".strip() for node in foreign.values()]
        raise BadModel(f"{graph.path}: no 4-D maps can be taken for {_text(input_px)} px{_why(graph, barred)}")
    return found


def find_taps(text: str, known: Sequence[TapInfo], graph: Graph, *, least: int = MIN_CELLS) -> tuple[TapInfo, ...]:
    """The taps that ``A+B+..`` names, in the graph's order; raises `Usage` with those that could be named.

    A name is a tap's own, its tensor's or node's, or an end of these that only one has. ``least``: cells that a map
    has to have per side.
    """
    wanted = [_find(name.strip(), known, graph) for name in _split(text, known)]
    small = [tap for tap in wanted if min(tap.size) < least]
    if small:
        usable = _names(tap for tap in known if min(tap.size) >= least)
        raise Usage(
            f"{graph.name}'s {small[0].name} has {_text(small[0].size)} cells, at least {least}x{least} are "
            f"needed: make the input larger, or use one of {usable}"
        )
    return tuple(tap for tap in known if tap in wanted)


def _split(text: str, known: Sequence[TapInfo]) -> list[str]:
    """At each plus, unless the whole is one tensor's name."""
    return [text] if any(text.strip() == tap.tensor for tap in known) else text.split("+")


def _find(name: str, known: Sequence[TapInfo], graph: Graph) -> TapInfo:
    exact = [tap for tap in known if name in (tap.name, tap.tensor, tap.node)]
    ends = [tap for tap in known if {name, name.replace("/", ".")} & {*ends_of(tap.tensor), *ends_of(tap.node)}]
    found = exact or ends
    if len(found) == 1:
        return found[0]
    several = f"has several {name!r}" if found else f"has no map {name!r} that can be tapped"
    raise Usage(f"{graph.name} {several}: use '+' between any of {_names(found or known)}", field="layers")


def _names(some: Iterable[TapInfo]) -> str:
    taps = list(some)
    names = [tap.name for tap in taps if not tap.inner] or [tap.name for tap in taps]
    return " ".join(names[:40]) + (f" .. ({len(names) - 40} more)" if len(names) > 40 else "") or "none"


def _candidates(model: onnx.ModelProto, image: str) -> tuple[list[str], list[str]]:
    """Float tensors behind the image that may be maps; and nodes that none can be taken behind."""
    known = {value.name: value.type.tensor_type for value in (*model.graph.value_info, *model.graph.output)}
    reached, closed, barred, found = {image}, set[str](), [], []
    for node in model.graph.node:
        behind = set(node.input)
        if not behind & (reached | closed):
            continue
        if behind & closed or node.domain not in ("", "ai.onnx") or _BARRED.match(node.op_type):
            barred += [] if behind & closed else [f"{node.op_type} {node.name}".strip()]
            closed |= set(node.output)
            continue
        reached |= set(node.output)
        found += [name for name in node.output if name and _may_be_map(known.get(name))]
    return found, barred


def _may_be_map(tensor: Any) -> bool:
    if tensor is None:
        return True
    return tensor.elem_type == TensorProto.FLOAT and (not tensor.HasField("shape") or len(tensor.shape.dim) == 4)


def _is_map(shape: Shape) -> bool:
    return len(shape) == 4 and shape[0] == 1


def _computed(model: onnx.ModelProto, graph: Graph, names: list[str]) -> Mapping[str, Shape]:
    """Shapes of the tensors that can be computed: where not all can, as many of the first as can."""
    able, unable, shapes = 0, len(names) + 1, dict[str, Shape]()
    attempt = len(names)
    while unable - able > 1:
        try:
            shapes = _run_shapes(model, graph, names[:attempt])
            able = attempt
        except BadModel:
            unable = attempt
        attempt = (able + unable) // 2
    return shapes


def _run_shapes(model: onnx.ModelProto, graph: Graph, names: list[str]) -> dict[str, Shape]:
    if not names:
        return {}
    ready = session(cut_fixed(model, graph.input, names))
    image = ready.get_inputs()[0]
    try:
        found = ready.run(names, {image.name: np.zeros(image.shape, np.float32)})
    except Exception as error:
        raise BadModel(f"{graph.path}: {str(error).splitlines()[0][:200]}") from error
    return {name: np.shape(value) for name, value in zip(names, found, strict=True)}


def _why(graph: Graph, barred: list[str]) -> str:
    if barred:
        return f": its node {barred[0]} is not a float CNN's; give the network before it was quantised or wrapped"
    if graph.own_px:
        return f": it is made for {_text(graph.own_px)} px; give that as the input's size"
    return ": no node of it works on images"


def _described(
    graph: Graph, part: Settled, shapes: Mapping[str, Shape], input_px: Size, foreign: Collection[int]
) -> Iterable[TapInfo]:
    """Taps that no ``foreign`` node leads to: one that a model file may not hold, when constants are folded."""
    file_nodes = {name: node for node in graph.model.graph.node for name in node.output}
    strides, behind = _strides(part, graph, input_px), _behind(part)
    closed = sum(1 << at for at in foreign)
    maps = {name: shape for name, shape in shapes.items() if name in strides and not behind[name] & closed}
    names = short_names({name: file_nodes[name].op_type for name in maps})
    readers = {name: {n.op_type for n in part.nodes if name in n.input} for name in maps}
    for tensor, (_, channels, height, width) in maps.items():
        nodes = [node for at, node in enumerate(part.nodes) if behind[tensor] >> at & 1]
        node = file_nodes[tensor]
        yield TapInfo(
            names[tensor],
            tensor,
            node.name or tensor,
            node.op_type,
            channels,
            (height, width),
            strides[tensor],
            costs.weight_bytes(nodes, part),
            sum(costs.macs(node, part) for node in nodes),
            bool(readers[tensor]) and readers[tensor] <= _STEPS,
        )


def _behind(part: Settled) -> dict[str, int]:
    """For each tensor the set of nodes that lead to it, as bits."""
    bits: dict[str, int] = {}
    for at, node in enumerate(part.nodes):
        own = 1 << at
        for name in node.input:
            own |= bits.get(name, 0)
        bits.update(dict.fromkeys(node.output, own))
    return bits


def _strides(part: Settled, graph: Graph, input_px: Size) -> dict[str, float]:
    """Pixels per cell of images with channels first: strides multiply, else it is the change of size."""
    rows, strides, heights = {graph.input: -2 if graph.planes else -3}, {graph.input: 1.0}, {graph.input: input_px[0]}
    for node in part.nodes:
        before = [name for name in node.input if name in strides]
        if not before:
            continue
        coarsest = max(before, key=lambda name: strides[name])
        axis = _rows_after(node, part, rows[coarsest])
        if axis is None:
            continue
        for name in node.output:
            rows[name], heights[name] = axis, part.shapes[name][axis]
            strides[name] = strides[coarsest] * _step(node, heights[coarsest] / heights[name])
    return {name: stride for name, stride in strides.items() if rows[name] == -2}


def _rows_after(node: onnx.NodeProto, part: Settled, rows: int) -> int | None:
    """Axis (from the last) of a picture's rows, columns behind it, in what a node makes of one; None where they go."""
    known = [part.shapes.get(name, ()) for name in node.output]
    before, after = part.shapes.get(node.input[0], ()), min(known, key=len)
    axis = _turned(node, rows) if node.op_type == "Transpose" else rows
    if axis is None or len(after) < -axis or min(after[axis : axis + 2 or None]) < 2:
        return None
    if node.op_type in _PRODUCTS:
        return axis if rows == -3 and node.input[1] in part.constants else None
    moved = node.op_type in _MOVES and after[axis : axis + 2 or None] != before[axis : axis + 2 or None]
    return None if moved else axis


def _turned(node: onnx.NodeProto, rows: int) -> int | None:
    perm = list(attribute(node, "perm", ()))
    kept = len(perm) >= 4 and perm.index(len(perm) + rows + 1) == perm.index(len(perm) + rows) + 1
    return perm.index(len(perm) + rows) - len(perm) if kept else None


def _step(node: onnx.NodeProto, shrunk: float) -> float:
    own = [a.ints[0] for a in node.attribute if a.name == "strides"]
    if own and node.op_type in ("Conv", "MaxPool", "AveragePool", "LpPool"):
        return float(own[0])
    return float(round(shrunk)) if shrunk >= 1.5 else 1 / round(1 / shrunk) if shrunk <= 2 / 3 else 1.0


def _text(size: Size) -> str:
    return f"{size[1]}x{size[0]}"
