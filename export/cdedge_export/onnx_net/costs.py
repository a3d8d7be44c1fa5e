"""What nodes of a settled graph cost: bytes of weights and multiply-accumulates, from shapes."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import onnx

from cdedge_export.graph.build import layer_of_tap
from cdedge_export.graph.cost import Cost

from .settle import Settled, understood


def macs(node: onnx.NodeProto, graph: Settled) -> int:
    """Multiply-accumulates of a convolution or a matrix product; other nodes count none."""
    if node.op_type == "Conv":
        return _size(graph, node.input[1]) * math.prod(graph.shapes[node.output[0]][2:])
    if node.op_type == "ConvTranspose":
        return _size(graph, node.input[1]) * math.prod(graph.shapes[node.input[0]][2:])
    if node.op_type in ("Gemm", "MatMul") and node.output[0] in graph.shapes:
        turned = any(a.name == "transA" and a.i for a in node.attribute)
        return _size(graph, node.output[0]) * graph.shapes[node.input[0]][-2 if turned else -1]
    return 0


def weight_bytes(nodes: Iterable[onnx.NodeProto], graph: Settled) -> int:
    """Bytes of the float constants that the nodes read, each counted once."""
    read = {name for node in nodes for name in node.input if name in graph.constants}
    arrays = (graph.constants[name] for name in read)
    return sum(value.nbytes for value in arrays if np.issubdtype(value.dtype, np.floating))


def layer_costs(model: onnx.ModelProto, taps: Iterable[str]) -> dict[str, Cost]:
    """Cost of each layer of a written model, by the first part of its nodes' names.

    A tap's row is its way to the grid, whose resampling has no weights.
    """
    graph, layers = understood(model), dict[str, list[onnx.NodeProto]]()
    for node in graph.nodes:
        layers.setdefault(node.name.split("/")[0], []).append(node)
    ways = {layer_of_tap(tap) for tap in taps}
    return {
        layer: Cost(
            graph.shapes[nodes[-1].output[0]][1],
            0 if layer in ways else weight_bytes(nodes, graph),
            sum(macs(node, graph) for node in nodes),
        )
        for layer, nodes in layers.items()
    }


def _size(graph: Settled, name: str) -> int:
    return math.prod(graph.shapes[name])
