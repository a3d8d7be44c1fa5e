"""A part of a network in an exported file: 8-bit patch in, preprocessing and network, the taps' maps out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto

from cdedge_export.graph.build import Value, Writer, delivered, finished, pixels
from cdedge_export.network.layers import Geometry, TapStep
from cdedge_runtime.model.contract import INPUT_NAME, InputConvention

from .lower import attribute
from .names import short_names
from .prune import Part
from .settle import Array

_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def baked(part: Part, convention: InputConvention, geometry: Geometry, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """Make the model of one network: input ``patch``, output ``features`` on the grid, as `build_model` makes it."""
    writer = Writer(geometry.grid)
    outputs = [delivered(writer, embedded(writer, part, convention))]
    return finished(writer, pixels(INPUT_NAME, geometry.input_px), outputs, metadata, part.opset)


def embedded(writer: Writer, part: Part, convention: InputConvention) -> list[tuple[TapStep, Value]]:
    """Write preprocessing and network behind the input ``patch``; returns the taps, to be delivered.

    Tensors have the part's prefix. Nodes are named LAYER/OPERATOR after the last node with weights.
    """
    constants, nodes = dict(part.constants), [*part.nodes]
    factor = convention.scale / np.array(convention.std, np.float64)
    firsts = [at for at, node in enumerate(nodes) if part.image in node.input]
    foldable = part.planes and all(_takes_factor(nodes[at], part) for at in firsts)
    begin = len(writer.nodes)
    image = _image(writer, part, convention, None if foldable else factor)
    for node in writer.nodes[begin:]:
        node.name = node.name.removeprefix(part.prefix)
    for at in firsts:
        nodes[at] = _reading(nodes[at], part.image, image)
        if foldable:
            nodes[at] = _on_raw_pixels(nodes[at], constants, factor, convention)
    read = {name for node in nodes for name in node.input}
    for name, value in constants.items():
        if name in read:
            writer.constant(name, value)
    writer.nodes += _in_layers(nodes, constants)
    return [
        (TapStep(name, tap.positions), Value(tap.tensor, tap.channels, tap.size)) for name, tap in part.taps.items()
    ]


def _image(writer: Writer, part: Part, convention: InputConvention, factor: Array | None) -> str:
    """Pixels minus the mean, which goes first so that zero padding stays the network's zero; then order and factor."""
    axis, prefix = (1 if part.planes else 3), part.prefix
    shape = (1, 3, 1, 1) if part.planes else (1, 1, 1, 3)
    mean = np.array(convention.mean, np.float64) / convention.scale
    mean = mean[::-1] if convention.order == "RGB" else mean
    name = INPUT_NAME
    if part.planes:
        name = writer.node("Transpose", [name], f"{prefix}input/planes", perm=[0, 3, 1, 2])
    name = writer.node("Cast", [name], f"{prefix}input/pixels", to=TensorProto.FLOAT)
    if mean.any():
        offset = writer.constant(f"{prefix}input/mean", mean.astype(np.float32).reshape(shape))
        name = writer.node("Sub", [name, offset], f"{prefix}input/centered")
    if factor is None:
        return name
    if convention.order == "RGB":
        order = writer.constant(f"{prefix}input/order", np.array([2, 1, 0]))
        name = writer.node("Gather", [name, order], f"{prefix}input/ordered", axis=axis)
    if (factor != 1).any():
        scale = writer.constant(f"{prefix}input/factor", factor.astype(np.float32).reshape(shape))
        name = writer.node("Mul", [name, scale], f"{prefix}input/scaled")
    return name


def _takes_factor(node: onnx.NodeProto, part: Part) -> bool:
    """Whether the image's order and factor can go into a node's weights."""
    return (
        node.op_type == "Conv"
        and attribute(node, "group", 1) == 1
        and list(node.input).index(part.image) == 0
        and node.input[1] in part.constants
    )


def _on_raw_pixels(
    node: onnx.NodeProto, constants: dict[str, Array], factor: Array, convention: InputConvention
) -> onnx.NodeProto:
    """The first convolution with order and factor in its weights."""
    weight = (constants[node.input[1]] * factor[None, :, None, None]).astype(np.float32)
    name = f"{node.output[0]}/on_raw_pixels"
    constants[name] = weight[:, ::-1] if convention.order == "RGB" else weight
    return _reading(node, node.input[1], name)


def _reading(node: onnx.NodeProto, old: str, new: str) -> onnx.NodeProto:
    changed = onnx.NodeProto()
    changed.CopyFrom(node)
    del changed.input[:]
    changed.input.extend(new if name == old else name for name in node.input)
    return changed


def _in_layers(nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Array]) -> Iterator[onnx.NodeProto]:
    """The nodes renamed, so that costs and times can be added up by layer."""
    weighted = {n.output[0]: n.op_type for n in nodes if n.op_type in _WEIGHTED and set(n.input) & set(constants)}
    names, layer = short_names(weighted), "input"
    for at, node in enumerate(nodes):
        layer = names.get(node.output[0], layer)
        node.name = f"{layer}/{node.op_type}{at}"
        yield node
