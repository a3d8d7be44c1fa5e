"""Small convolutional networks made with onnx.helper, random ones and fixed ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


@dataclass
class Net:
    """A network under construction; ``node`` adds a node and returns its output's name."""

    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    channels: dict[str, int] = field(default_factory=lambda: {"image": 3})

    def node(self, op: str, inputs: list[str], channels: int, *, outputs: int = 1, **attributes: Any) -> str:
        names = [f"/{op.lower()}{len(self.nodes)}/{op}_output_{i}" for i in range(outputs)]
        name = names[0].removesuffix("_output_0")
        self.nodes.append(helper.make_node(op, inputs, names, name=name, **attributes))
        self.channels |= dict.fromkeys(names, channels)
        return names[0]

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def random(self, *shape: int) -> str:
        scale = np.sqrt(2 / max(1, np.prod(shape[1:])))
        return self.constant(self.rng.standard_normal(shape) * scale)

    def conv(self, x: str, outputs: int, kernel: int = 3, *, stride: int = 1, group: int = 1, bias: bool = True) -> str:
        inputs = [x, self.random(outputs, self.channels[x] // group, kernel, kernel)]
        inputs += [self.random(outputs)] * bias
        sizes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [kernel // 2] * 4}
        return self.node("Conv", inputs, outputs, group=group, **sizes)

    def unary(self, op: str, x: str, *more: str, **attributes: Any) -> str:
        return self.node(op, [x, *more], self.channels[x], **attributes)

    def model(
        self, outputs: list[str], *, size: Any = ("h", "w"), opset: int = 17, planes: bool = True
    ) -> onnx.ModelProto:
        shape = [1, 3, *size] if planes else [1, *size, 3]
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "test", [image], values, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)

    def save(self, path: Path, outputs: list[str], **options: Any) -> Path:
        onnx.save(self.model(outputs, **options), path)
        return path


def plain(outputs: int = 6) -> tuple[Net, str]:
    """Two convolutions, the first of stride 2, each with a ReLU."""
    net = Net()
    x = net.unary("Relu", net.conv("image", 4, stride=2))
    return net, net.unary("Relu", net.conv(x, outputs))


def random_net(seed: int, blocks: int = 5) -> tuple[Net, list[str]]:
    """A first convolution of stride 2, then random blocks; returns every block's output."""
    net = Net(np.random.default_rng(seed))
    x = net.conv("image", 8, stride=2)
    ends = [x]
    for _ in range(blocks):
        block = BLOCKS[int(net.rng.integers(len(BLOCKS)))]
        x = block(net, x)
        ends.append(x)
    return net, ends


def _conv(net: Net, x: str) -> str:
    return net.unary("Relu", net.conv(x, int(net.rng.choice([4, 8, 12]))))


def _depthwise(net: Net, x: str) -> str:
    x = net.unary("LeakyRelu", net.conv(x, 12, 1), alpha=0.1)
    return net.unary("Relu", net.conv(x, 12, group=12, bias=bool(net.rng.integers(2))))


def _multiplied(net: Net, x: str) -> str:
    return net.conv(x, 2 * net.channels[x], group=net.channels[x])


def _grouped(net: Net, x: str) -> str:
    return net.unary("Sigmoid", net.conv(net.conv(x, 8, 1), 12, group=4))


def _batch_norm(net: Net, x: str) -> str:
    n = net.channels[x]
    spread = net.constant(net.rng.uniform(0.5, 2, n))
    return net.unary("BatchNormalization", x, net.random(n), net.random(n), net.random(n), spread)


def _instance_norm(net: Net, x: str) -> str:
    n = net.channels[x]
    return net.unary("InstanceNormalization", x, net.random(n), net.random(n))


def _residual(net: Net, x: str) -> str:
    y = net.unary("Relu", net.conv(x, net.channels[x]))
    return net.node("Add", [x, y], net.channels[x])


def _branches(net: Net, x: str) -> str:
    parts = [net.conv(x, 4, 1), net.conv(x, 5), x]
    return net.node("Concat", parts, 9 + net.channels[x], axis=1)


def _squeeze_by_gemm(net: Net, x: str) -> str:
    n = net.channels[x]
    y = net.unary("Flatten", net.unary("GlobalAveragePool", x))
    y = net.node("Relu", [net.node("Gemm", [y, net.random(3, n), net.random(3)], 3, transB=1)], 3)
    y = net.unary("HardSigmoid", net.node("Gemm", [y, net.random(3, n), net.random(n)], n, alpha=0.5))
    y = net.unary("Reshape", y, net.constant([1, n, 1, 1], np.int64))
    return net.node("Mul", [x, y], n)


def _squeeze_by_conv(net: Net, x: str) -> str:
    n = net.channels[x]
    y = net.unary("ReduceMean", x, axes=[2, 3], keepdims=1)
    y = net.unary("Sigmoid", net.conv(net.unary("Relu", net.conv(y, 3, 1)), n, 1))
    return net.node("Mul", [y, x], n)


def _spatial_attention(net: Net, x: str) -> str:
    y = net.node("ReduceMean", [x], 1, axes=[1], keepdims=1)
    return net.node("Mul", [x, net.unary("Sigmoid", net.conv(y, 1))], net.channels[x])


def _split(net: Net, x: str) -> str:
    n = net.channels[x]
    sizes = net.constant([n // 2, n - n // 2], np.int64)
    first = net.node("Split", [x, sizes], n // 2, outputs=2, axis=1)
    second = first.replace("_output_0", "_output_1")
    net.channels[second] = n - n // 2
    return net.node("Concat", [net.unary("Relu", second), first], n, axis=1)


def _slice(net: Net, x: str) -> str:
    at = [net.constant([v], np.int64) for v in (1, 10**9, 1, 1)]
    return net.node("Slice", [x, *at], net.channels[x] - 1)


def _shuffle(net: Net, x: str) -> str:
    x = net.conv(x, 6, 1)
    y = net.node("Reshape", [x, net.constant([1, 2, 3, 32, 32], np.int64)], 2)
    y = net.node("Transpose", [y], 3, perm=[0, 2, 1, 3, 4])
    return net.node("Reshape", [y, net.constant([1, 6, 32, 32], np.int64)], 6)


def _swish(net: Net, x: str) -> str:
    return net.node("Mul", [x, net.unary("Sigmoid", x)], net.channels[x])


def _by_constants(net: Net, x: str) -> str:
    n = net.channels[x]
    x = net.unary("Add", x, net.constant(net.rng.standard_normal((n, 1, 1))))
    x = net.unary("PRelu", x, net.constant(net.rng.uniform(0, 1, (1, n, 1, 1))))
    return net.unary("Clip", net.unary("Mul", x, net.constant(0.5)), net.constant(-1.0), net.constant(3.0))


def _pooled(net: Net, x: str) -> str:
    y = net.unary("MaxPool", x, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])
    return net.unary("AveragePool", y, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1])


def _down_and_up(net: Net, x: str) -> str:
    y = net.unary("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    sizes = net.constant([1, net.channels[x], 32, 32], np.int64)
    return net.node("Add", [net.unary("Resize", y, "", "", sizes, mode="nearest"), x], net.channels[x])


def _padded(net: Net, x: str) -> str:
    y = net.unary("Pad", x, net.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64))
    return net.node("AveragePool", [y], net.channels[x], kernel_shape=[3, 3])


def _local_response(net: Net, x: str) -> str:
    return net.unary("LRN", net.conv(x, 8), size=3)


def _softmax(net: Net, x: str) -> str:
    return net.node("Mul", [x, net.unary("Softmax", x, axis=1)], net.channels[x])


def _channels_last(net: Net, x: str) -> str:
    n = net.channels[x]
    y = net.node("Transpose", [x], n, perm=[0, 2, 3, 1])
    y = net.node("MatMul", [y, net.random(n, n)], n)
    return net.node("Add", [net.node("Transpose", [y], n, perm=[0, 3, 1, 2]), x], n)


def _transposed(net: Net, x: str) -> str:
    weight = net.random(net.channels[x], 5, 3, 3)
    return net.node("ConvTranspose", [x, weight, net.random(5)], 5, kernel_shape=[3, 3], pads=[1, 1, 1, 1])


BLOCKS = [
    *(_conv, _depthwise, _multiplied, _grouped, _batch_norm, _instance_norm, _residual, _branches, _squeeze_by_gemm),
    *(_squeeze_by_conv, _spatial_attention, _split, _slice, _shuffle, _swish, _by_constants, _pooled, _down_and_up),
    *(_padded, _local_response, _softmax, _channels_last, _transposed),
]


def two_strides(path: Path) -> Path:
    """Two convolutions of stride 4, without a ReLU behind the last: maps of both signs at strides 4 and 16."""
    net = Net(np.random.default_rng(2))
    conv = {"strides": [4, 4], "pads": [2, 2, 2, 2]}
    weights = [net.constant(net.rng.standard_normal(shape) * 0.05) for shape in ((8, 3, 5, 5), (5, 8, 5, 5))]
    net.nodes = [
        helper.make_node("Conv", ["image", weights[0]], ["mid"], name="stem", **conv),
        helper.make_node("Relu", ["mid"], ["bent"], name="bent"),
        helper.make_node("Conv", ["bent", weights[1]], ["last"], name="last", **conv),
    ]
    return net.save(path, ["last"])


def box_head(path: Path) -> Path:
    """For `two_strides` at 128 px: template and maps pooled and mixed, all that the shapes of a box head ask for."""
    rng = np.random.default_rng(4)
    weights = [rng.standard_normal(shape).astype(np.float32) for shape in ((2, 5, 1, 1), (4, 5, 1, 1))]
    nodes = [
        helper.make_node("GlobalAveragePool", ["z"], ["middle"]),
        helper.make_node("Mul", ["x", "middle"], ["alike"]),
        helper.make_node("Conv", ["alike", "w0"], ["cls"]),
        helper.make_node("Conv", ["alike", "w1"], ["bent"]),
        helper.make_node("Abs", ["bent"], ["loc"]),
    ]
    values = {"z": [1, 5, 4, 4], "x": [1, 5, 8, 8], "cls": [1, 2, 8, 8], "loc": [1, 4, 8, 8]}
    known = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in values.items()}
    constants = [numpy_helper.from_array(w, f"w{i}") for i, w in enumerate(weights)]
    graph = helper.make_graph(nodes, "head", [known["x"], known["z"]], [known["loc"], known["cls"]], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def with_weights(path: Path, value: float, number: int) -> Path:
    """A copy of a network, one of whose initialisers is nothing but ``value``."""
    model = onnx.load(path)
    tensor = model.graph.initializer[number]
    tensor.CopyFrom(numpy_helper.from_array(np.full(tensor.dims, value, np.float32), tensor.name))
    changed = path.with_name(f"{value}_{number}_{path.name}")
    onnx.save(model, changed)
    return changed
