"""What a network costs, per layer: channels, weight bytes, multiply-accumulates, ms; and its peak memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cdedge_export.network.backbones import Lrn, Pool
from cdedge_export.network.layers import (
    ConvStep,
    FireStep,
    Geometry,
    Network,
    Patches,
    SelectStep,
    Size,
    TapStep,
    conv_size,
    pool_size,
)
from cdedge_runtime.model.contract import OUTPUT_NAME, Precision

from .build import build_model, layer_of_tap
from .liveness import activation_bytes
from .timing import RUNS, layer_times_ms


@dataclass(frozen=True)
class Cost:
    """Of one layer: channels delivered, bytes of weights, multiply-accumulates, ms (None: not measured)."""

    channels: int
    weight_bytes: int
    macs: int
    ms: float | None = None


@dataclass(frozen=True)
class LayerCost:
    """A layer before and after pruning; None where pruning removed it. A tap's row is its way to the grid."""

    name: str
    before: Cost | None
    after: Cost | None


@dataclass(frozen=True)
class Footprint:
    """Of a whole network; ``activation_bytes`` as `liveness` counts them."""

    macs: int
    weight_bytes: int
    activation_bytes: int


def cost_table(
    before: Network, after: Network, geometry: Geometry, *, patches: Patches, runs: int = RUNS
) -> tuple[LayerCost, ...]:
    """Compare two networks layer by layer; times are medians of ``runs`` onnxruntime runs on one thread.

    ``patches`` (N, H, W, 3) uint8 BGR is what they are timed on. Times are of this machine.
    """
    first, second = (_timed(network, geometry, patches, runs) for network in (before, after))
    return side_by_side(first, second)


def side_by_side(before: Mapping[str, Cost], after: Mapping[str, Cost]) -> tuple[LayerCost, ...]:
    """Layers by name, in the order in which they come."""
    return tuple(LayerCost(name, before.get(name), after.get(name)) for name in dict.fromkeys([*before, *after]))


def footprint(network: Network, geometry: Geometry) -> Footprint:
    """MACs, weight bytes and peak activation bytes of ``network``, computed from shapes."""
    costs = layer_costs(network, geometry).values()
    model = build_model(network, geometry, {})
    return Footprint(sum(c.macs for c in costs), sum(c.weight_bytes for c in costs), activation_bytes(model))


def layer_costs(network: Network, geometry: Geometry) -> dict[str, Cost]:
    """Cost of every layer by name, from shapes. Additions, comparisons and normalisations count no MACs."""
    size, channels = geometry.input_px, 3
    costs = {"input": Cost(3, 0, 0)}
    for step in network.steps:
        if isinstance(step, TapStep):
            costs[layer_of_tap(step.name)] = _way_to_grid(step, size, geometry.grid)
        elif isinstance(step, SelectStep):
            channels = len(step.channels)
            costs[step.name] = replace(costs[step.name], channels=channels)
        elif isinstance(step, Pool | Lrn):
            size = pool_size(size, step) if isinstance(step, Pool) else size
            costs[step.name] = Cost(channels, 0, 0)
        else:
            size = conv_size(size, step) if isinstance(step, ConvStep) else size
            costs[step.name] = _convolutions(step, size)
            channels = costs[step.name].channels
    delivered = sum(step.delivered for step in network.steps if isinstance(step, TapStep))
    return {**costs, OUTPUT_NAME: Cost(delivered, 0, 0)}


def _timed(network: Network, geometry: Geometry, patches: Patches, runs: int) -> dict[str, Cost]:
    times: Mapping[str, float] = layer_times_ms(build_model(network, geometry, {}), patches, runs=runs)
    costs = layer_costs(network, geometry)
    return {name: replace(cost, ms=times.get(name, 0.0)) for name, cost in costs.items()}


def _convolutions(step: ConvStep | FireStep, size: Size) -> Cost:
    parts = (step,) if isinstance(step, ConvStep) else (step.squeeze, *step.branches)
    outputs = len(step.bias) if isinstance(step, ConvStep) else sum(len(b.bias) for b in step.branches)
    weight_bytes = sum(part.weight.nbytes + part.bias.nbytes for part in parts)
    return Cost(outputs, weight_bytes, sum(part.weight.size for part in parts) * size[0] * size[1])


def _way_to_grid(step: TapStep, size: Size, grid: Size) -> Cost:
    macs = _resampling_macs(len(step.channels), size, grid)
    if step.projection is None:
        return Cost(step.delivered, 0, macs)
    matrix = step.projection.matrix
    return Cost(step.delivered, matrix.nbytes, macs + matrix.size * grid[0] * grid[1])


def _resampling_macs(channels: int, size: Size, grid: Size) -> int:
    """Of the two matrix products; a whole-number average only adds."""
    if size[0] % grid[0] == 0 and size[1] % grid[1] == 0:
        return 0
    return channels * grid[1] * size[0] * (size[1] + grid[0])


def bytes_of(weights: Sequence[int], others: int, precision: Precision) -> int:
    """Bytes of convolutions' numbers of weights, in their order, and of so many other values.

    int8 keeps the others in float32, and the weights of the first of several convolutions.
    """
    if precision != "int8":
        return (sum(weights) + others) * {"fp32": 4, "fp16": 2}[precision]
    first = weights[0] if len(weights) > 1 else 0
    return sum(weights) - first + 4 * (first + others)
