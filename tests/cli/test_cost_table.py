"""The layer table of an export says what changed, once."""

from __future__ import annotations

from dataclasses import replace

from cdedge.show.cost_table import cost_row, shown_costs
from cdedge_export.graph.build import layer_of_tap
from cdedge_export.graph.cost import Cost, LayerCost

NOTHING = LayerCost("tap", Cost(64, 0, 0, 0.0), Cost(16, 0, 0, 0.0))
PRUNED = LayerCost("11", Cost(64, 7168, 2_000_000, 0.5), Cost(16, 1792, 500_000, 0.25))
GONE = LayerCost("12", Cost(64, 2000, 1000, 0.1), None)


def same(name: str) -> LayerCost:
    return LayerCost(name, Cost(8, 100, 1000, 1.0), Cost(8, 100, 1000, 1.5))


def test_what_has_neither_weights_nor_work_is_no_row() -> None:
    assert shown_costs([NOTHING, PRUNED]) == [PRUNED]
    assert cost_row(PRUNED) == ("11", "64 -> 16", "7.17 kB -> 1.79 kB", "2 M -> 500 k", "0.50 -> 0.25")


def test_the_way_from_a_layer_to_the_grid_is_called_so() -> None:
    assert cost_row(replace(PRUNED, name=layer_of_tap("11")))[0] == "11, to the grid"
    assert cost_row(replace(PRUNED, name="a tap_11"))[0] == "a tap_11"


def test_all_rows_are_added_up_where_there_are_several() -> None:
    assert [row.name for row in shown_costs([PRUNED, GONE])] == ["11", "12", "all"]
    assert cost_row(shown_costs([PRUNED, GONE])[-1]) == (
        "all",
        "",
        "9.17 kB -> 1.79 kB",
        "2 M -> 500 k",
        "0.60 -> 0.25",
    )


def test_layers_that_stay_are_one_row_but_whole_networks_have_their_own() -> None:
    rows = shown_costs([PRUNED, *map(same, "abcde"), same("deep network"), same("box head")])
    assert [row.name for row in rows] == ["11", "deep network", "box head", "5 others, unchanged", "all"]
    assert cost_row(rows[3]) == ("5 others, unchanged", "", "500 B -> 500 B", "5 k -> 5 k", "5.00 -> 7.50")
    assert [row.name for row in shown_costs([PRUNED, same("a")])] == ["11", "a", "all"]


def test_what_was_not_timed_has_no_time() -> None:
    cost = Cost(4, 10, 10)
    assert cost_row(shown_costs([LayerCost("x", cost, cost), PRUNED])[0])[-1] == "- -> -"
