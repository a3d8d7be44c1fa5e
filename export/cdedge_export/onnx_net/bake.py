"""A part of a network in an exported file: 8-bit patch in, preprocessing and network, the taps' maps out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import onnx
from onnx import TensorProto

from cdedge_export.graph.build import Value, Writer, delivered, finished, pixels
from cdedge_export.network.layers import Geometry, Projection, TapStep
from cdedge_runtime.model.contract import INPUT_NAME, InputConvention

from .lower import attribute
from .names import short_names
from .prune import Part
from .settle import Array

_NONE: Mapping[str, Projection] = MappingProxyType({})
_WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def baked(
    part: Part,
    convention: InputConvention,
    geometry: Geometry,
    metadata: Mapping[str, str],
    projections: Mapping[str, Projection] = _NONE,
) -> onnx.ModelProto:
    """Make the model of one network: input ``patch``, output ``features`` on the grid, as `build_model` makes it.

    ``projections`` combine what the part delivers of a tap.
    """
    writer = Writer(geometry.grid)
    tapped = [
        (replace(step, projection=projections.get(step.name)), value)
        for step, value in embedded(writer, part, convention)
    ]
    outputs = [delivered(writer, tapped)]
    return finished(writer, pixels(INPUT_NAME, geometry.input_px), outputs, metadata, part.opset)


def embedded(
    writer: Writer, part: Part, convention: InputConvention, *, prefix: str = ""
) -> list[tuple[TapStep, Value]]:
    """Write preprocessing and network behind the input ``patch``; returns the taps, to be delivered.

    A node and what it writes are named LAYER/OPERATOR, the layer being the last with weights, so that costs and times
    add up by layer; ``prefix`` goes before the layer, and keeps two networks apart.
    """
    constants, nodes = dict(part.constants), [*part.nodes]
    factor = convention.scale / np.array(convention.std, np.float64)
    firsts = [at for at, node in enumerate(nodes) if part.image in node.input]
    foldable = part.planes and all(_takes_factor(nodes[at], part) for at in firsts)
    if foldable:
        for at in firsts:
            nodes[at] = _on_raw_pixels(nodes[at], constants, factor, convention)
    image = _image(writer, f"{prefix}input", part.planes, convention, None if foldable else factor)
    names = {part.image: image, **_names(nodes, constants, prefix)}
    for name in dict.fromkeys(name for node in nodes for name in node.input):
        if name in constants:
            names[name] = writer.constant(f"{prefix}constant/{len(writer.constants)}", constants[name])
    writer.nodes += [_renamed(node, names) for node in nodes]
    return [
        (TapStep(name, tap.positions), Value(names[tap.tensor], tap.channels, tap.size))
        for name, tap in part.taps.items()
    ]


def _image(writer: Writer, layer: str, planes: bool, convention: InputConvention, factor: Array | None) -> str:
    """Pixels minus the mean, which goes first so that zero padding stays the network's zero; then order and factor."""
    axis, shape = (1, (1, 3, 1, 1)) if planes else (3, (1, 1, 1, 3))
    mean = np.array(convention.mean, np.float64) / convention.scale
    mean = mean[::-1] if convention.order == "RGB" else mean
    name = INPUT_NAME
    if planes:
        name = writer.node("Transpose", [name], f"{layer}/planes", perm=[0, 3, 1, 2])
    name = writer.node("Cast", [name], f"{layer}/pixels", to=TensorProto.FLOAT)
    if mean.any():
        offset = writer.constant(f"{layer}/mean", mean.astype(np.float32).reshape(shape))
        name = writer.node("Sub", [name, offset], f"{layer}/centered")
    if factor is None:
        return name
    if convention.order == "RGB":
        order = writer.constant(f"{layer}/order", np.array([2, 1, 0]))
        name = writer.node("Gather", [name, order], f"{layer}/ordered", axis=axis)
    if (factor != 1).any():
        scale = writer.constant(f"{layer}/factor", factor.astype(np.float32).reshape(shape))
        name = writer.node("Mul", [name, scale], f"{layer}/scaled")
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
    return _renamed(node, {node.input[1]: name})


def _renamed(node: onnx.NodeProto, names: Mapping[str, str]) -> onnx.NodeProto:
    """The node with other names of tensors, and named as what it writes."""
    changed = onnx.NodeProto()
    changed.CopyFrom(node)
    del changed.input[:], changed.output[:]
    changed.input.extend(names.get(name, name) for name in node.input)
    changed.output.extend(names.get(name, name) for name in node.output)
    changed.name = changed.output[0]
    return changed


def _names(nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Array], prefix: str) -> dict[str, str]:
    """What the nodes write, by layer."""
    weighted = {n.output[0]: n.op_type for n in nodes if n.op_type in _WEIGHTED and set(n.input) & set(constants)}
    short, layer, names = short_names(weighted), "input", dict[str, str]()
    for at, node in enumerate(nodes):
        layer = short.get(node.output[0], layer)
        names |= {name: f"{prefix}{layer}/{node.op_type}{at}_{index}" for index, name in enumerate(node.output) if name}
    return names
