"""A second network inside an ``If`` of a written graph: it costs a run nothing where nobody looks.

A box head goes into the same branch, and the network once more, for its template, into an ``If`` of its own. Each
branch holds its weights: outside they would be stored once, but onnxruntime would not lay them out for its kernels, and
a look takes three times as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from cdedge_runtime.model.contract import (
    BOX_CHANNELS,
    BOXES_NAME,
    DEEP_INPUT_NAME,
    DEEP_OUTPUT_NAME,
    DEEP_SWITCH_NAME,
    INPUT_NAME,
    OUTPUT_NAME,
    TEMPLATE_INPUT_NAME,
    TEMPLATE_NAME,
    TEMPLATE_OUTPUT_NAME,
    TEMPLATE_SWITCH_NAME,
)

from .build import IR_VERSION, pixels

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class HeadGraph:
    """A box head: the network for the template's patch, and what follows the maps, from ``inputs`` to ``outputs``.

    inputs: the template's maps and the window's. outputs: logits (1, 2, Gh, Gw) and distances (1, 4, Gh, Gw).
    """

    template: onnx.ModelProto
    model: onnx.ModelProto
    inputs: tuple[str, str]
    outputs: tuple[str, str]


@dataclass
class _Branch:
    """What one branch computes: nodes and weights with names of its own, and the shapes of what it delivers."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)
    found: dict[str, Shape] = field(default_factory=dict)

    def add(self, graph: onnx.GraphProto, prefix: str, given: Mapping[str, str]) -> None:
        """The graph's nodes and weights with a prefix; ``given`` are tensors that it reads by other names."""
        own = compose.add_prefix_graph(graph, prefix)
        names = {prefix + inside: name for inside, name in given.items()}
        for node in own.node:
            node.input[:] = [names.get(name, name) for name in node.input]
        self.nodes += own.node
        self.weights += own.initializer

    def choice(self, switch: str, outputs: Sequence[str]) -> onnx.NodeProto:
        """An ``If`` that delivers what was found, or zeros, as ``outputs``."""
        values = [_real(name, shape) for name, shape in self.found.items()]
        then = helper.make_graph(self.nodes, f"{switch}_then", [], values, self.weights)
        otherwise = _zeros(switch, list(self.found.values()))
        return helper.make_node("If", [switch], list(outputs), name=switch, then_branch=then, else_branch=otherwise)


def joined(
    fine: onnx.ModelProto, deep: onnx.ModelProto, head: HeadGraph | None, metadata: Mapping[str, str]
) -> onnx.ModelProto:
    """One model of two, each with input ``patch`` and output ``features``, and of a box head."""
    branch, shape = _Branch(), shape_of(deep.graph.output[0])
    branch.add(deep.graph, "deep/", {INPUT_NAME: DEEP_INPUT_NAME})
    branch.found[f"deep/{OUTPUT_NAME}"] = shape
    inputs, outputs, nodes = [_patch(DEEP_INPUT_NAME, deep), _switch(DEEP_SWITCH_NAME)], {DEEP_OUTPUT_NAME: shape}, []
    if head is not None:
        template = shape_of(head.template.graph.output[0])
        inputs += [
            _patch(TEMPLATE_INPUT_NAME, head.template),
            _switch(TEMPLATE_SWITCH_NAME),
            _real(TEMPLATE_NAME, template),
        ]
        nodes.append(_look_at_template(head.template, template))
        _add_head(branch, head, shape)
        outputs[BOXES_NAME] = branch.found["head/boxes"]
    nodes.insert(0, branch.choice(DEEP_SWITCH_NAME, list(outputs)))
    if head is not None:
        outputs[TEMPLATE_OUTPUT_NAME] = template
    models = (fine, deep) if head is None else (fine, deep, head.model)
    opset = max(entry.version for model in models for entry in model.opset_import if not entry.domain)
    others = [entry for entry in fine.opset_import if entry.domain]
    graph = helper.make_graph(
        [*fine.graph.node, *nodes],
        fine.graph.name,
        [*fine.graph.input, *inputs],
        [*fine.graph.output, *(_real(name, each) for name, each in outputs.items())],
        fine.graph.initializer,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), *others], ir_version=IR_VERSION)
    model.producer_name = fine.producer_name
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    return model


def _add_head(branch: _Branch, head: HeadGraph, maps: Shape) -> None:
    deep = f"deep/{OUTPUT_NAME}"
    branch.add(head.model.graph, "head/", dict(zip(head.inputs, (TEMPLATE_NAME, deep), strict=True)))
    parts = [f"head/{name}" for name in head.outputs]
    branch.nodes.append(helper.make_node("Concat", parts, ["head/boxes"], name="head/boxes", axis=1))
    branch.found["head/boxes"] = (1, BOX_CHANNELS, *maps[2:])


def _look_at_template(network: onnx.ModelProto, shape: Shape) -> onnx.NodeProto:
    branch = _Branch(found={f"template/{OUTPUT_NAME}": shape})
    branch.add(network.graph, "template/", {INPUT_NAME: TEMPLATE_INPUT_NAME})
    return branch.choice(TEMPLATE_SWITCH_NAME, [TEMPLATE_OUTPUT_NAME])


def shape_of(value: onnx.ValueInfoProto) -> Shape:
    """A tensor's shape, 0 where a side is open."""
    return tuple(d.dim_value for d in value.type.tensor_type.shape.dim)


def _patch(name: str, model: onnx.ModelProto) -> onnx.ValueInfoProto:
    _, height, width, _ = shape_of(model.graph.input[0])
    return pixels(name, (height, width))


def _switch(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.BOOL, [])


def _zeros(switch: str, shapes: Sequence[Shape]) -> onnx.GraphProto:
    """Zeros by broadcasting the switch, which is false there: a constant would be stored, and kept more than once."""
    nothing, found = f"{switch}_zero", {f"{switch}_zeros{at}": shape for at, shape in enumerate(shapes)}
    sides = [numpy_helper.from_array(np.array(shape, np.int64), f"{name}_shape") for name, shape in found.items()]
    nodes = [helper.make_node("Cast", [switch], [nothing], name=nothing, to=TensorProto.FLOAT)]
    nodes += [helper.make_node("Expand", [nothing, f"{name}_shape"], [name], name=name) for name in found]
    return helper.make_graph(nodes, f"{switch}_else", [], [_real(*each) for each in found.items()], sides)


def _real(name: str, shape: Shape) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
