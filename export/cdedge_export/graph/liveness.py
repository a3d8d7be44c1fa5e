"""How many bytes of activations are alive at once when onnxruntime runs a graph on a processor.

It goes depth first from the output, frees a tensor after its last use and lets a ReLU join its convolution. Where the
channels fit, a convolution works on blocks of 16 of them (NCHWc; 8 on processors without AVX-512, which takes no more):
its output is padded to whole blocks, and is copied back where a node cannot read blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

_BLOCK = 16
_BLOCKED = "/blocked"


@dataclass(frozen=True)
class Node:
    """What a node reads and writes, and the bytes that it writes."""

    inputs: tuple[str, ...]
    output: str
    bytes: int


def activation_bytes(model: onnx.ModelProto) -> int:
    """Peak of the bytes alive at once while ``model`` runs, its input and its output among them."""
    tensors = _tensors(model)
    given = {value.name: _bytes(tensors[value.name]) for value in model.graph.input}
    return peak_bytes(_laid_out(model, tensors), given, model.graph.output[0].name)


def peak_bytes(nodes: Sequence[Node], given: dict[str, int], output: str) -> int:
    """Highest sum of bytes alive while the nodes run in order: each tensor from its node to its last reader.

    ``given`` are the inputs' bytes; ``output`` stays to the end.
    """
    last_use = {name: at for at, node in enumerate(nodes) for name in node.inputs}
    alive, peak = dict(given), sum(given.values())
    for at, node in enumerate(nodes):
        alive[node.output] = node.bytes
        peak = max(peak, sum(alive.values()))
        alive = {name: size for name, size in alive.items() if name == output or last_use.get(name, -1) > at}
    return peak


def _laid_out(model: onnx.ModelProto, tensors: dict[str, onnx.TypeProto.Tensor]) -> list[Node]:
    """The nodes as they run: without ReLUs, with the copies between the two layouts."""
    nodes, blocked, alias = list[Node](), set[str](), dict[str, str]()
    for node in _streamed(model):
        inputs = [alias.get(name, name) for name in node.input if name in tensors]
        name, bytes_ = node.output[0], _bytes(tensors[node.output[0]])
        if node.op_type == "Relu":
            alias[name] = inputs[0]
            continue
        if _runs_on_blocks(node.op_type, [_channels(tensors[i]) for i in inputs], [i in blocked for i in inputs]):
            blocked.add(name)
            padded = -(-_channels(tensors[name]) // _BLOCK) * _BLOCK
            nodes.append(
                Node(tuple(_read(inputs, blocked)), name + _BLOCKED, bytes_ * padded // _channels(tensors[name]))
            )
            continue
        written = {n.output for n in nodes}
        nodes += [Node((i + _BLOCKED,), i, _bytes(tensors[i])) for i in inputs if i in blocked and i not in written]
        nodes.append(Node(tuple(inputs), name, bytes_))
    return nodes


def _read(inputs: Iterable[str], blocked: set[str]) -> list[str]:
    return [name + _BLOCKED if name in blocked else name for name in inputs]


def _runs_on_blocks(op: str, channels: list[int], blocked: list[bool]) -> bool:
    """Whether onnxruntime has such a node read blocks; the image's three planes are read as they are."""
    whole = all(count % _BLOCK == 0 for count in channels)
    if op == "Conv":
        return (channels[0] < _BLOCK and not blocked[0]) or whole
    return op in ("MaxPool", "AveragePool", "Concat") and whole and all(blocked)


def _streamed(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Nodes in the order onnxruntime takes (see `graph`): depth first, the shallowest tap first."""
    makers = {node.output[0]: node for node in model.graph.node}
    order: dict[str, onnx.NodeProto] = {}
    stack = [model.graph.output[0].name]
    while stack:
        waiting = [name for name in makers[stack[-1]].input if name in makers and name not in order]
        if waiting:
            stack.append(waiting[0])
        else:
            name = stack.pop()
            order[name] = makers[name]
    return list(order.values())


def _tensors(model: onnx.ModelProto) -> dict[str, onnx.TypeProto.Tensor]:
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    return {v.name: v.type.tensor_type for v in (*graph.input, *graph.value_info, *graph.output)}


def _channels(tensor: onnx.TypeProto.Tensor) -> int:
    return int(tensor.shape.dim[1].dim_value)


def _bytes(tensor: onnx.TypeProto.Tensor) -> int:
    itemsize = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).itemsize
    return int(np.prod([d.dim_value for d in tensor.shape.dim]) * itemsize)
