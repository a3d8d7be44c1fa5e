"""Our own box head as ONNX, made of its bundled weights: PyTorch is not needed for it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from cdedge_export.network.own_head import BRANCHES, LOG_PX, OwnHead

_OPSET, _IR_VERSION = 17, 8  # what onnxruntime 1.16 loads
_INPUTS = ("template_maps", "window_maps")


def head_onnx(head: OwnHead, state: Mapping[str, NDArray[np.floating]], grid: tuple[int, int]) -> onnx.ModelProto:
    """Write the head for a window of ``grid`` cells, with weights ``state``.

    Inputs ``template_maps`` (1, C, h, w) and ``window_maps`` (1, C, H, W); outputs ``score`` (1, 2, H, W), the logits
    of background and target, and ``sides`` (1, 4, H, W), distances in pixels.
    """
    made = _Made(state)
    z, x = made.conv("template", _INPUTS[0]), made.conv("window", _INPUTS[1])
    flat = [made.shaped(name, (1, head.compared, -1)) for name in (z, x)]
    turned = made.node("Transpose", [flat[0]], "turned", perm=[0, 2, 1])
    alike = made.shaped(made.node("MatMul", [turned, flat[1]], "alike"), (1, head.correlations, *grid))
    seen = made.node("Concat", [alike, made.conv("direct", _INPUTS[1])], "seen", axis=1)
    joint = made.layer("joint", seen)
    for branch, _ in BRANCHES:
        trunk = joint
        for number in range(head.depth - 1):
            trunk = made.layer(f"{branch}.{number}", trunk)
        made.answer(branch, made.conv(f"{branch}.answer", trunk))
    template = (1, head.channels, head.template, head.template)
    inputs = [_real(name, shape) for name, shape in zip(_INPUTS, (template, (1, head.channels, *grid)), strict=True)]
    outputs = [_real(name, (1, answers, *grid)) for name, answers in BRANCHES]
    graph = helper.make_graph(made.nodes, head.name, inputs, outputs, made.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model


class _Made:
    """Nodes and weights so far."""

    def __init__(self, state: Mapping[str, NDArray[np.floating]]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._state = state

    def node(self, kind: str, inputs: list[str], name: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def conv(self, name: str, x: str) -> str:
        names = [f"{name}.weight", f"{name}.bias"]
        self.weights += [numpy_helper.from_array(np.asarray(self._state[n], np.float32), n) for n in names]
        pad = self._state[names[0]].shape[-1] // 2
        return self.node("Conv", [x, *names], f"{name}/sums", pads=[pad] * 4)

    def layer(self, name: str, x: str) -> str:
        return self.node("Relu", [self.conv(name, x)], name)

    def answer(self, branch: str, x: str) -> None:
        if branch == "sides":
            limits = [np.array(value, np.float32) for value in LOG_PX]
            self.weights += [numpy_helper.from_array(v, f"log_px/{at}") for at, v in enumerate(limits)]
            self.node("Exp", [self.node("Clip", [x, "log_px/0", "log_px/1"], "log_px")], branch)
        else:
            self.node("Identity", [x], branch)

    def shaped(self, x: str, shape: tuple[int, ...]) -> str:
        self.weights.append(numpy_helper.from_array(np.array(shape, np.int64), f"{x}/shape"))
        return self.node("Reshape", [x, f"{x}/shape"], f"{x}/shaped")


def _real(name: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
