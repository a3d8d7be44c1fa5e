"""Layers refitted to the full network: what is known exactly, and what has to shrink."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="fitting needs PyTorch: pip install -e '.[export]'")

from cdedge_export.network.backbones import SQUEEZENET1_1, VGG19, VGGM, Backbone
from cdedge_export.network.layers import ConvStep, Network
from cdedge_export.network.prune import full_network, prune
from cdedge_export.network.reconstruct import reconstructed
from cdedge_export.network.torch_net import run
from tests.export.random_nets import random_kept, random_patches, random_weights

CASES = [
    (VGG19, ("11", "12", "21"), (24, 24)),
    (VGG19, ("11", "22"), (24, 24)),
    (SQUEEZENET1_1, ("conv1", "fire2", "fire3"), (47, 47)),
    (VGGM, ("conv1", "norm1", "conv2"), (79, 79)),
]


def fitted(backbone: Backbone, taps: tuple[str, ...], kept: dict[str, tuple[int, ...]], size: tuple[int, int]):  # type: ignore[no-untyped-def]
    weights = random_weights(backbone, taps)
    full, chain = full_network(backbone, weights, taps), prune(backbone, weights, kept, mode="chain")
    return full, chain, reconstructed(chain, full, kept, patches=random_patches(size, 4))


def errors(network: Network, full: Network, kept: dict[str, tuple[int, ...]], size: tuple[int, int]) -> list[float]:
    """Relative squared error per tap on patches that nothing was fitted to."""
    patches = random_patches(size, 2, seed=9)
    wanted, found = (run(net, patches, grid=(5, 5)) for net in (full, network))
    sliced = {tap: wanted[tap][:, list(kept[tap])] for tap in found}
    return [float(np.sum((found[tap] - sliced[tap]) ** 2) / np.sum(sliced[tap] ** 2)) for tap in found]


@pytest.mark.parametrize(("backbone", "taps", "size"), CASES, ids=[case[0].name + case[1][-1] for case in CASES])
def test_features_come_nearer_to_the_full_network_and_shapes_stay(
    backbone: Backbone, taps: tuple[str, ...], size: tuple[int, int]
) -> None:
    kept = {tap: tuple(range(0, backbone.channels(tap), 2)) for tap in taps}
    full, chain, better = fitted(backbone, taps, kept, size)
    before, after = errors(chain, full, kept, size), errors(better, full, kept, size)
    assert after[0] == before[0]
    assert all(b < 0.8 * a for a, b in zip(before[1:], after[1:], strict=True) if a > 1e-9)
    shapes = [[s.weight.shape for s in net.steps if isinstance(s, ConvStep)] for net in (chain, better)]
    assert shapes[0] == shapes[1]


def test_nothing_lost_nothing_changed() -> None:
    kept = {tap: tuple(range(VGG19.channels(tap))) for tap in ("11", "12")}
    _, chain, same = fitted(VGG19, ("11", "12"), kept, (16, 16))
    for a, b in zip(chain.steps, same.steps, strict=True):
        assert a is b


def test_a_dropped_channel_that_is_a_copy_is_made_up_for() -> None:
    """Channel 1 equals channel 0: what layer 12 took from it, it can take from 0, so that nothing is lost."""
    taps, rng = ("11", "12"), np.random.default_rng(3)
    weights = random_weights(VGG19, taps)
    first, second = weights.state["features.0.weight"], weights.state["features.2.weight"]
    first[1], weights.state["features.0.bias"][1] = first[0], weights.state["features.0.bias"][0]
    second[:, 2:] = 0
    second[:, :2] = rng.standard_normal((64, 2, 3, 3))
    kept = {"11": (0,), "12": random_kept(VGG19, taps, 1)["12"]}
    full, chain = full_network(VGG19, weights, taps), prune(VGG19, weights, kept, mode="chain")
    better = reconstructed(chain, full, kept, patches=random_patches((24, 24), 4))
    assert errors(chain, full, kept, (24, 24))[1] > 0.1
    assert errors(better, full, kept, (24, 24))[1] < 1e-3
    found = next(s for s in better.steps if isinstance(s, ConvStep) and s.name == "12")
    np.testing.assert_allclose(found.weight[:, 0], second[list(kept["12"]), :2].sum(1), rtol=0.1, atol=0.1)
