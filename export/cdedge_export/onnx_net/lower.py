"""Operators that pick channels (Split, Slice, a shuffle) written as what they are: a Gather on axis 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from onnx import helper

from .settle import Array, Settled


def lowered(graph: Settled) -> Settled:
    """The same graph, its picking of channels as Gathers with constant indices."""
    constants = dict(graph.constants)
    nodes = [made for node in _unshuffled(graph, constants) for made in _lowered(node, graph, constants)]
    shapes = {**graph.shapes, **{name: value.shape for name, value in constants.items()}}
    return replace(graph, nodes=tuple(nodes), constants=constants, shapes=shapes)


def attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    """Value of a node's attribute, or the default."""
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)


def _lowered(node: onnx.NodeProto, graph: Settled, constants: dict[str, Array]) -> Iterator[onnx.NodeProto]:
    channels = _channels(graph, node.input[0]) if node.input else None
    if channels is None or node.op_type not in ("Split", "Slice"):
        yield node
        return
    picked = _split(node, graph, channels) if node.op_type == "Split" else _slice(node, graph, channels)
    if picked is None:
        yield node
        return
    for name, index in zip(node.output, picked, strict=True):
        yield _gather(node.input[0], index, name, constants)


def _channels(graph: Settled, name: str) -> int | None:
    shape = graph.shapes.get(name, ())
    return shape[1] if len(shape) >= 2 and name not in graph.constants else None


def _split(node: onnx.NodeProto, graph: Settled, channels: int) -> list[Array] | None:
    """Channels of each output, where it splits channels."""
    rank = len(graph.shapes[node.input[0]])
    if attribute(node, "axis", 0) % rank != 1 or any(name not in graph.shapes for name in node.output):
        return None
    ends = np.cumsum([graph.shapes[name][1] for name in node.output])
    return np.split(np.arange(channels), ends[:-1])


def _slice(node: onnx.NodeProto, graph: Settled, channels: int) -> list[Array] | None:
    """Channels of the output, where it slices nothing else."""
    if any(name and name not in graph.constants for name in node.input[1:]):
        return None
    starts, ends, axes, steps = (_given(node, graph, at) for at in range(1, 5))
    axes = range(len(starts)) if axes is None else axes
    if [int(axis) % len(graph.shapes[node.input[0]]) for axis in axes] != [1]:
        return None
    step = 1 if steps is None else int(steps[0])
    return [np.arange(channels)[int(starts[0]) : _end(int(ends[0]), step) : step]]


def _end(end: int, step: int) -> int | None:
    """A slice's end; going backwards, one far below zero is before the first."""
    return None if step < 0 and end < -(2**30) else end


def _given(node: onnx.NodeProto, graph: Settled, at: int) -> Any:
    return graph.constants[node.input[at]] if len(node.input) > at and node.input[at] else None


def _unshuffled(graph: Settled, constants: dict[str, Array]) -> Iterator[onnx.NodeProto]:
    """The nodes, with each channel shuffle (Zhang et al. 2018: reshape, swap, reshape) as one Gather."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.nodes:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    replaced = set[str]()
    for node in graph.nodes:
        rest = _rest_of_shuffle(node, graph, readers)
        if rest:
            replaced |= {later.output[0] for later in rest}
            groups = graph.shapes[node.output[0]][1]
            index = np.arange(graph.shapes[node.input[0]][1]).reshape(groups, -1).T.reshape(-1)
            yield _gather(node.input[0], index, rest[-1].output[0], constants)
        elif node.output[0] not in replaced:
            yield node


def _rest_of_shuffle(
    node: onnx.NodeProto, graph: Settled, readers: dict[str, list[onnx.NodeProto]]
) -> list[onnx.NodeProto]:
    """The swap and the second reshape of a shuffle that begins with this node; empty where none does."""
    if node.op_type != "Reshape" or not _splits_channels(graph, node):
        return []
    swap = readers.get(node.output[0], [])
    if len(swap) != 1 or swap[0].op_type != "Transpose" or list(attribute(swap[0], "perm", [])) != [0, 2, 1, 3, 4]:
        return []
    back = readers.get(swap[0].output[0], [])
    same = len(back) == 1 and graph.shapes.get(back[0].output[0]) == graph.shapes[node.input[0]]
    return [*swap, *back] if same and back[0].op_type == "Reshape" else []


def _splits_channels(graph: Settled, node: onnx.NodeProto) -> bool:
    before, after = graph.shapes.get(node.input[0], ()), graph.shapes.get(node.output[0], ())
    return len(before) == 4 and len(after) == 5 and before[2:] == after[3:] and before[1] == after[1] * after[2]


def _gather(source: str, index: Array, output: str, constants: dict[str, Array]) -> onnx.NodeProto:
    constants[f"{output}/channels"] = index.astype(np.int64)
    return helper.make_node("Gather", [source, f"{output}/channels"], [output], name=output, axis=1)
