"""Which ONNX files are read, what of them can be tapped, and what is said of the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="networks are read with onnx: pip install -e '.[onnx]'")
import onnx
from onnx import TensorProto, helper

from cdedge_export.network.conventions import parse_convention
from cdedge_export.onnx_net.names import short_names
from cdedge_export.onnx_net.read import open_graph
from cdedge_export.onnx_net.run import features, preprocessed
from cdedge_export.onnx_net.taps import find_taps, taps
from cdedge_runtime.errors import BadModel, Usage

from .onnx_nets import Net, plain, with_weights

PX = (64, 64)


def save(path: Path, inputs: list[tuple[str, int, list[object]]]) -> Path:
    """A file with these inputs, its nodes do not matter."""
    values = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0])
    graph = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", values, [output], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


FLOAT = TensorProto.FLOAT


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([], "it has 0: none"),
        ([("a", FLOAT, [1, 3, 8, 8]), ("b", FLOAT, [1, 48])], r"has 2: a \(1x3x8x8 float\), b \(1x48 float\)"),
        ([("a", FLOAT, [1, 80, 100])], r"expected one image, .* a \(1x80x100 float\)"),
        ([("a", FLOAT, [1, 1, 28, 28])], "expected one image"),
        ([("a", FLOAT, [8, 3, 28, 28])], "expected one image"),
        ([("a", TensorProto.INT64, [1, 3, 28, 28])], "expected an input of float32 or float16"),
    ],
)
def test_an_input_that_is_no_image(inputs: list[tuple[str, int, list[object]]], said: str, tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=said):
        open_graph(save(tmp_path / "net.onnx", inputs))


def test_weights_listed_as_inputs_are_none(tmp_path: Path) -> None:
    net, end = plain()
    model = net.model([end])
    model.graph.input.extend(helper.make_tensor_value_info(c.name, c.data_type, c.dims) for c in net.constants)
    onnx.save(model, tmp_path / "net.onnx")
    assert len(taps(open_graph(tmp_path / "net.onnx"), PX)) == 4


def test_no_onnx_file(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" * 20)
    with pytest.raises(BadModel, match="not an ONNX"):
        open_graph(path)
    path.write_bytes(b"")
    with pytest.raises(BadModel, match="not an ONNX"):
        open_graph(path)
    with pytest.raises(BadModel, match="cannot be read: No such file"):
        open_graph(tmp_path / "none.onnx")
    with pytest.raises(BadModel, match="cannot be read: Is a directory"):
        open_graph(tmp_path)


@pytest.mark.parametrize("opset", [6, 99])
def test_an_opset_that_is_not_read(opset: int, tmp_path: Path) -> None:
    net, end = plain()
    with pytest.raises(BadModel, match=f"of opset {opset}, read are 7 to"):
        open_graph(net.save(tmp_path / "net.onnx", [end], opset=opset))


def test_external_data_is_read_and_its_lack_is_said(tmp_path: Path) -> None:
    net, end = plain()
    path = tmp_path / "net.onnx"
    onnx.save(net.model([end]), path, save_as_external_data=True, location="net.data", size_threshold=0)
    assert len(taps(open_graph(path), PX)) == 4
    (tmp_path / "net.data").unlink()
    with pytest.raises(BadModel, match=r"another file, which cannot be read.*keep both together"):
        open_graph(path)


def test_taps_are_listed_with_their_costs(tmp_path: Path) -> None:
    net, end = plain()
    found = taps(open_graph(net.save(tmp_path / "net.onnx", [end])), PX)
    first = (4 * 27 + 4) * 4
    assert [(t.name, t.op, t.channels, t.size, t.stride, t.weight_bytes, t.macs, t.inner) for t in found] == [
        ("conv0", "Conv", 4, (32, 32), 2, first, 4 * 27 * 1024, True),
        ("relu1", "Relu", 4, (32, 32), 2, first, 4 * 27 * 1024, False),
        ("conv2", "Conv", 6, (32, 32), 2, first + (6 * 36 + 6) * 4, (4 * 27 + 6 * 36) * 1024, True),
        ("relu3", "Relu", 6, (32, 32), 2, first + (6 * 36 + 6) * 4, (4 * 27 + 6 * 36) * 1024, False),
    ]


def test_only_maps_are_listed(tmp_path: Path) -> None:
    net = Net()
    x = net.conv("image", 4, stride=2)
    y = net.unary("GlobalAveragePool", x)
    flat = net.node("Reshape", [x, net.constant([1, 4, -1], np.int64)], 4)
    product = net.node("MatMul", [net.node("Transpose", [flat], 1, perm=[0, 2, 1]), flat], 1)
    square = net.node("Reshape", [product, net.constant([1, 1, 1024, 1024], np.int64)], 1)
    found = taps(open_graph(net.save(tmp_path / "net.onnx", [x, y, square])), PX)
    assert [tap.tensor for tap in found] == [x]


def test_maps_that_go_through_channels_last_are_listed(tmp_path: Path) -> None:
    """ConvNeXt's way: a dense layer over the channels of each place."""
    net = Net()
    x = net.conv("image", 4, stride=4)
    last = net.node("Transpose", [x], 4, perm=[0, 2, 3, 1])
    dense = net.node("MatMul", [net.unary("Softmax", last, axis=-1), net.random(4, 6)], 6)
    first = net.node("Transpose", [dense], 6, perm=[0, 3, 1, 2])
    lost = net.node("Transpose", [dense], 6, perm=[0, 3, 2, 1])
    found = taps(open_graph(net.save(tmp_path / "net.onnx", [first, lost])), PX)
    assert [(tap.tensor, tap.channels, tap.stride) for tap in found] == [(x, 4, 4), (first, 6, 4)]


def test_strides_multiply_and_upsampling_divides(tmp_path: Path) -> None:
    net = Net()
    x = net.node("Conv", ["image", net.random(4, 3, 3, 3)], 4, strides=[2, 2])  # 64 -> 31: unpadded
    y = net.node("MaxPool", [x], 4, kernel_shape=[2, 2], strides=[2, 2])
    z = net.node("Resize", [y, "", net.constant([1, 1, 4, 4])], 4, mode="nearest")
    found = taps(open_graph(net.save(tmp_path / "net.onnx", [z])), PX)
    assert [tap.stride for tap in found] == [2, 4, 1]


def test_what_works_at_another_size_is_listed_where_the_head_does_not(tmp_path: Path) -> None:
    net, end = plain()
    flat = net.node("Reshape", [end, net.constant([1, 6 * 112 * 112], np.int64)], 1)
    logits = net.node("Gemm", [flat, net.random(6 * 112 * 112, 2)], 2)
    wide = net.node("Reshape", [logits, net.constant([1, 2, 1, 1], np.int64)], 2)
    late = net.node("Mul", [end, net.node("ReduceMean", [wide], 1, axes=[1], keepdims=1)], 6)
    graph = open_graph(net.save(tmp_path / "net.onnx", [late], size=(224, 224)))
    assert [tap.tensor for tap in taps(graph, PX)][-1] == end
    assert [tap.tensor for tap in taps(graph, (224, 224))][-1] == late


def test_a_quantised_network_is_refused(tmp_path: Path) -> None:
    net = Net()
    scale, zero = net.constant(0.1), net.constant(0, np.uint8)
    x = net.node("DequantizeLinear", [net.node("QuantizeLinear", ["image", scale, zero], 3), scale, zero], 3)
    with pytest.raises(BadModel, match=r"no 4-D maps .* QuantizeLinear .* not a float CNN's.*before it was quantised"):
        taps(open_graph(net.save(tmp_path / "net.onnx", [net.conv(x, 4)])), PX)


def test_what_comes_before_a_node_of_another_kind_can_be_tapped(tmp_path: Path) -> None:
    net, end = plain()
    other = net.node("Secret", [end], 6, domain="com.example")
    model = net.model([net.unary("Relu", other)])
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    onnx.save(model, tmp_path / "net.onnx")
    assert [tap.name for tap in taps(open_graph(tmp_path / "net.onnx"), PX)][-1] == "relu3"


def test_behind_what_a_model_file_may_not_hold_there_are_no_taps(tmp_path: Path) -> None:
    net, end = plain()
    late = net.unary("Relu", net.unary("Sin", end))
    assert [tap.name for tap in taps(open_graph(net.save(tmp_path / "net.onnx", [late])), PX)][-1] == "relu3"
    net = Net()
    end = net.conv(net.unary("Cos", "image"), 4)
    with pytest.raises(BadModel, match=r"its node Cos .* is not a float CNN's"):
        taps(open_graph(net.save(tmp_path / "net.onnx", [end])), PX)


def test_names_that_find_a_tap(tmp_path: Path) -> None:
    net, end = plain()
    graph = open_graph(net.save(tmp_path / "net.onnx", [end]))
    known = taps(graph, PX)
    for name in ("relu3", "/relu3/Relu_output_0", "/relu3/Relu"):
        assert find_taps(name, known, graph) == (known[3],)
    assert find_taps("relu3+conv0", known, graph) == (known[0], known[3])


def test_a_tap_that_does_not_exist_lists_those_that_do(tmp_path: Path) -> None:
    net, end = plain()
    graph = open_graph(net.save(tmp_path / "net.onnx", [end]))
    with pytest.raises(Usage, match=r"no map 'relu9' .* any of relu1 relu3"):
        find_taps("relu1+relu9", taps(graph, PX), graph)
    with pytest.raises(Usage, match=r"several 'Relu': use '\+' between any of relu1 relu3"):
        find_taps("Relu", taps(graph, PX), graph)


def test_a_tap_with_fewer_than_eight_cells_is_refused(tmp_path: Path) -> None:
    net, end = plain()
    end = net.conv(end, 4, stride=8)
    graph = open_graph(net.save(tmp_path / "net.onnx", [end]))
    with pytest.raises(Usage, match=r"conv4 has 4x4 cells, at least 8x8 .* use one of relu1 relu3"):
        find_taps("conv4", taps(graph, PX), graph)


def test_short_names_are_the_shortest_ends_that_no_other_has() -> None:
    paths = {
        "/layer1/layer1.0/relu/Relu_output_0": "Relu",
        "/layer1/layer1.0/relu_1/Relu_output_0": "Relu",
        "/layer1/layer1.1/relu/Relu_output_0": "Relu",
        "/relu/Relu_output_0": "Relu",
        "/Split_output_0": "Split",
        "/Split_output_1": "Split",
        "b/conv:0": "Conv",
        "a+b": "Add",
        "output": "Conv",
    }
    assert list(short_names(paths).values()) == [
        *("layer1.0.relu", "relu_1", "layer1.1.relu", "relu", "Split", "Split_1", "conv", "a_b", "output"),
    ]


@pytest.mark.parametrize(
    ("text", "pixel"),
    [
        ("bgr", (10, 20, 30)),
        ("rgb", (30, 20, 10)),
        ("rgb:scale=1/10:mean=1,2,3:std=0.5", (4, 0, -4)),
        ("bgr:mean=10", (0, 10, 20)),
        ("caffe", (10 - 103.939, 20 - 116.779, 30 - 123.68)),
    ],
)
def test_conventions_by_name_and_by_value(text: str, pixel: tuple[float, float, float]) -> None:
    image = np.full((1, 2, 2, 3), (10, 20, 30), np.uint8)
    np.testing.assert_allclose(preprocessed(image, parse_convention(text))[0, :, 0, 0], pixel, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gbr",
        "rgb:",
        "rgb:scale=0",
        "rgb:std=1,0,1",
        "rgb:mean=1,2",
        "rgb:mean=x",
        "rgb:scale=1/0",
        "rgb:size=3",
        "rgb:scale=nan",
    ],
)
def test_a_convention_that_is_none(text: str) -> None:
    with pytest.raises(Usage, match=r"convention: no .*; use one of caffe, torchvision, bgr, rgb, alone or"):
        parse_convention(text)


def test_features_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    net = Net()
    end = net.unary("Log", net.conv("image", 4))
    graph = open_graph(net.save(tmp_path / "net.onnx", [end]))
    with pytest.raises(BadModel, match="log1 is not finite"):
        features(graph, taps(graph, PX)[-1:], np.zeros((1, *PX, 3), np.uint8), parse_convention("bgr"), grid=None)


def test_the_room_needs_no_pytorch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import cdedge_export.onnx_net.bake, cdedge_export.onnx_net.costs, cdedge_export.onnx_net.run\n"
        "import cdedge_export.graph.compare, cdedge_export.network.conventions"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize(("value", "fault"), [(0.0, "the same on every image"), (np.nan, "not finite")])
def test_weights_that_tell_nothing_are_refused(tmp_path: Path, value: float, fault: str, number: int) -> None:
    net, end = plain()
    graph = open_graph(with_weights(net.save(tmp_path / "net.onnx", [end]), value, number))
    patches = np.random.default_rng(0).integers(0, 255, (1, 32, 32, 3), np.uint8)
    with pytest.raises(BadModel, match=f"relu3 is {fault}.*trained"):
        features(graph, taps(graph, (32, 32))[-1:], patches, parse_convention("bgr"), grid=None)
