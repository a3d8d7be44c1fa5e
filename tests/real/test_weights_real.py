"""Export with the real VGG-19 and SqueezeNet weights that lie beside the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cdedge_export.network.backbones import SQUEEZENET1_1, VGG19, Backbone, parse_layers
from cdedge_export.network.layers import Geometry
from cdedge_export.network.prune import prune
from cdedge_export.network.torch_net import extract
from cdedge_export.network.weights import load_weights
from cdedge_runtime.errors import BadModel
from tests.export.random_nets import features, random_kept, random_patches

WEIGHTS = Path(__file__).resolve().parents[3] / "shared" / "weights"
VGG = WEIGHTS / "vgg19_conv1_1-conv3_4.pth"
SQUEEZENET = WEIGHTS / "squeezenet1_1.pth"

pytestmark = pytest.mark.skipif(not VGG.is_file(), reason=f"{WEIGHTS} is not here")


@pytest.mark.parametrize(
    ("backbone", "path", "layers", "size", "grid"),
    [
        (VGG19, VGG, "11+12+21", (128, 128), (32, 32)),
        (VGG19, VGG, "11+34", (96, 96), (24, 24)),
        (SQUEEZENET1_1, SQUEEZENET, "all", (127, 127), (31, 31)),
    ],
)
def test_exact_equals_the_slice_with_real_weights(
    backbone: Backbone, path: Path, layers: str, size: tuple[int, int], grid: tuple[int, int]
) -> None:
    taps = parse_layers(layers, backbone)
    weights = load_weights(str(path), backbone, taps=taps)
    assert weights.convention.order == "BGR"
    patches, kept = random_patches(size), random_kept(backbone, taps, 0)
    full = extract(backbone, weights, taps, patches=patches, grid=grid)
    found = features(prune(backbone, weights, kept, mode="exact"), Geometry(size, grid), patches[0])
    starts = np.cumsum([0, *(len(kept[tap]) for tap in taps)])
    for tap, start in zip(taps, starts[:-1], strict=True):
        expected = full[tap][0, list(kept[tap])]
        part = found[start : start + len(expected)]
        np.testing.assert_allclose(part, expected, atol=1e-4 * np.abs(expected).max())


def test_the_vgg_file_ends_at_34() -> None:
    with pytest.raises(BadModel, match=r"expected features\.19\.weight"):
        load_weights(str(VGG), VGG19, taps=["41"])


def test_the_first_layers_responses_differ_by_convention() -> None:
    """Pixels in the wrong convention give other features, so the convention cannot be left to chance."""
    patches = random_patches((32, 32))
    caffe = load_weights(str(VGG), VGG19, taps=["11"])
    other = load_weights(str(VGG), VGG19, taps=["11"], convention="torchvision")
    right = extract(VGG19, caffe, ["11"], patches=patches, grid=(32, 32))["11"]
    wrong = extract(VGG19, other, ["11"], patches=patches, grid=(32, 32))["11"]
    assert right.std() > 20 * wrong.std()
