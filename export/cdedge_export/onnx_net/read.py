"""An ONNX file as a `Graph`: one image in, float32 throughout, nothing outside the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, external_data_helper, inliner, numpy_helper

from cdedge_export.network.backbones import UNKNOWN_LICENCE
from cdedge_export.network.layers import Size
from cdedge_runtime.errors import BadModel
from cdedge_runtime.files import file_sha256
from cdedge_runtime.model.contract import WeightsInfo

OLDEST_OPSET = 7  # the first that onnxruntime promises to run
_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)


@dataclass(frozen=True, eq=False)
class Graph:
    """A network as its file has it, float16 made float32.

    input: the image's tensor. planes: whether it is (1, 3, H, W); else (1, H, W, 3). own_px: its (height, width) where
    the file fixes them.
    """

    path: Path
    model: onnx.ModelProto
    input: str
    planes: bool
    own_px: Size | None
    info: WeightsInfo

    @property
    def name(self) -> str:
        """What a model file calls the network."""
        return self.path.name


def open_graph(path: Path) -> Graph:
    """Read a network; raises `BadModel` where it is none, or not one that looks at one image."""
    model = _loaded(path)
    _check_opset(model, path)
    if model.functions:
        model = inliner.inline_local_functions(model)
    name, shape = _image(model, path)
    to_float32(model)
    planes = shape[1] == 3
    size = shape[2:] if planes else shape[1:3]
    own_px = (size[0], size[1]) if size[0] and size[1] else None
    info = WeightsInfo(path.name, file_sha256(path), UNKNOWN_LICENCE)
    return Graph(path, model, name, planes, own_px, info)


def _loaded(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, UnicodeDecodeError) as error:
        raise BadModel(f"{path}: not an ONNX file: {error}") from error
    except OSError as error:
        raise BadModel(f"{path}: cannot be read: {error.strerror or error}") from error
    if not model.graph.node:
        raise BadModel(f"{path}: not an ONNX network: it has no nodes")
    names = (name for node in model.graph.node for name in (node.name, node.op_type, *node.input, *node.output))
    if not all(isinstance(name, str) for name in names):
        raise BadModel(f"{path}: damaged: it has names that are no text")
    try:
        external_data_helper.load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise BadModel(
            f"{path}: its weights lie in another file, which cannot be read ({reason}): keep both together"
        ) from error
    return model


def _check_opset(model: onnx.ModelProto, path: Path) -> None:
    opset = opset_of(model)
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= opset <= newest:
        raise BadModel(
            f"{path}: of opset {opset}, read are {OLDEST_OPSET} to {newest}; export the network again with one"
        )


def opset_of(model: onnx.ModelProto) -> int:
    """Version of ONNX's own operators that a model imports; 1 where it says nothing."""
    return max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=1)


def _image(model: onnx.ModelProto, path: Path) -> tuple[str, tuple[int, ...]]:
    """Name and shape (0 where it is open) of the one input; weights listed among the inputs are taken off."""
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    listed = ", ".join(_described(value) for value in inputs) or "none"
    if len(inputs) != 1:
        raise BadModel(f"{path}: expected one input, an image of 3 channels; it has {len(inputs)}: {listed}")
    shape = _shape(inputs[0])
    if len(shape) != 4 or 3 not in (shape[1], shape[3]) or shape[0] > 1:
        raise BadModel(f"{path}: expected one image, 1x3xHxW or 1xHxWx3, as the input; it has {listed}")
    if inputs[0].type.tensor_type.elem_type not in _FLOATS:
        raise BadModel(f"{path}: expected an input of float32 or float16; it has {listed}")
    return inputs[0].name, shape


def _shape(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    return tuple(max(0, d.dim_value) for d in value.type.tensor_type.shape.dim)


def _described(value: onnx.ValueInfoProto) -> str:
    kind = TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
    return f"{value.name} ({'x'.join(str(n or '?') for n in _shape(value))} {kind})"


def to_float32(model: onnx.ModelProto) -> None:
    """Make a float16 network float32: its weights, constants, casts and declared types."""
    graph = model.graph
    for tensor in graph.initializer:
        _widen(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                _widen(attribute.t)
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT16:
                attribute.i = TensorProto.FLOAT
    _widen_values((*graph.input, *graph.output, *graph.value_info))


def _widen(tensor: TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT16:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))


def _widen_values(values: Iterable[onnx.ValueInfoProto]) -> None:
    for value in values:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT16:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
