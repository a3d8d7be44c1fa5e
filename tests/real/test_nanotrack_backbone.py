"""NanoTrack's backbone, a MobileNetV3 with squeeze-and-excitation, as a network to take channels of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="networks are read with onnx: pip install -e '.[onnx]'")
from cdedge_export.network.conventions import parse_convention
from cdedge_export.network.layers import Geometry
from cdedge_export.onnx_net.bake import baked
from cdedge_export.onnx_net.prune import Part, pruned_part
from cdedge_export.onnx_net.read import Graph, open_graph
from cdedge_export.onnx_net.run import features
from cdedge_export.onnx_net.taps import find_taps, taps
from cdedge_runtime.model.graph import OPERATORS
from tests.conftest import Done
from tests.export.test_onnx_prune import run

SHARED = Path(__file__).parents[2].parent / "shared"
BACKBONE = SHARED / "weights" / "nanotrack_v2_backbone.onnx"
CROSSING = SHARED / "sequences" / "OTB100" / "Crossing"
PX, GRID, BGR = (192, 192), (24, 24), parse_convention("bgr")

pytestmark = pytest.mark.skipif(not BACKBONE.is_file(), reason=f"{BACKBONE} is not here")


@pytest.fixture(scope="module")
def graph() -> Graph:
    return open_graph(BACKBONE)


def pruned(graph: Graph, layers: str, kept: list[int]) -> Part:
    return pruned_part(graph, find_taps(layers, taps(graph, PX), graph), {layers: kept}, input_px=PX)


def test_the_output_is_48_channels_of_both_signs_at_stride_16(graph: Graph) -> None:
    (output,) = find_taps("output", taps(graph, PX), graph)
    assert (output.channels, output.stride, output.size) == (48, 16, (12, 12))
    images = np.random.default_rng(0).integers(0, 256, (1, *PX, 3), dtype=np.uint8)
    maps = features(graph, (output,), images, BGR, grid=None)["output"]
    assert maps.min() < 0 < maps.max()


@pytest.mark.parametrize("layers", ["output", "features.2.conv.conv.6", "features.4.conv.conv.5", "features.3"])
def test_a_pruned_tap_is_a_slice_of_the_network(graph: Graph, layers: str) -> None:
    chosen = find_taps(layers, taps(graph, PX), graph)
    kept = list(range(1, chosen[0].channels, 3))
    model = baked(pruned(graph, layers, kept), BGR, Geometry(PX, GRID), {})
    assert {node.op_type for node in model.graph.node} <= OPERATORS
    images = np.random.default_rng(1).integers(0, 256, (2, *PX, 3), dtype=np.uint8)
    whole = features(graph, chosen, images, BGR, grid=GRID)[layers]
    np.testing.assert_allclose(run(model, images), whole[:, kept], rtol=0, atol=1e-5 * np.abs(whole).max())


def test_pruning_goes_through_depthwise_and_excitation(graph: Graph) -> None:
    """Of 96 channels 32: the excitation reads all that the depthwise convolution makes, but answers for 32."""
    part = pruned(graph, "features.4.conv.conv.5", list(range(32)))
    shapes = [part.constants[node.input[1]].shape for node in part.nodes if node.op_type in ("Conv", "Gemm")]
    assert shapes[-3:] == [(96, 1, 5, 5), (24, 96), (32, 24)]
    assert not part.ends


@pytest.mark.skipif(not CROSSING.is_dir(), reason=f"{CROSSING} is not here")
def test_a_sequence_is_followed_with_it(cdedge: Callable[..., Done], tmp_path: Path) -> None:
    model = tmp_path / "nano.onnx"
    done = cdedge("export", CROSSING, "--backbone", BACKBONE, "--layers", "output", "--convention", "bgr", "-o", model)
    assert done.returncode == 0, done.stderr
    answer = json.loads(cdedge("track", model, CROSSING, "--json").stdout)
    assert answer["frames"] > 100
