"""Our own deep network as ONNX, made of its bundled weights: neither PyTorch nor its exporter is needed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors import safe_open

from cdedge_export.network.backbones import Backbone, Conv, bundled_licence
from cdedge_runtime.files import file_sha256
from cdedge_runtime.model.contract import WeightsInfo

from .read import Graph

_OPSET, _IR_VERSION = 17, 8  # what onnxruntime 1.16 loads
_IMAGE = "image"


def straight_onnx(backbone: Backbone, state: Mapping[str, NDArray[np.floating]]) -> onnx.ModelProto:
    """Write a network that is nothing but convolutions, each with its ReLU, with weights ``state`` as they are in it.

    Input ``image`` (1, 3, height, width) float32 in the backbone's convention; every layer's output has its name, and
    the last one is the model's.
    """
    nodes, weights, trunk = [], [], _IMAGE
    for layer in backbone.layers:
        if not isinstance(layer, Conv):
            raise TypeError(f"{backbone.name}: expected convolutions only, found {layer}")
        names = [f"{layer.key}.weight", f"{layer.key}.bias"]
        weights += [numpy_helper.from_array(np.asarray(state[name], np.float32), name) for name in names]
        sums = f"{layer.name}/sums"
        pads, strides = [layer.pad] * 4, [layer.stride] * 2
        nodes.append(helper.make_node("Conv", [trunk, *names], [sums], name=sums, pads=pads, strides=strides))
        nodes.append(helper.make_node("Relu", [sums], [layer.name], name=layer.name))
        trunk = layer.name
    image = helper.make_tensor_value_info(_IMAGE, TensorProto.FLOAT, [1, 3, "height", "width"])
    maps = helper.make_tensor_value_info(trunk, TensorProto.FLOAT, [1, backbone.channels(trunk), None, None])
    graph = helper.make_graph(nodes, backbone.name, [image], [maps], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model


def open_bundled(backbone: Backbone) -> Graph:
    """Give ``backbone`` with the weights that are bundled with it."""
    if backbone.bundled is None:
        raise TypeError(f"no weights of {backbone.name} are bundled")
    state, info = bundled_state(backbone.bundled)
    return Graph(Path(backbone.name), straight_onnx(backbone, state), _IMAGE, planes=True, own_px=None, info=info)


def bundled_state(name: str) -> tuple[dict[str, NDArray[np.floating]], WeightsInfo]:
    """The weights in a bundled file by their names, and what it says of them."""
    with resources.as_file(resources.files("cdedge_export") / "data" / name) as path:
        with safe_open(path, framework="numpy") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            licence = bundled_licence(file.metadata())
        return state, WeightsInfo("bundled", file_sha256(path), licence)
