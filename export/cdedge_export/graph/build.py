"""A `Network` as one ONNX graph: 8-bit patch in, the kept channels of every tap on one grid out.

Written with onnx.helper, so that the opset, the IR version and every shape are ours: opset 17 and IR version
8 load in onnxruntime 1.16, and nothing is stored outside the file.

onnxruntime orders the nodes itself: from the output backwards, of several inputs the one whose node comes
last in the file first. So the taps stand behind all layers and the deepest first, and each leaves the
full-size map before the next layer runs. It holds where a tap ends in a node that onnxruntime does not
replace, hence the slice of every averaged tap, even of one that keeps all its channels, unless it is the only one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cdedge_export.network.backbones import Lrn, Pool
from cdedge_export.network.layers import (
    ConvStep,
    FireStep,
    Floats,
    Geometry,
    Network,
    Projection,
    SelectStep,
    Size,
    Step,
    TapStep,
    conv_size,
    pool_size,
)
from cdedge_export.network.resample import resample_matrix
from cdedge_runtime.model.contract import INPUT_NAME, OUTPUT_NAME

OPSET = 17
IR_VERSION = 8
_ROOTS_POWER = 0.75  # of the normalisation of every network here
_NONE: Mapping[str, Floats] = MappingProxyType({})


@dataclass
class Writer:
    """A graph under construction, whose taps come out on ``grid``."""

    grid: Size
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: np.ndarray[Any, Any]) -> str:
        """Add a constant; returns its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def node(self, op: str, inputs: list[str], output: str, **attributes: int | float | list[int]) -> str:
        """Add a node that is named as its output; returns that name."""
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output


@dataclass(frozen=True)
class Value:
    """A tensor in the graph: its name, number of channels and size."""

    name: str
    channels: int
    size: Size


def build_model(
    network: Network,
    geometry: Geometry,
    metadata: Mapping[str, str],
    *,
    batch: int | str = 1,
    constants: Mapping[str, Floats] = _NONE,
) -> onnx.ModelProto:
    """Write the ONNX model of ``network`` with ``metadata`` as its properties.

    Input ``patch`` (batch, H, W, 3) uint8 BGR; output ``features`` (batch, C, Gh, Gw) float32; then ``constants`` by
    their names. A ``batch`` that is a name is open. Node names start with their layer's name and a slash.
    """
    graph = Writer(geometry.grid)
    trunk = _preprocessed(graph, network, geometry.input_px)
    tapped = list[tuple[TapStep, Value]]()
    for step in _on_raw_pixels(network):
        if isinstance(step, TapStep):
            tapped.append((step, trunk))
        else:
            trunk = _applied(graph, step, trunk)
    outputs = [delivered(graph, tapped, batch)]
    for name, value in constants.items():
        graph.node("Identity", [graph.constant(f"{name}/value", value)], name)
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape))
    return finished(graph, pixels(INPUT_NAME, geometry.input_px, batch), outputs, metadata)


def delivered(graph: Writer, tapped: Sequence[tuple[TapStep, Value]], batch: int | str = 1) -> onnx.ValueInfoProto:
    """Bring the taps onto the grid, the deepest first, and join them to the output ``features``, which is returned."""
    maps = [
        _projected(graph, step, _tap(graph, step, value, alone=len(tapped) == 1)) for step, value in reversed(tapped)
    ][::-1]
    if len(maps) > 1:
        graph.node("Concat", maps, OUTPUT_NAME, axis=1)
    else:  # a Concat of one would copy; onnxruntime drops an Identity
        graph.node("Identity", maps, OUTPUT_NAME)
    channels = sum(step.delivered for step, _ in tapped)
    return helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, [batch, channels, *graph.grid])


def build_empty(input_px: Size, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """Write a model that hands its patch through, for features that are computed without a network."""
    graph = Writer(input_px)
    graph.node("Identity", [INPUT_NAME], OUTPUT_NAME)
    return finished(graph, pixels(INPUT_NAME, input_px), [pixels(OUTPUT_NAME, input_px)], metadata)


def pixels(name: str, size: Size, batch: int | str = 1) -> onnx.ValueInfoProto:
    """A tensor of 8-bit pixels (batch, H, W, 3)."""
    return helper.make_tensor_value_info(name, TensorProto.UINT8, [batch, *size, 3])


def finished(
    graph: Writer,
    patch: onnx.ValueInfoProto,
    outputs: list[onnx.ValueInfoProto],
    metadata: Mapping[str, str],
    opset: int = OPSET,
) -> onnx.ModelProto:
    """Make the model of what was written, with ``metadata`` as its properties; it is checked."""
    body = helper.make_graph(graph.nodes, "cdedge", [patch], outputs, graph.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION)
    model.producer_name = "cdedge"
    helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    return model


def _preprocessed(graph: Writer, network: Network, size: Size) -> Value:
    """Raw BGR planes minus the mean, which goes first so that zero padding stays the network's zero."""
    convention = network.convention
    mean = np.array(convention.mean, np.float64) / convention.scale
    mean = mean[::-1] if convention.order == "RGB" else mean
    planes = graph.node("Transpose", [INPUT_NAME], "input/planes", perm=[0, 3, 1, 2])
    floats = graph.node("Cast", [planes], "input/pixels", to=TensorProto.FLOAT)
    offset = graph.constant("input/mean", mean.astype(np.float32).reshape(1, 3, 1, 1))
    return Value(graph.node("Sub", [floats, offset], "input/centered"), 3, size)


def _on_raw_pixels(network: Network) -> tuple[Step, ...]:
    """Fold the input's channel order, scale and deviation into the first convolution."""
    first, convention = network.steps[0], network.convention
    if not isinstance(first, ConvStep):
        raise TypeError(f"a network starts with a convolution, not with {first}")
    factor = convention.scale / np.array(convention.std, np.float64)
    weight = (first.weight * factor[None, :, None, None]).astype(np.float32)
    weight = weight[:, ::-1] if convention.order == "RGB" else weight
    return (ConvStep(first.name, weight, first.bias, first.stride, first.pad), *network.steps[1:])


def _applied(graph: Writer, step: Step, x: Value) -> Value:
    if isinstance(step, ConvStep):
        return _conv(graph, step, x, step.name)
    if isinstance(step, FireStep):
        return _fire(graph, step, x)
    if isinstance(step, Pool):
        shape, strides = [step.kernel] * 2, [step.stride] * 2
        name = graph.node(
            "MaxPool",
            [x.name],
            f"{step.name}/max",
            kernel_shape=shape,
            strides=strides,
            ceil_mode=int(step.ceil),
        )
        return Value(name, x.channels, pool_size(x.size, step))
    if isinstance(step, Lrn):
        return Value(_normalized(graph, step, x), x.channels, x.size)
    if isinstance(step, SelectStep):
        return Value(_sliced(graph, step.name, step.channels, x.name), len(step.channels), x.size)
    raise TypeError(f"no ONNX form of {step}")


def _conv(graph: Writer, step: ConvStep, x: Value, layer: str) -> Value:
    weight = graph.constant(f"{layer}/{step.name}.weight", step.weight)
    bias = graph.constant(f"{layer}/{step.name}.bias", step.bias)
    kernel, strides, pads = list(step.weight.shape[2:]), [step.stride] * 2, [step.pad] * 4
    name = graph.node(
        "Conv",
        [x.name, weight, bias],
        f"{layer}/{step.name}.conv",
        kernel_shape=kernel,
        strides=strides,
        pads=pads,
    )
    name = graph.node("Relu", [name], f"{layer}/{step.name}.relu")
    return Value(name, len(step.bias), conv_size(x.size, step))


def _normalized(graph: Writer, step: Lrn, x: Value) -> str:
    """Normalisation across channels by its formula: a banded 1x1 convolution adds, square roots give the power 3/4.

    The operator LRN takes several times as long in onnxruntime, and has no even sizes. PyTorch's window of an even size
    has the one channel more in front of the channel that it normalises.
    """
    if step.beta != _ROOTS_POWER:
        raise ValueError(f"{step.name}: only the power {_ROOTS_POWER} can be written with square roots")
    channel = np.arange(x.channels)
    behind = channel - channel[:, None]
    near = (behind >= -(step.size // 2)) & (behind <= (step.size - 1) // 2)
    band = (near * (step.alpha / step.size)).astype(np.float32)[:, :, None, None]
    weight = graph.constant(f"{step.name}/window", band)
    bias = graph.constant(f"{step.name}/bias", np.full(x.channels, step.bias, np.float32))
    squares = graph.node("Mul", [x.name, x.name], f"{step.name}/squares")
    sums = graph.node("Conv", [squares, weight, bias], f"{step.name}/sums", kernel_shape=[1, 1])
    root = graph.node("Sqrt", [sums], f"{step.name}/root")
    fourth = graph.node("Sqrt", [root], f"{step.name}/fourth_root")
    below = graph.node("Mul", [root, fourth], f"{step.name}/below")
    return graph.node("Div", [x.name, below], f"{step.name}/normalized")


def _fire(graph: Writer, step: FireStep, x: Value) -> Value:
    squeezed = _conv(graph, step.squeeze, x, step.name)
    branches = [_conv(graph, branch, squeezed, step.name) for branch in step.branches]
    if len(branches) == 1:
        return branches[0]
    name = graph.node("Concat", [branch.name for branch in branches], f"{step.name}/concat", axis=1)
    return Value(name, sum(branch.channels for branch in branches), x.size)


def _sliced(graph: Writer, layer: str, channels: tuple[int, ...], name: str) -> str:
    index = graph.constant(f"{layer}/kept", np.array(channels, np.int64))
    return graph.node("Gather", [name, index], f"{layer}/slice", axis=1)


def _tap(graph: Writer, step: TapStep, x: Value, *, alone: bool) -> str:
    """Slice and resample; a whole-number average goes first, for it reads the full-size map only once."""
    layer, grid, name = layer_of_tap(step.name), graph.grid, x.name
    if x.size[0] % grid[0] == 0 and x.size[1] % grid[1] == 0:
        window = [x.size[0] // grid[0], x.size[1] // grid[1]]
        if window != [1, 1]:
            name = graph.node("AveragePool", [name], f"{layer}/mean", kernel_shape=window, strides=window)
        whole = len(step.channels) == x.channels
        return name if alone and whole else _sliced(graph, layer, step.channels, name)
    if len(step.channels) < x.channels:
        name = _sliced(graph, layer, step.channels, name)
    columns = graph.constant(f"{layer}/columns_matrix", resample_matrix(x.size[1], grid[1]).T)
    rows = graph.constant(f"{layer}/rows_matrix", resample_matrix(x.size[0], grid[0]))
    return graph.node("MatMul", [rows, graph.node("MatMul", [name, columns], f"{layer}/columns")], f"{layer}/rows")


def _projected(graph: Writer, step: TapStep, name: str) -> str:
    """Power and 1x1 convolution on the grid, where the tap has them."""
    if step.projection is None:
        return name
    layer, matrix = layer_of_tap(step.name), step.projection.matrix
    if step.projection.power != 1:
        name = _raised(graph, layer, step.projection, name)
    weight = graph.constant(f"{layer}/projection", matrix[:, :, None, None])
    return graph.node("Conv", [name, weight], f"{layer}/projected", kernel_shape=[1, 1])


def _raised(graph: Writer, layer: str, projection: Projection, features: str) -> str:
    """The features to the projection's power, with their signs where they have them."""
    name = graph.node("Abs", [features], f"{layer}/sizes") if projection.signed else features
    if projection.power == 0.5:
        name = graph.node("Sqrt", [name], f"{layer}/root")
    else:
        exponent = graph.constant(f"{layer}/exponent", np.array(projection.power, np.float32))
        name = graph.node("Pow", [name, exponent], f"{layer}/power")
    if not projection.signed:
        return name
    return graph.node("Mul", [name, graph.node("Sign", [features], f"{layer}/signs")], f"{layer}/signed")


def layer_of_tap(tap: str) -> str:
    """Name that a tap's nodes and its row in a cost table have."""
    return f"tap_{tap}"
