"""A second network inside an ``If`` of a written graph: it costs a run nothing where nobody looks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from cdedge_runtime.model.contract import (
    DEEP_INPUT_NAME,
    DEEP_OUTPUT_NAME,
    DEEP_SWITCH_NAME,
    INPUT_NAME,
    OUTPUT_NAME,
)

from .build import IR_VERSION, pixels

_PREFIX = "deep/"


def joined(fine: onnx.ModelProto, deep: onnx.ModelProto, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """One model of two, each with input ``patch`` and output ``features``; the deep one's names change.

    It runs inside an ``If`` on the input ``look_deep``, whose other branch delivers zeros.
    """
    size = tuple(d.dim_value for d in deep.graph.input[0].type.tensor_type.shape.dim[1:3])
    shape = [d.dim_value for d in deep.graph.output[0].type.tensor_type.shape.dim]
    outputs = [_value(DEEP_OUTPUT_NAME, shape)]
    look = helper.make_node(
        "If",
        [DEEP_SWITCH_NAME],
        [DEEP_OUTPUT_NAME],
        name="deep/look",
        then_branch=_branch(deep.graph, shape),
        else_branch=_zeros(shape),
    )
    graph = helper.make_graph(
        [*fine.graph.node, look],
        fine.graph.name,
        [
            *fine.graph.input,
            pixels(DEEP_INPUT_NAME, (size[0], size[1])),
            helper.make_tensor_value_info(DEEP_SWITCH_NAME, TensorProto.BOOL, []),
        ],
        [*fine.graph.output, *outputs],
        fine.graph.initializer,
    )
    opset = max(entry.version for model in (fine, deep) for entry in model.opset_import if not entry.domain)
    others = [entry for entry in fine.opset_import if entry.domain]
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), *others], ir_version=IR_VERSION)
    model.producer_name = fine.producer_name
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    return model


def _branch(graph: onnx.GraphProto, shape: list[int]) -> onnx.GraphProto:
    """The deep network as a subgraph, which reads the outer graph's deep patch."""
    own = compose.add_prefix_graph(graph, _PREFIX)
    for node in own.node:
        node.input[:] = [DEEP_INPUT_NAME if name == _PREFIX + INPUT_NAME else name for name in node.input]
    return helper.make_graph(own.node, "deep", [], [_value(_PREFIX + OUTPUT_NAME, shape)], own.initializer)


def _zeros(shape: list[int]) -> onnx.GraphProto:
    nothing = numpy_helper.from_array(np.zeros(shape, np.float32), "deep/nothing")
    node = helper.make_node("Constant", [], ["deep/zeros"], name="deep/zeros", value=nothing)
    return helper.make_graph([node], "not_deep", [], [_value("deep/zeros", shape)])


def _value(name: str, shape: list[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
