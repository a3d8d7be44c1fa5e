"""The networks as data: their taps, their shapes, and that torchvision builds the same ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchvision

from cdedge_export.network.backbones import (
    BACKBONES,
    CDEDGE_DEEP,
    SQUEEZENET1_0,
    SQUEEZENET1_1,
    VGG19,
    VGGM,
    find_backbone,
    parse_layers,
)
from cdedge_export.network.layers import tap_sizes
from cdedge_export.network.torch_net import extract, preprocess
from cdedge_runtime.errors import Usage
from tests.export.random_nets import random_patches, random_weights

VGG_TAPS = ["11", "12", "21", "22", "31", "32", "33", "34", "41", "42", "43", "44", "51", "52", "53", "54"]
SQUEEZE_TAPS = ["conv1", *(f"fire{i}" for i in range(2, 10)), "conv10"]


def test_taps() -> None:
    assert list(VGG19.taps) == VGG_TAPS
    assert list(SQUEEZENET1_1.taps) == list(SQUEEZENET1_0.taps) == SQUEEZE_TAPS
    assert list(VGGM.taps) == ["conv1", "norm1", "conv2", "norm2", "conv3", "conv4", "conv5"]


def test_channels_of_squeezenet_are_the_3656_candidates() -> None:
    assert sum(SQUEEZENET1_0.channels(tap) for tap in SQUEEZE_TAPS) == 3656


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("11", ("11",)),
        ("11+12+21", ("11", "12", "21")),
        ("21 + 11", ("11", "21")),
        ("11+11", ("11",)),
        ("all", tuple(VGG_TAPS)),
    ],
)
def test_layers_come_in_network_order(text: str, names: tuple[str, ...]) -> None:
    assert parse_layers(text, VGG19) == names


def test_all_is_every_convolution() -> None:
    assert parse_layers("all", VGGM) == ("conv1", "conv2", "conv3", "conv4", "conv5")
    assert parse_layers("all", SQUEEZENET1_1) == tuple(SQUEEZE_TAPS)


@pytest.mark.parametrize("text", ["55", "", "11+", "11,12", "conv1"])
def test_an_unknown_layer_is_told_with_the_valid_ones(text: str) -> None:
    with pytest.raises(Usage, match=r"vgg19 has no layer .*11 12 21 .* 54.*'all'"):
        parse_layers(text, VGG19)


def test_an_unknown_backbone_is_told_with_the_known_ones() -> None:
    assert find_backbone("vgg19") is VGG19
    with pytest.raises(Usage, match=r"resnet.*vgg19, squeezenet1_1, squeezenet1_0, vggm"):
        find_backbone("resnet")


@pytest.mark.parametrize("name", ["vgg19", "squeezenet1_1", "squeezenet1_0"])
def test_parameters_are_torchvisions(name: str) -> None:
    with torch.device("meta"):
        module = torchvision.models.get_model(name, weights=None)
    ours = BACKBONES[name].parameters(BACKBONES[name].taps)
    theirs = {key: tuple(value.shape) for key, value in module.state_dict().items() if key in ours}
    assert theirs == ours
    untapped = {key for key in module.state_dict() if key.startswith("features")} - set(ours)
    assert not untapped


@pytest.mark.parametrize(
    ("name", "tap", "layers", "size"),
    [
        ("vgg19", "33", 16, (40, 56)),
        ("squeezenet1_1", "fire9", 13, (95, 111)),
        ("squeezenet1_0", "fire9", 13, (95, 111)),
    ],
)
def test_the_torch_reference_is_torchvisions_module(name: str, tap: str, layers: int, size: tuple[int, int]) -> None:
    backbone = BACKBONES[name]
    weights = random_weights(backbone, [tap], convention=1)
    with torch.device("meta"):
        module = torchvision.models.get_model(name, weights=None).features[:layers]
    state = {key.removeprefix("features."): torch.from_numpy(value) for key, value in weights.state.items()}
    module.load_state_dict(state, assign=True)
    patches = random_patches(size, count=2)
    with torch.no_grad():
        expected = module.eval()(preprocess(patches, weights.convention))
    own_size = tap_sizes(backbone, (tap,), size)[tap]
    assert tuple(expected.shape[2:]) == own_size
    found = torch.from_numpy(extract(backbone, weights, [tap], patches=patches, grid=own_size)[tap])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_sizes_of_vggm_are_those_eco_states() -> None:
    # ECO's 250 px window: a 281 px sample gives conv1 138 and conv5 17 (its relu5).
    sizes = tap_sizes(VGGM, ("norm1", "conv5"), (281, 281))
    assert sizes == {"norm1": (138, 138), "conv5": (17, 17)}


def test_our_deep_taps_lie_at_strides_8_and_16() -> None:
    sizes = tap_sizes(CDEDGE_DEEP, ("conv4", "conv8"), (256, 192))
    assert sizes == {"conv4": (32, 24), "conv8": (16, 12)}


def test_a_patch_that_is_too_small_names_the_layer() -> None:
    with pytest.raises(Usage, match=r"8x8 patch is too small for vgg19's layer pool4|layer 51"):
        tap_sizes(VGG19, ("51",), (8, 8))


def test_vggms_normalisation_is_alexnets_with_k_2() -> None:
    """Per channel x / (2 + 1e-4 * sum of squares over the 5 nearest channels)^0.75."""
    weights = random_weights(VGGM, ["norm1"])
    patches = random_patches((31, 31))
    maps = extract(VGGM, weights, ["conv1", "norm1"], patches=patches, grid=(13, 13))
    squares = np.pad(maps["conv1"][0].astype(np.float64) ** 2, ((2, 2), (0, 0), (0, 0)))
    sums = sum(squares[shift : shift + 96] for shift in range(5))
    assert sums.max() > 1e4
    np.testing.assert_allclose(maps["norm1"][0], maps["conv1"][0] / (2 + 1e-4 * sums) ** 0.75, rtol=1e-4)
