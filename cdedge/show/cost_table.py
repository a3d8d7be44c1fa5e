"""What an export's layers cost before and after, as rows of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from cdedge.show.render import number, size
from cdedge_export.graph.build import layer_of_tap
from cdedge_export.graph.cost import Cost, LayerCost


def shown_costs(costs: Sequence[LayerCost]) -> list[LayerCost]:
    """The rows that say something: neither steps without weights and work, nor each layer that pruning left as it was.

    Those are one row together; the last row is all of them.
    """
    working = [row for row in costs if any(c is not None and c.weight_bytes + c.macs for c in (row.before, row.after))]
    same = [row for row in working if _is_same(row) and row.name not in _PARTS]
    if len(same) < _WORTH_A_ROW:
        same = []
    shown = [row for row in working if row not in same]
    if same:
        shown.append(_together(f"{len(same)} others, unchanged", same))
    return shown if len(shown) == 1 else [*shown, _together("all", costs)]


_WORTH_A_ROW = 5  # layers that stay as they are
_PARTS = ("deep network", "box head")  # whole networks, in a row each


def _is_same(row: LayerCost) -> bool:
    return (
        row.before is not None and row.after is not None and replace(row.before, ms=None) == replace(row.after, ms=None)
    )


def _together(name: str, rows: Sequence[LayerCost]) -> LayerCost:
    befores, afters = [r.before for r in rows if r.before], [r.after for r in rows if r.after]
    return LayerCost(name, _sum(befores), _sum(afters))


def _sum(costs: Sequence[Cost]) -> Cost:
    """Channels do not add up: None are said."""
    times = [cost.ms for cost in costs if cost.ms is not None]
    return Cost(0, sum(c.weight_bytes for c in costs), sum(c.macs for c in costs), sum(times) if times else None)


def cost_row(cost: LayerCost) -> tuple[str, ...]:
    """Before and after, for a table: channels, bytes of weights, multiply-accumulates, ms."""
    pair = (cost.before, cost.after)
    return (
        re.sub(f"^{layer_of_tap('(.+)')}$", r"\1, to the grid", cost.name),
        " -> ".join("-" if c is None else str(c.channels) for c in pair if c is None or c.channels),
        " -> ".join("-" if c is None else size(c.weight_bytes) for c in pair),
        " -> ".join("-" if c is None else number(c.macs) for c in pair),
        " -> ".join("-" if c is None or c.ms is None else f"{c.ms:.2f}" for c in pair),
    )
