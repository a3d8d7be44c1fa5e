"""Pruning any ONNX network: what is delivered equals a slice of the original; what fed nothing else is gone."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

pytest.importorskip("onnx", reason="networks are read with onnx: pip install -e '.[onnx]'")
import onnx
from hypothesis import given, reject
from hypothesis import strategies as st
from onnx import TensorProto, helper

from cdedge_export.graph.build import Writer, delivered, finished, pixels
from cdedge_export.network.conventions import parse_convention
from cdedge_export.network.layers import Geometry
from cdedge_export.onnx_net.bake import baked, embedded
from cdedge_export.onnx_net.prune import Part, pruned_part, whole_part
from cdedge_export.onnx_net.read import Graph, open_graph
from cdedge_export.onnx_net.run import features
from cdedge_export.onnx_net.taps import TapInfo, find_taps, taps
from cdedge_runtime.errors import BadModel, Usage

from .onnx_nets import BLOCKS, Net, plain, random_net

PX = (64, 64)
GRIDS = ((16, 16), (32, 32), (11, 13))
CONVENTIONS = ("bgr", "rgb", "torchvision", "caffe", "rgb:scale=1/127.5:mean=1")


def patches(count: int = 2, size: tuple[int, int] = PX) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, *size, 3), dtype=np.uint8)


def run(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["features"], {"patch": image[None]})[0] for image in images])


def is_slice(
    graph: Graph, chosen: tuple[TapInfo, ...], kept: dict[str, list[int]], name: str, grid: tuple[int, int]
) -> None:
    convention = parse_convention(name)
    part = pruned_part(graph, chosen, kept, input_px=PX)
    model = baked(part, convention, Geometry(PX, grid), {})
    whole = features(graph, chosen, patches(), convention, grid=grid)
    expected = np.concatenate([whole[tap][:, channels] for tap, channels in kept.items()], axis=1)
    found = run(model, patches())
    assert found.shape == expected.shape
    # Normalising a nearly constant channel enlarges rounding; a wrong channel is off by the size of the features.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3 * np.abs(expected).max())


def kept_of(chosen: tuple[TapInfo, ...], rng: np.random.Generator) -> dict[str, list[int]]:
    counts = {tap.name: int(rng.integers(1, tap.channels + 1)) for tap in chosen}
    return {t.name: sorted(int(i) for i in rng.permutation(t.channels)[: counts[t.name]]) for t in chosen}


@given(st.integers(0, 2**32 - 1), st.sampled_from(CONVENTIONS), st.sampled_from(GRIDS))
def test_a_pruned_random_network_delivers_a_slice_of_the_original(seed: int, name: str, grid: tuple[int, int]) -> None:
    net, ends = random_net(seed)
    with tempfile.TemporaryDirectory() as folder:
        graph = open_graph(net.save(Path(folder) / "net.onnx", ends[-1:]))
    known = taps(graph, PX)
    wanted = {ends[-1], ends[int(net.rng.integers(len(ends)))]}
    chosen = tuple(tap for tap in known if tap.tensor in wanted)
    try:
        features(graph, chosen, patches(), parse_convention(name), grid=grid)
    except BadModel:
        reject()  # its random gates are shut (one network of 200): rightly refused, and of no use here
    is_slice(graph, chosen, kept_of(chosen, net.rng), name, grid)


def test_a_random_network_with_shut_gates_is_refused(tmp_path: Path) -> None:
    net, ends = random_net(2262)
    graph = open_graph(net.save(tmp_path / "net.onnx", ends[-1:]))
    dead = tuple(tap for tap in taps(graph, PX) if tap.tensor == ends[-1])
    with pytest.raises(BadModel, match="the same on every image"):
        features(graph, dead, patches(), parse_convention("bgr"), grid=(16, 16))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__.strip("_"))
def test_each_kind_of_block_is_pruned_to_a_slice(block: object, tmp_path: Path) -> None:
    net = Net()
    end = block(net, net.unary("Relu", net.conv("image", 8, stride=2)))  # type: ignore[operator]
    graph = open_graph(net.save(tmp_path / "net.onnx", [end]))
    chosen = tuple(tap for tap in taps(graph, PX) if tap.tensor == end)
    for seed in range(3):
        is_slice(graph, chosen, kept_of(chosen, np.random.default_rng(seed)), "torchvision", (32, 32))


def weights_of(part: Part) -> list[tuple[int, ...]]:
    return [part.constants[node.input[1]].shape for node in part.nodes if node.op_type in ("Conv", "Gemm")]


def part_of(net: Net, end: str, kept: list[int], tmp_path: Path) -> Part:
    graph = open_graph(net.save(tmp_path / "net.onnx", [end]))
    chosen = tuple(tap for tap in taps(graph, PX) if tap.tensor == end)
    return pruned_part(graph, chosen, {chosen[0].name: kept}, input_px=PX)


def test_a_depthwise_convolution_passes_pruning_on(tmp_path: Path) -> None:
    net = Net()
    x = net.unary("Relu", net.conv("image", 8))
    part = part_of(net, net.unary("Relu", net.conv(x, 8, group=8)), [1, 6], tmp_path)
    assert weights_of(part) == [(2, 3, 3, 3), (2, 1, 3, 3)]
    assert not part.ends


def test_a_plain_convolution_ends_it(tmp_path: Path) -> None:
    net, end = plain()
    assert weights_of(part_of(net, end, [0, 5], tmp_path)) == [(4, 3, 3, 3), (2, 4, 3, 3)]


def test_an_input_that_every_weight_ignores_feeds_nothing(tmp_path: Path) -> None:
    net, end = plain()
    weight = onnx.numpy_helper.to_array(net.constants[2]).copy()
    weight[:, 1] = 0
    net.constants[2].CopyFrom(onnx.numpy_helper.from_array(weight, net.constants[2].name))
    assert weights_of(part_of(net, end, [0, 1, 2, 3, 4, 5], tmp_path)) == [(3, 3, 3, 3), (6, 3, 3, 3)]


def test_a_concat_drops_the_branch_that_nothing_is_kept_of(tmp_path: Path) -> None:
    net = Net()
    parts = [net.conv("image", 4), net.conv("image", 5)]
    end = net.node("Concat", parts, 9, axis=1)
    assert weights_of(part_of(net, end, [4, 8], tmp_path)) == [(2, 3, 3, 3)]


def test_a_choice_of_channels_passes_pruning_on(tmp_path: Path) -> None:
    """A shuffle of two groups of three, then all but the first channel, then the last three of these."""
    net = Net()
    x = net.conv("image", 6)
    y = net.node("Reshape", [x, net.constant([1, 2, 3, *PX], np.int64)], 2)
    y = net.node(
        "Reshape", [net.node("Transpose", [y], 3, perm=[0, 2, 1, 3, 4]), net.constant([1, 6, *PX], np.int64)], 6
    )
    y = net.node("Slice", [y, *(net.constant([v], np.int64) for v in (1, 6, 1, 1))], 5)
    y = net.node("Split", [y, net.constant([2, 3], np.int64)], 2, outputs=2, axis=1)
    second = y.replace("_output_0", "_output_1")
    net.channels[second] = 3
    part = part_of(net, second, [0, 2], tmp_path)  # of the shuffled 3 and 5, which are 4 and 5
    (weight,) = (part.constants[node.input[1]] for node in part.nodes if node.op_type == "Conv")
    np.testing.assert_array_equal(weight, onnx.numpy_helper.to_array(net.constants[0])[[4, 5]])
    assert not part.ends


def test_what_cannot_be_pruned_is_whole_and_said(tmp_path: Path) -> None:
    net = Net()
    end = net.unary("LRN", net.conv("image", 8), size=3)
    part = part_of(net, end, [2], tmp_path)
    assert weights_of(part) == [(8, 3, 3, 3)]
    assert [name.split()[0] for name in part.ends] == ["LRN"]


def test_two_taps_share_what_both_need(tmp_path: Path) -> None:
    net = Net()
    first = net.unary("Relu", net.conv("image", 6, stride=2))
    second = net.unary("Relu", net.conv(first, 4, group=2, stride=2))
    graph = open_graph(net.save(tmp_path / "net.onnx", [second]))
    chosen = tuple(tap for tap in taps(graph, PX) if tap.tensor in (first, second))
    kept = {chosen[0].name: [5], chosen[1].name: [0]}
    part = pruned_part(graph, chosen, kept, input_px=PX)
    assert weights_of(part) == [(4, 3, 3, 3), (2, 3, 3, 3)]  # channels 0, 1, 2 of group 0, and 5; one whole group
    is_slice(graph, chosen, kept, "caffe", (16, 16))


def test_an_image_with_channels_last(tmp_path: Path) -> None:
    net = Net()
    x = net.node("Transpose", ["image"], 3, perm=[0, 3, 1, 2])
    end = net.unary("Relu", net.conv(x, 5, stride=2))
    graph = open_graph(net.save(tmp_path / "net.onnx", [end], planes=False))
    assert not graph.planes
    chosen = tuple(tap for tap in taps(graph, PX) if tap.tensor == end)
    is_slice(graph, chosen, {chosen[0].name: [1, 3]}, "torchvision", (32, 32))


@pytest.mark.parametrize("opset", [7, 8, 9, 10, 11, 12, 13, 15, 18, 20, 22])
def test_every_opset_gives_the_same_slice(opset: int, tmp_path: Path) -> None:
    net = Net()
    x = net.unary("LeakyRelu", net.conv("image", 6, stride=2), alpha=0.2)
    x = net.unary("BatchNormalization", x, *[net.constant(net.rng.uniform(0.5, 1, 6)) for _ in range(4)])
    x = net.unary("MaxPool", net.node("Add", [x, net.conv(x, 6)], 6), kernel_shape=[2, 2], strides=[2, 2])
    end = net.unary("Sigmoid", net.conv(x, 6, group=6))
    graph = open_graph(net.save(tmp_path / "net.onnx", [end], opset=opset))
    chosen = tuple(tap for tap in taps(graph, PX) if tap.tensor == end)
    is_slice(graph, chosen, {chosen[0].name: [0, 4]}, "rgb", (16, 16))


def test_a_fixed_size_is_given_up_where_the_graph_allows(tmp_path: Path) -> None:
    net, end = plain()
    graph = open_graph(net.save(tmp_path / "net.onnx", [end], size=(224, 224)))
    assert graph.own_px == (224, 224)
    chosen = find_taps("relu3", taps(graph, PX), graph)
    assert chosen[0].size == (32, 32)
    is_slice(graph, chosen, {chosen[0].name: [2]}, "bgr", (16, 16))


def test_float16_becomes_float32(tmp_path: Path) -> None:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    net, end = plain()
    path = tmp_path / "half.onnx"
    onnx.save(convert_float_to_float16(net.model([end])), path)
    graph = open_graph(path)
    chosen = taps(graph, PX)[-1:]
    constants = pruned_part(graph, chosen, {chosen[0].name: [0]}, input_px=PX).constants
    assert {each.dtype for each in constants.values() if each.dtype.kind == "f"} == {np.dtype(np.float32)}
    is_slice(graph, chosen, {chosen[0].name: [0, 3]}, "bgr", (32, 32))


def test_no_channel_and_a_wrong_one_are_refused(tmp_path: Path) -> None:
    net, end = plain()
    graph = open_graph(net.save(tmp_path / "net.onnx", [end]))
    last = taps(graph, PX)[-1:]
    with pytest.raises(Usage, match="at least one channel"):
        pruned_part(graph, last, {}, input_px=PX)
    with pytest.raises(Usage, match=r"channels 0\.\.5, got 0\.\.6"):
        pruned_part(graph, last, {last[0].name: [0, 6]}, input_px=PX)


def test_the_whole_part_is_the_network(tmp_path: Path) -> None:
    net, end = plain()
    graph = open_graph(net.save(tmp_path / "net.onnx", [end]))
    assert weights_of(whole_part(graph, taps(graph, PX)[-1:], input_px=PX)) == [(4, 3, 3, 3), (6, 4, 3, 3)]


def test_two_networks_share_a_graph(tmp_path: Path) -> None:
    """As a file with a shallow and a deep network has them."""
    net, end = plain()
    graph = open_graph(net.save(tmp_path / "net.onnx", [end]))
    last = taps(graph, PX)[-1:]
    parts = [pruned_part(graph, last, {last[0].name: kept}, input_px=PX) for kept in ([1], [4])]
    writer, bgr = Writer((16, 16)), parse_convention("bgr")
    tapped = [
        (replace(step, name=f"{prefix}{step.name}"), value)
        for prefix, part in zip(("", "deep."), parts, strict=True)
        for step, value in embedded(writer, part, bgr, prefix=prefix)
    ]
    model = finished(writer, pixels("patch", PX), [delivered(writer, tapped)], {})
    whole = features(graph, last, patches(), bgr, grid=(16, 16))[last[0].name]
    np.testing.assert_allclose(run(model, patches()), whole[:, [1, 4]], rtol=1e-4, atol=1e-4)
    layers = {node.name.split("/")[0] for node in model.graph.node}
    assert {"conv0", "conv2", "deep.conv0", "deep.conv2", "input", "deep.input"} < layers


def test_a_tensor_of_the_files_own_names_is_no_clash(tmp_path: Path) -> None:
    """A network whose tensors are called as ours are."""
    image = helper.make_tensor_value_info("patch", TensorProto.FLOAT, [1, 3, "h", "w"])
    output = helper.make_tensor_value_info("features", TensorProto.FLOAT, None)
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2, 3, 1, 1], [1, 2, 3, 4, 5, 6])
    nodes = [helper.make_node("Conv", ["patch", "w"], ["features"])]
    graph = helper.make_graph(nodes, "g", [image], [output], [weight])
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    opened = open_graph(path)
    chosen = taps(opened, PX)
    assert [tap.name for tap in chosen] == ["features"]
    is_slice(opened, chosen, {"features": [1]}, "rgb", (16, 16))
