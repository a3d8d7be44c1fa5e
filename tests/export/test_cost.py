"""Costs against hand-computed numbers."""

from __future__ import annotations

import pytest

from cdedge_export.graph import timing
from cdedge_export.graph.build import build_model
from cdedge_export.graph.cost import activation_bytes, cost_table, footprint, layer_costs
from cdedge_export.network.backbones import SQUEEZENET1_1, VGG19, VGGM
from cdedge_export.network.layers import Geometry
from cdedge_export.network.prune import full_network, prune
from tests.export.random_nets import random_patches, random_weights

AT_224 = Geometry((224, 224), (56, 56))


def test_conv1_1_at_224_is_the_papers_7_kb() -> None:
    cost = layer_costs(full_network(VGG19, random_weights(VGG19, ["11"]), ["11"]), AT_224)["11"]
    assert (cost.channels, cost.weight_bytes, cost.macs) == (64, 7_168, 86_704_128)


def test_the_three_front_layers_weigh_450_304_bytes() -> None:
    taps = ("11", "12", "21")
    needs = footprint(full_network(VGG19, random_weights(VGG19, taps), taps), AT_224)
    assert needs.weight_bytes == 450_304
    assert needs.macs == 224 * 224 * 9 * (3 * 64 + 64 * 64) + 112 * 112 * 9 * 64 * 128


def test_pruning_shrinks_what_it_says() -> None:
    taps, weights = ("11", "12", "21"), random_weights(VGG19, ["21"])
    kept = {"11": range(28), "12": range(28), "21": range(44)}
    exact = layer_costs(prune(VGG19, weights, kept, mode="exact"), AT_224)
    chain = layer_costs(prune(VGG19, weights, kept, mode="chain"), AT_224)
    assert [exact[tap].weight_bytes for tap in taps] == [7_168, 147_712, (64 * 9 + 1) * 44 * 4]
    assert sum(chain[tap].weight_bytes for tap in taps) == 4 * (28 * 28 + 28 * (28 * 9 + 1) + 44 * (28 * 9 + 1))
    assert exact["tap_12"].channels == 28
    assert exact["features"].channels == chain["features"].channels == 100


def test_resampling_that_is_no_whole_number_costs_two_products() -> None:
    geometry = Geometry((31, 31), (6, 8))  # conv1 is 15 x 15
    cost = layer_costs(full_network(SQUEEZENET1_1, random_weights(SQUEEZENET1_1, ["conv1"]), ["conv1"]), geometry)
    assert cost["tap_conv1"].macs == 64 * (15 * 15 * 8 + 6 * 15 * 8)


def test_a_fire_module_counts_its_three_convolutions() -> None:
    geometry = Geometry((31, 31), (7, 7))  # fire2 is 7 x 7
    cost = layer_costs(full_network(SQUEEZENET1_1, random_weights(SQUEEZENET1_1, ["fire2"]), ["fire2"]), geometry)[
        "fire2"
    ]
    assert cost.channels == 128
    assert cost.macs == 49 * (64 * 16 + 16 * 64 + 16 * 64 * 9)
    assert cost.weight_bytes == 4 * (64 * 16 + 16 + 16 * 64 + 64 + 16 * 64 * 9 + 64)


def test_peak_activations_of_one_layer_are_its_input_and_output() -> None:
    network = full_network(VGG19, random_weights(VGG19, ["11"]), ["11"])
    pixels, maps = 3 * 224 * 224 * 4, 64 * 224 * 224 * 4
    assert activation_bytes(build_model(network, AT_224, {})) == maps + max(pixels, 64 * 56 * 56 * 4)


def test_a_tap_is_streamed_so_its_map_does_not_wait_for_the_deeper_ones() -> None:
    taps = ("11", "12", "21")
    network = full_network(VGG19, random_weights(VGG19, ["21"]), taps)
    maps, kept = 64 * 224 * 224 * 4, 64 * 56 * 56 * 4
    assert footprint(network, AT_224).activation_bytes == 2 * maps + kept


@pytest.mark.parametrize("mode", ["exact", "chain"])
def test_the_table_has_every_layer_before_and_after(mode: str) -> None:
    taps, weights = ("norm1", "conv2"), random_weights(VGGM, ["conv2"])
    after = prune(VGGM, weights, {"norm1": [1, 2, 3], "conv2": []}, mode=mode)  # type: ignore[arg-type]
    table = cost_table(
        full_network(VGGM, weights, taps),
        after,
        Geometry((63, 63), (14, 14)),
        patches=random_patches((63, 63)),
        runs=2,
    )
    rows = {row.name: row for row in table}
    assert list(rows) == ["input", "conv1", "norm1", "tap_norm1", "pool1", "conv2", "tap_conv2", "features"]
    assert rows["conv2"].after is None
    assert rows["tap_conv2"].after is None
    conv1 = rows["conv1"]
    assert conv1.before is not None
    assert conv1.before.ms is not None
    assert conv1.before.ms > 0


def test_a_slow_network_is_timed_in_fewer_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_model(full_network(VGG19, random_weights(VGG19, ["11"]), ["11"]), Geometry((32, 32), (16, 16)), {})
    patches, counted = random_patches((32, 32)), []
    real = timing._by_run
    monkeypatch.setattr(timing, "_by_run", lambda events, runs: (counted.append(runs), real(events, runs))[1])
    all_runs = timing.layer_times_ms(model, patches, runs=7)
    monkeypatch.setattr(timing, "_MOST_S", 0.0)
    fewer = timing.layer_times_ms(model, patches, runs=7)
    assert counted == [2 + 7, 2 + 3]
    assert set(fewer) == set(all_runs)
    assert fewer["11"] > 0
