"""Which of a node's input channels its output channels need, and what is left of the node for these.

Channels are positions on axis 1. A rule gets a node and the output channels that are wanted; a node without a rule, or
with shapes that a rule does not cover, needs all of its inputs and delivers all of its outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray

from .lower import attribute
from .settle import Array, Settled

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Share:
    """What a node does for the wanted channels.

    granted: the channels that it delivers, the wanted ones among them. needs: of each input, by position; None for a
    constant. constants: new values of inputs, by position. attributes: new values.
    """

    granted: Mask
    needs: tuple[Mask | None, ...]
    constants: Mapping[int, Array] = field(default_factory=dict)
    attributes: Mapping[str, int] = field(default_factory=dict)


Rule = Callable[[onnx.NodeProto, Mask, Settled], Share | None]


def share(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    """What is left of a node for the ``wanted`` channels of its one output; None where it stays whole."""
    rule = _RULES.get(node.op_type)
    known = all(name in graph.shapes for name in (*node.input, node.output[0]) if name)
    return rule(node, wanted, graph) if rule is not None and known else None


def whole(graph: Settled, name: str) -> Mask | None:
    """All channels of an activation; None for a constant, no input, or a tensor without channels."""
    shape = graph.shapes.get(name, ())
    return None if not name or name in graph.constants or len(shape) < 2 else np.ones(shape[1], bool)


def _conv(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    if not _rest_is_constant(node, graph):
        return None
    weight, groups = graph.constants[node.input[1]], int(attribute(node, "group", 1))
    if groups == 1:
        needed = _read(weight[wanted], axis=1)
        return Share(wanted, (needed, None, None), _biased(node, wanted, graph, weight[wanted][:, needed]))
    live = wanted.reshape(groups, -1).any(1)
    granted = np.repeat(live, len(weight) // groups)
    needs = (np.repeat(live, weight.shape[1]), None, None)
    return Share(granted, needs, _biased(node, granted, graph, weight[granted]), {"group": int(live.sum())})


def _conv_transpose(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    if not _rest_is_constant(node, graph) or attribute(node, "group", 1) != 1:
        return None
    weight = graph.constants[node.input[1]][:, wanted]
    needed = _read(weight, axis=0)
    return Share(wanted, (needed, None, None), _biased(node, wanted, graph, weight[needed]))


def _dense(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    turned = bool(attribute(node, "transB", 0))
    flat = len(graph.shapes[node.input[0]]) == 2 and len(graph.shapes[node.input[1]]) == 2
    if not flat or not _rest_is_constant(node, graph) or attribute(node, "transA", 0):
        return None
    weight = graph.constants[node.input[1]].T if turned else graph.constants[node.input[1]]
    weight = weight[:, wanted]
    needed = _read(weight, axis=0)
    left = weight[needed].T if turned else weight[needed]
    return Share(wanted, (needed, None, None), {1: left, **_along_last(node, 2, wanted, graph)})


def _along_last(node: onnx.NodeProto, at: int, kept: Mask, graph: Settled) -> dict[int, Array]:
    if len(node.input) <= at or not node.input[at]:
        return {}
    value = graph.constants[node.input[at]]
    return {at: value[..., kept]} if value.ndim and value.shape[-1] == len(kept) else {}


def _biased(node: onnx.NodeProto, kept: Mask, graph: Settled, weight: Array) -> dict[int, Array]:
    return {1: weight, **_along_last(node, 2, kept, graph)}


def _read(weight: Array, axis: int) -> Mask:
    """Inputs along ``axis`` that some weight reads; at least one."""
    others = tuple(n for n in range(weight.ndim) if n != axis)
    read = np.asarray((weight != 0).any(axis=others))
    read[0] |= not read.any()
    return read


def _per_channel(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    """Normalisations with constants for each channel."""
    if not _rest_is_constant(node, graph) or len(node.output) > 1 or attribute(node, "training_mode", 0):
        return None
    constants = {at: graph.constants[name][wanted] for at, name in enumerate(node.input) if at}
    return Share(wanted, (wanted, *[None] * len(constants)), constants)


def _elementwise(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    """Any number of inputs, broadcast against each other."""
    rank, needs, constants = len(graph.shapes[node.output[0]]), list[Mask | None](), dict[int, Array]()
    for at, name in enumerate(node.input):
        shape = graph.shapes[name]
        axis = 1 - rank + len(shape)
        aligned = axis >= 0 and shape[axis] == len(wanted)
        if name in graph.constants:
            needs.append(None)
            if aligned:
                constants[at] = graph.constants[name].compress(wanted, axis)
        elif aligned and axis != 1:
            return None
        else:
            needs.append(wanted if aligned else whole(graph, name))
    return Share(wanted, tuple(needs), constants)


def _passing(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    """Each channel for itself; further inputs are constants that know no channels."""
    same = graph.shapes[node.input[0]][:2] == graph.shapes[node.output[0]][:2]
    if not same or not _rest_is_constant(node, graph) or any(node.output[1:]):
        return None
    return Share(wanted, (wanted, *[None] * (len(node.input) - 1)))


def _over_places(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    """Sums and normalisations over axes that are not the channels'."""
    given = graph.constants.get(node.input[1]) if len(node.input) > 1 else None
    axes = attribute(node, "axes", attribute(node, "axis", -1)) if given is None else given
    rank = len(graph.shapes[node.input[0]])
    places = {int(axis) % rank for axis in np.atleast_1d(axes)}
    return None if places & {0, 1} else _passing(node, wanted, graph)


def _pad(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    return _passing(node, wanted, graph) if len(node.input) < 4 else None  # its pads keep axis 1 as it is


def _resize(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    found = _passing(node, wanted, graph)
    sizes = graph.constants.get(node.input[3]) if len(node.input) > 3 else None
    if found is None or sizes is None or len(sizes) < 4:
        return found
    return Share(found.granted, found.needs, {3: _with_channels(sizes, wanted)})


def _reshape(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    found = _passing(node, wanted, graph)
    if found is None:
        return None
    shape = np.array(graph.shapes[node.output[0]], np.int64)
    return Share(found.granted, found.needs, {1: _with_channels(shape, wanted)}, {"allowzero": 0})


def _with_channels(shape: Array, kept: Mask) -> Array:
    return np.where(np.arange(len(shape)) == 1, kept.sum(), shape).astype(np.int64)


def _transpose(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    return _passing(node, wanted, graph) if list(attribute(node, "perm", []))[:2] == [0, 1] else None


def _concat(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    shapes = [graph.shapes[name] for name in node.input]
    if attribute(node, "axis", 0) % len(shapes[0]) != 1 or any(name in graph.constants for name in node.input):
        return None
    ends = np.cumsum([shape[1] for shape in shapes])
    return Share(wanted, tuple(np.split(wanted, ends[:-1])))


def _gather(node: onnx.NodeProto, wanted: Mask, graph: Settled) -> Share | None:
    index = graph.constants.get(node.input[1])
    if attribute(node, "axis", 0) != 1 or index is None or index.ndim != 1:
        return None
    channels = graph.shapes[node.input[0]][1]
    needed = np.zeros(channels, bool)
    needed[index[wanted] % channels] = True
    position = np.cumsum(needed) - 1
    return Share(wanted, (needed, None), {1: position[index[wanted] % channels].astype(np.int64)})


def _rest_is_constant(node: onnx.NodeProto, graph: Settled) -> bool:
    return node.input[0] not in graph.constants and all(not name or name in graph.constants for name in node.input[1:])


def _named(rule: Rule, names: str) -> dict[str, Rule]:
    return dict.fromkeys(names.split(), rule)


_RULES: Mapping[str, Rule] = {
    **_named(_conv, "Conv"),
    **_named(_conv_transpose, "ConvTranspose"),
    **_named(_dense, "Gemm MatMul"),
    **_named(_per_channel, "BatchNormalization InstanceNormalization"),
    **_named(_elementwise, "Add Sub Mul Div Pow Max Min Mean Sum PRelu Where Greater Less Equal And Or Not"),
    **_named(
        _passing,
        "Relu LeakyRelu Sigmoid HardSigmoid HardSwish Elu Selu Celu Tanh Clip Softplus Softsign Exp Log Abs Neg Sqrt "
        "Erf Reciprocal Floor Ceil Round Sign ThresholdedRelu Mish Gelu Identity Dropout Cast MaxPool AveragePool "
        "LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool Flatten Squeeze Unsqueeze",
    ),
    **_named(_over_places, "ReduceMean ReduceMax ReduceMin ReduceSum ReduceL2 Softmax"),
    **_named(_pad, "Pad"),
    **_named(_resize, "Resize Upsample"),
    **_named(_reshape, "Reshape"),
    **_named(_transpose, "Transpose"),
    **_named(_concat, "Concat"),
    **_named(_gather, "Gather"),
}
