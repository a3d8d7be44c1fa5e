"""Pruning and the graph: features equal the full network's slice (exact) or PyTorch's chain (chain)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from cdedge_export.network.backbones import SQUEEZENET1_0, SQUEEZENET1_1, VGG19, VGGM, Backbone
from cdedge_export.network.layers import ConvStep, FireStep, Geometry, SelectStep, TapStep
from cdedge_export.network.prune import full_network, prune, subsampled
from cdedge_export.network.torch_net import extract, run
from cdedge_runtime.errors import Usage
from tests.export.random_nets import features, random_kept, random_patches, random_weights, session_of

CASES = [
    (VGG19, ("11",), (32, 32), (8, 8), 0),
    (VGG19, ("11", "12", "21"), (32, 48), (8, 12), 1),
    (VGG19, ("11", "31"), (40, 36), (11, 13), 0),
    (SQUEEZENET1_1, ("conv1", "fire2", "fire4"), (63, 79), (15, 15), 1),
    (SQUEEZENET1_1, ("fire3",), (47, 47), (11, 11), 0),
    (SQUEEZENET1_0, ("conv1", "fire3", "fire5"), (63, 63), (15, 15), 0),
    (VGGM, ("norm1", "conv3"), (95, 95), (22, 22), 0),
    (VGGM, ("conv1", "norm1", "norm2"), (79, 79), (18, 18), 1),
    (VGGM, ("conv1", "conv2"), (79, 79), (18, 18), 0),
]
IDS = ["-".join([case[0].name, *case[1]]) for case in CASES]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("backbone", "taps", "size", "grid", "convention"), CASES, ids=IDS)
def test_exact_is_a_slice_of_the_full_network(
    backbone: Backbone,
    taps: tuple[str, ...],
    size: tuple[int, int],
    grid: tuple[int, int],
    convention: int,
    seed: int,
) -> None:
    weights = random_weights(backbone, taps, convention=convention, seed=seed)
    kept, patches = random_kept(backbone, taps, seed), random_patches(size, seed=seed)
    full = extract(backbone, weights, taps, patches=patches, grid=grid)
    expected = np.concatenate([full[tap][0, list(kept[tap])] for tap in taps])
    found = features(prune(backbone, weights, kept, mode="exact"), Geometry(size, grid), patches[0])
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("backbone", "taps", "size", "grid", "convention"), CASES, ids=IDS)
def test_chain_is_the_chain_in_torch(
    backbone: Backbone,
    taps: tuple[str, ...],
    size: tuple[int, int],
    grid: tuple[int, int],
    convention: int,
    seed: int,
) -> None:
    weights = random_weights(backbone, taps, convention=convention, seed=seed)
    kept, patches = random_kept(backbone, taps, seed), random_patches(size, seed=seed)
    network = prune(backbone, weights, kept, mode="chain")
    expected = np.concatenate([maps[0] for maps in run(network, patches, grid=grid).values()])
    found = features(network, Geometry(size, grid), patches[0])
    assert len(found) == sum(len(channels) for channels in kept.values())
    np.testing.assert_allclose(found, expected, atol=1e-4 * max(np.abs(expected).max(), 1e-3))


@pytest.mark.parametrize(("backbone", "taps", "size", "grid", "convention"), CASES, ids=IDS)
def test_chain_is_the_full_network_with_the_dropped_channels_silenced(
    backbone: Backbone, taps: tuple[str, ...], size: tuple[int, int], grid: tuple[int, int], convention: int
) -> None:
    """An independent statement of chain: later layers see nothing of the channels a tap does not keep."""
    weights = random_weights(backbone, taps, convention=convention)
    kept, patches = random_kept(backbone, taps, 7), random_patches(size)
    silenced = {key: value.copy() for key, value in weights.state.items()}
    passed: str | None = None
    for layer in backbone.up_to(taps):
        if passed is not None and hasattr(layer, "inputs"):
            dropped = np.setdiff1d(np.arange(layer.inputs), kept[passed])
            key = f"{layer.key}.squeeze.weight" if hasattr(layer, "squeeze") else f"{layer.key}.weight"
            silenced[key][:, dropped] = 0
            passed = None
        passed = layer.name if layer.name in taps else passed
    muted = type(weights)(silenced, weights.convention, "test", weights.info)
    full = extract(backbone, muted, taps, patches=patches, grid=grid)
    chain = run(prune(backbone, weights, kept, mode="chain"), patches, grid=grid)
    for tap in taps:
        expected = full[tap][:, list(kept[tap])]
        np.testing.assert_allclose(chain[tap], expected, atol=1e-4 * max(np.abs(expected).max(), 1e-3))


@pytest.mark.parametrize("mode", ["exact", "chain"])
def test_nothing_that_goes_in_is_changed(mode: str) -> None:
    taps = ("conv1", "fire3")
    weights = random_weights(SQUEEZENET1_1, taps, convention=1)
    before = {key: value.tobytes() for key, value in weights.state.items()}
    kept = random_kept(SQUEEZENET1_1, taps, 1)
    network = prune(SQUEEZENET1_1, weights, kept, mode=mode)  # type: ignore[arg-type]
    features(network, Geometry((47, 47), (11, 11)), random_patches((47, 47))[0])
    assert {key: value.tobytes() for key, value in weights.state.items()} == before


def test_exact_removes_filters_of_the_deepest_tap_only() -> None:
    weights = random_weights(VGG19, ["21"])
    network = prune(VGG19, weights, {"11": [0, 5], "21": [3, 4, 9]}, mode="exact")
    shapes = {step.name: step.weight.shape for step in network.steps if isinstance(step, ConvStep)}
    assert shapes == {"11": (64, 3, 3, 3), "12": (64, 64, 3, 3), "21": (3, 64, 3, 3)}


def test_chain_removes_inputs_and_outputs() -> None:
    weights = random_weights(VGG19, ["21"])
    network = prune(VGG19, weights, {"11": [0, 5], "12": [1], "21": [3, 4, 9]}, mode="chain")
    shapes = {step.name: step.weight.shape for step in network.steps if isinstance(step, ConvStep)}
    assert shapes == {"11": (2, 3, 3, 3), "12": (1, 2, 3, 3), "21": (3, 1, 3, 3)}
    assert not any(isinstance(step, SelectStep) for step in network.steps)


def test_an_expansion_without_kept_channels_is_dropped() -> None:
    weights = random_weights(SQUEEZENET1_1, ["fire2"])
    network = prune(SQUEEZENET1_1, weights, {"fire2": [70, 80]}, mode="exact")
    fire = next(step for step in network.steps if isinstance(step, FireStep))
    assert [branch.weight.shape for branch in fire.branches] == [(2, 16, 3, 3)]


def test_a_tap_without_channels_is_dropped_and_the_network_ends_before_it() -> None:
    weights = random_weights(VGG19, ["21"])
    network = prune(VGG19, weights, {"11": [2, 1], "12": [], "21": []}, mode="exact")
    assert network.steps[-1] == TapStep("11", (0, 1))
    assert len(network.steps) == 2


@pytest.mark.parametrize("kept", [{}, {"11": []}, {"11": [64]}, {"11": [-1]}, {"11": [0], "99": [1]}])
def test_channels_that_do_not_exist_are_refused(kept: dict[str, list[int]]) -> None:
    with pytest.raises(Usage, match="vgg19"):
        prune(VGG19, random_weights(VGG19, ["11"]), kept, mode="exact")


@pytest.mark.parametrize("kept", [range(64), range(0, 64, 2), range(29)])
@pytest.mark.parametrize("mode", ["exact", "chain"])
def test_a_tap_leaves_its_full_size_map_before_the_next_layer_runs(mode: str, kept: range, tmp_path: Path) -> None:
    """What `activation_bytes` promises holds only if onnxruntime runs the nodes in that order."""
    weights = random_weights(VGG19, ["21"])
    network = prune(VGG19, weights, dict.fromkeys(("11", "12", "21"), kept), mode=mode)  # type: ignore[arg-type]
    options = ort.SessionOptions()
    options.enable_profiling, options.profile_file_prefix = True, str(tmp_path / "profile")
    session = session_of(network, Geometry((32, 32), (8, 8)), options)
    session.run(None, {"patch": random_patches((32, 32))})
    events = json.loads(Path(session.end_profiling()).read_text())
    names = [e["name"].split("/")[0] for e in events if e.get("cat") == "Node" and "/" in e["name"]]
    order = list(dict.fromkeys(names))
    assert order == ["input", "11", "tap_11", "12", "tap_12", "pool1", "21", "tap_21"]


def test_the_full_network_delivers_every_channel() -> None:
    weights = random_weights(VGGM, ["conv2"])
    steps = full_network(VGGM, weights, ("norm1", "conv2")).steps
    assert [len(s.channels) for s in steps if isinstance(s, TapStep)] == [96, 256]


def test_a_subsampled_network_computes_every_second_position() -> None:
    weights, patches = random_weights(VGG19, ("11", "12")), random_patches((16, 16), 1)
    network = full_network(VGG19, weights, ("11", "12"))
    whole = run(network, patches, grid=(16, 16))
    thin = run(subsampled(network, 2), patches, grid=(8, 8))
    scale = np.abs(whole["12"]).max()
    np.testing.assert_allclose(thin["12"], whole["12"][:, :, ::2, ::2], atol=1e-5 * scale)
    pooled = whole["11"].reshape(*whole["11"].shape[:2], 8, 2, 8, 2).mean((3, 5))
    np.testing.assert_allclose(thin["11"], pooled, atol=1e-5 * np.abs(pooled).max())


def test_a_fire_module_cannot_be_subsampled() -> None:
    network = full_network(SQUEEZENET1_1, random_weights(SQUEEZENET1_1, ("fire2",)), ("fire2",))
    with pytest.raises(Usage, match="plain convolution"):
        subsampled(network, 2)
