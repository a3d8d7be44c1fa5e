"""A graph cut to some tensors and fixed to one input size: constants folded, every shape known.

Cut by onnx's extractor; folded by onnxruntime's own basic rewrites, whose results are ONNX's operators again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference, version_converter
from onnx.utils import Extractor

from cdedge_export.graph.build import OPSET
from cdedge_export.network.layers import Size
from cdedge_runtime.errors import BadModel
from cdedge_runtime.files import scratch_folder

from .read import Graph, opset_of

Shape = tuple[int, ...]
Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Settled:
    """Nodes in order, constants by name, and the shape of every tensor where it is known."""

    nodes: tuple[onnx.NodeProto, ...]
    constants: Mapping[str, Array]
    shapes: Mapping[str, Shape]
    opset: int


def fixed(graph: Graph, input_px: Size) -> onnx.ModelProto:
    """The network for one image of (height, width), with the types and shapes that follow."""
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    sides = [3, *input_px] if graph.planes else [*input_px, 3]
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info(graph.input, TensorProto.FLOAT, [1, *sides]))
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    return shape_inference.infer_shapes(model, data_prop=True)


def cut(graph: Graph, tensors: Sequence[str], input_px: Size) -> onnx.ModelProto:
    """The part of the network that leads to ``tensors``, its outputs."""
    return cut_fixed(fixed(graph, input_px), graph.input, tensors)


def cut_fixed(model: onnx.ModelProto, image: str, tensors: Sequence[str]) -> onnx.ModelProto:
    """As `cut`, of a network that has its size."""
    known = {value.name for value in (*model.graph.value_info, *model.graph.output)}
    unknown = [name for name in tensors if name not in known]
    model.graph.value_info.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in unknown)
    part = Extractor(model).extract_model([image], list(tensors))
    part.graph.name = "network"
    return part


def settled(part: onnx.ModelProto) -> Settled:
    """Fold and shape a part of a network; raises `BadModel` where onnxruntime cannot take it."""
    return understood(_in_our_opset(_folded(part)))


def understood(model: onnx.ModelProto) -> Settled:
    """A folded model's nodes, constants and shapes."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes = tuple(_without_constants(model, constants))
    shapes = {name: value.shape for name, value in constants.items()}
    return Settled(nodes, constants, {**shapes, **dict(_known_shapes(model))}, opset_of(model))


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    """The model in onnxruntime on one thread; raises `BadModel` where it cannot be loaded."""
    return _session(model, ort.SessionOptions())


def _session(model: onnx.ModelProto, options: ort.SessionOptions) -> ort.InferenceSession:
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # what it says is in the error
    try:
        return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = str(error).splitlines()[0][:200]
        raise BadModel(f"onnxruntime {ort.__version__} cannot load the network: {reason}") from error


def _folded(part: onnx.ModelProto) -> onnx.ModelProto:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with scratch_folder() as folder:
        path = folder / "folded.onnx"
        options.optimized_model_filepath = str(path)
        _session(part, options)
        model = onnx.load(path)
    kept = [entry for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    return model


def _in_our_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """In the opset of the files written here; one with later operators stays in its own."""
    if opset_of(model) == OPSET:
        return model
    try:
        return version_converter.convert_version(model, OPSET)
    except (RuntimeError, ValueError) as error:  # the converter's own
        if opset_of(model) > OPSET:
            return model
        raise BadModel(f"the network's opset {opset_of(model)} cannot be brought to {OPSET}: {error}") from error


def _without_constants(model: onnx.ModelProto, constants: dict[str, Array]) -> Iterator[onnx.NodeProto]:
    """The nodes; those that only hold a constant go to ``constants``."""
    for node in model.graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = _constant(node)
        else:
            yield node


def _constant(node: onnx.NodeProto) -> Array:
    (attribute,) = node.attribute
    value = helper.get_attribute_value(attribute)
    if isinstance(value, TensorProto):
        return np.asarray(numpy_helper.to_array(value))
    return np.asarray(value, np.float32 if "float" in attribute.name else np.int64)


def _known_shapes(model: onnx.ModelProto) -> Iterator[tuple[str, Shape]]:
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        sides = tuple(d.dim_value for d in tensor.shape.dim)
        if tensor.HasField("shape") and min(sides, default=1) > 0:
            yield value.name, sides
