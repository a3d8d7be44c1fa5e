"""A written graph in another precision: int8 by onnxruntime's static quantizer, float16 by its converter.

Input and output stay uint8 and float32, so a tracker does not see the difference but in the numbers.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from cdedge_export.network.layers import ConvStep, FireStep, Network, TapStep
from cdedge_runtime.files import scratch_folder
from cdedge_runtime.model.contract import INPUT_NAME, Precision

from .cost import bytes_of

Patches = npt.NDArray[np.uint8]
Feed = Mapping[str, npt.NDArray[Any]]


def in_precision(model: onnx.ModelProto, precision: Precision, windows: Patches) -> onnx.ModelProto:
    """The model in ``precision``; int8 ranges are those seen on ``windows`` (N, H, W, 3) uint8 BGR.

    int8 quantizes convolutions with the ReLU behind them, and poolings; weights per channel and to 7 bits: without
    VNNI, x86 processors saturate sums of two full products. The first of several convolutions stays in float32: it
    sums few products of bright pixels, so that rounded weights do most harm there, and int8 is slower at it.
    """
    if precision == "fp32":
        return model
    if precision == "fp16":
        return _finished(_half(model), model)
    return _finished(_quantized(model, ({INPUT_NAME: window[None]} for window in windows), _of_pixels(model)), model)


def head_in_int8(head: onnx.ModelProto, seen: Iterable[Feed]) -> onnx.ModelProto:
    """A box head, its convolutions of more than one cell, where its time goes, in int8; ranges as of inputs ``seen``.

    Those of one cell compare the maps and say the boxes: with 256 distances a box would move in steps.
    """
    return _finished(_quantized(head, seen, convolutions_of_one_cell(head)), head)


def convolutions_of_one_cell(model: onnx.ModelProto) -> list[str]:
    """Names of the convolutions whose kernel is 1 x 1."""
    kernels = {tensor.name: tuple(tensor.dims[2:]) for tensor in model.graph.initializer}
    return [node.name for node in model.graph.node if node.op_type == "Conv" and kernels[node.input[1]] == (1, 1)]


def _finished(converted: onnx.ModelProto, model: onnx.ModelProto) -> onnx.ModelProto:
    """The converted model with what the original says of itself, checked."""
    del converted.metadata_props[:]
    converted.metadata_props.extend(model.metadata_props)
    converted.producer_name, converted.producer_version = model.producer_name, model.producer_version
    onnx.checker.check_model(converted, full_check=True)
    return converted


def stored_bytes(network: Network, precision: Precision) -> int:
    """Bytes of weights and biases; int8's scales are not counted."""
    convolutions = [c for step in network.steps for c in _convolutions(step)]
    projections = [s.projection.matrix for s in network.steps if isinstance(s, TapStep) and s.projection is not None]
    weights = [array.size for array in [*(c.weight for c in convolutions), *projections]]
    return bytes_of(weights, sum(c.bias.size for c in convolutions), precision)


def _convolutions(step: object) -> tuple[ConvStep, ...]:
    if isinstance(step, FireStep):
        return (step.squeeze, *step.branches)
    return (step,) if isinstance(step, ConvStep) else ()


def _half(model: onnx.ModelProto) -> onnx.ModelProto:
    converted = OnnxModel(convert_float_to_float16(copy.deepcopy(model), keep_io_types=True, disable_shape_infer=False))
    converted.topological_sort()  # casts of a second input stand behind what reads them
    return converted.model


def _quantized(model: onnx.ModelProto, seen: Iterable[Feed], excluded: list[str]) -> onnx.ModelProto:
    """In int8 but for the nodes ``excluded``; ranges are those of the inputs ``seen``."""
    with scratch_folder() as folder, _quiet():
        path = folder / "int8.onnx"
        quantize_static(
            copy.deepcopy(model),  # it moves the weights out of the one that it is given
            path,
            _Inputs(seen),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "MaxPool", "Relu"],
            nodes_to_exclude=excluded,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(path)


def _of_pixels(model: onnx.ModelProto) -> list[str]:
    """The first of several convolutions."""
    names = [node.name for node in model.graph.node if node.op_type == "Conv"]
    return names[:1] if len(names) > 1 else []


class _Inputs(CalibrationDataReader):  # type: ignore[misc]
    """Hands the quantizer one run's inputs after the other."""

    def __init__(self, seen: Iterable[Feed]) -> None:
        self._rest = iter(seen)

    def get_next(self) -> Feed | None:
        return next(self._rest, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the quantizer's advice on the root logger, which is for graphs that are not ours."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
