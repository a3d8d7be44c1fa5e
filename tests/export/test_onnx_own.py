"""Our own deep network as ONNX is the network that PyTorch runs, at any size."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from cdedge_export.network.backbones import CDEDGE_DEEP, SQUEEZENET1_1
from cdedge_export.network.layers import tap_sizes
from cdedge_export.network.torch_net import extract
from cdedge_export.onnx_net.own_net import open_bundled, straight_onnx
from cdedge_export.onnx_net.taps import taps
from cdedge_export.onnx_net.torchvision_net import open_network
from tests.export.random_nets import random_patches, random_weights

TAPS = ("conv4", "conv8")


@pytest.mark.parametrize("size", [(64, 64), (100, 72)])
def test_it_computes_what_pytorch_computes(size: tuple[int, int]) -> None:
    weights = random_weights(CDEDGE_DEEP, TAPS)
    patches = random_patches(size)
    model = straight_onnx(CDEDGE_DEEP, weights.state)
    model.graph.output.append(onnx.helper.make_tensor_value_info("conv4", onnx.TensorProto.FLOAT, None))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found = session.run(list(TAPS), {"image": patches.transpose(0, 3, 1, 2).astype(np.float32)})
    for tap, maps in zip(TAPS, found, strict=True):
        grid = tap_sizes(CDEDGE_DEEP, (tap,), size)[tap]
        expected = extract(CDEDGE_DEEP, weights, [tap], patches=patches, grid=grid)[tap]
        np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-3 * expected.max())


def test_its_layers_can_be_tapped_by_their_names() -> None:
    graph = open_network("cdedge_deep")
    assert graph.info.name == "bundled"
    assert "NanoTrack" in graph.info.licence
    assert "1276 photographs" in graph.info.licence
    found = {tap.name: (tap.channels, tap.stride) for tap in taps(graph, (256, 256)) if not tap.inner}
    assert list(found) == [f"conv{number}" for number in range(1, 9)]
    assert (found["conv4"], found["conv8"]) == ((64, 8), (96, 16))


def test_other_networks_are_not_straight() -> None:
    with pytest.raises(TypeError, match="squeezenet1_1: expected convolutions only"):
        straight_onnx(SQUEEZENET1_1, random_weights(SQUEEZENET1_1, ["conv1"]).state)
    with pytest.raises(TypeError, match="no weights of squeezenet1_1 are bundled"):
        open_bundled(SQUEEZENET1_1)
