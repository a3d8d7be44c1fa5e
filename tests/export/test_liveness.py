"""Peak of activations: graphs small enough to count by hand."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from cdedge_export.graph.liveness import Node, activation_bytes, peak_bytes


def test_a_chain_holds_two_neighbours() -> None:
    chain = [Node(("x",), "a", 10), Node(("a",), "b", 30), Node(("b",), "y", 5)]
    assert peak_bytes(chain, {"x": 20}, "y") == 40


def test_a_tensor_waits_for_its_last_reader() -> None:
    skip = [Node(("x",), "a", 10), Node(("a",), "b", 30), Node(("b",), "c", 30), Node(("a", "c"), "y", 1)]
    assert peak_bytes(skip, {"x": 1}, "y") == 10 + 30 + 30


def test_the_output_stays_to_the_end() -> None:
    early = [Node(("x",), "y", 50), Node(("x",), "b", 7)]
    assert peak_bytes(early, {"x": 1}, "y") == 1 + 50 + 7


def test_what_nobody_reads_is_freed_at_once() -> None:
    assert peak_bytes([Node(("x",), "a", 50), Node(("x",), "y", 7)], {"x": 1}, "y") == 51


def convolution(outputs: int, last: str) -> onnx.ModelProto:
    """8x8 pixels, a 1x1 convolution with ReLU to ``outputs`` channels, and one node more."""
    weight = numpy_helper.from_array(np.zeros((outputs, 3, 1, 1), np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Relu", ["c"], ["r"])]
    size = 8
    if last == "Neg":
        nodes.append(helper.make_node("Neg", ["r"], ["y"]))
    else:
        nodes.append(helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]))
        nodes.append(helper.make_node("Neg", ["p"], ["y"]))
        size = 4
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, outputs, size, size])],
        [weight],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(("outputs", "padded"), [(16, 16), (20, 32)])
def test_a_blocked_convolution_is_padded_and_copied_back(outputs: int, padded: int) -> None:
    assert activation_bytes(convolution(outputs, "Neg")) == 4 * 64 * max(3 + padded, padded + outputs, 2 * outputs)


def test_whole_blocks_stay_blocked_through_pooling() -> None:
    assert activation_bytes(convolution(32, "MaxPool")) == 4 * 64 * 32 + 4 * 16 * 32


def test_broken_blocks_are_copied_back_before_pooling() -> None:
    assert activation_bytes(convolution(20, "MaxPool")) == 4 * 64 * (32 + 20)
