"""A backbone and the channels to keep -> a smaller network with new weights; what goes in is never changed.

exact
    The delivered features equal a slice of the full network's. Only the deepest kept layer loses filters, for
    every layer before it is needed whole by the next; the other taps are sliced after their activation.
chain
    Past a tap the trunk carries only that tap's kept channels, so each convolution shrinks in its inputs and,
    where it is a tap, in its outputs. Layers that are no taps keep all outputs; of a Fire module the
    expansions shrink, never the squeeze. Features past the first tap differ from the full network's; `parity`
    measures by how much.

A normalisation across channels (VGG-M's) needs its neighbours: the layer before it stays whole in both modes,
and the trunk is narrowed behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from cdedge_runtime.errors import Usage

from .backbones import Backbone, Conv, Fire, Layer, Lrn
from .layers import ConvStep, FireStep, Floats, Network, SelectStep, Step, TapStep
from .weights import Weights

Mode = Literal["exact", "chain"]
Index = npt.NDArray[np.intp]


def full_network(backbone: Backbone, weights: Weights, taps: Sequence[str]) -> Network:
    """Whole network up to the deepest of ``taps``, delivering all their channels."""
    return prune(backbone, weights, {tap: range(backbone.channels(tap)) for tap in taps}, mode="exact")


def prune(backbone: Backbone, weights: Weights, kept: Mapping[str, Sequence[int]], *, mode: Mode) -> Network:
    """Make the network that delivers the ``kept`` channels of each tap; a tap with none is dropped.

    Raises `Usage` when no channel is kept, or one that the layer does not have.
    """
    wanted = {tap: _channels(backbone, tap, kept[tap]) for tap in backbone.taps if len(kept.get(tap, ()))}
    if not wanted or not set(kept) <= set(backbone.taps):
        valid, got = " ".join(backbone.taps), " ".join(kept)
        raise Usage(f"keep at least one channel of {backbone.name}'s layers {valid}; none was, or of another: {got}")
    layers = backbone.up_to(wanted)
    steps: list[Step] = []
    live, narrowed = (
        np.arange(3),
        None,
    )  # original indices of the trunk's channels; those it still has to shrink to
    for layer, following in zip(layers, (*layers[1:], None), strict=True):
        take = wanted.get(layer.name)
        narrowed = take if take is not None and mode == "chain" else narrowed
        whole = isinstance(following, Lrn) or (mode == "exact" and following is not None)
        step, live = _shrunk(layer, weights.state, live, None if whole else take)
        steps.append(step)
        if take is not None:
            steps.append(TapStep(layer.name, _positions(take, live)))
        if narrowed is not None and following is not None and not whole:
            if len(narrowed) < len(live):
                steps.append(SelectStep(layer.name, _positions(narrowed, live)))
            live, narrowed = narrowed, None
    return Network(tuple(steps), weights.convention)


def subsampled(network: Network, factor: int) -> Network:
    """Compute the deepest layer at every ``factor``-th position only: its work falls with the factor's square.

    Right where the grid is coarser than the layer's map by at least ``factor``, so that pooling would average the
    positions in between away. Raises `Usage` where the deepest layer is no plain convolution.
    """
    if factor == 1:
        return network
    last = network.steps[-2]
    if not isinstance(last, ConvStep):
        raise Usage("subsample: the deepest layer is to be a plain convolution", field="subsample")
    return replace(network, steps=(*network.steps[:-2], replace(last, stride=last.stride * factor), network.steps[-1]))


def _channels(backbone: Backbone, tap: str, kept: Sequence[int]) -> Index:
    channels, total = np.unique(np.asarray(kept, dtype=np.intp)), backbone.channels(tap)
    if channels[0] < 0 or channels[-1] >= total:
        raise Usage(f"{backbone.name}'s layer {tap} has channels 0..{total - 1}, got {channels[0]}..{channels[-1]}")
    return channels


def _shrunk(layer: Layer, state: Mapping[str, Floats], live: Index, take: Index | None) -> tuple[Step, Index]:
    """Step of one layer on the ``live`` inputs, and its live outputs: ``take``, or all if None."""
    if isinstance(layer, Conv):
        take = np.arange(layer.outputs) if take is None else take
        return _conv(layer, state, live, take), take
    if isinstance(layer, Fire):
        take = np.arange(layer.outputs) if take is None else take
        return _fire(layer, state, live, take), take
    return layer, live


def _conv(layer: Conv, state: Mapping[str, Floats], inputs: Index, outputs: Index) -> ConvStep:
    weight, bias = state[f"{layer.key}.weight"], state[f"{layer.key}.bias"]
    return ConvStep(layer.name, weight[outputs][:, inputs], bias[outputs], layer.stride, layer.pad)


def _fire(layer: Fire, state: Mapping[str, Floats], inputs: Index, outputs: Index) -> FireStep:
    squeeze = Conv(f"{layer.name}_squeeze", f"{layer.key}.squeeze", layer.inputs, layer.squeeze, kernel=1, pad=0)
    one = Conv(f"{layer.name}_expand1", f"{layer.key}.expand1x1", layer.squeeze, layer.expand, kernel=1, pad=0)
    three = Conv(f"{layer.name}_expand3", f"{layer.key}.expand3x3", layer.squeeze, layer.expand)
    inside = np.arange(layer.squeeze)
    halves = (
        (one, outputs[outputs < layer.expand]),
        (three, outputs[outputs >= layer.expand] - layer.expand),
    )
    branches = tuple(_conv(half, state, inside, take) for half, take in halves if len(take))
    return FireStep(layer.name, _conv(squeeze, state, inputs, inside), branches)


def _positions(wanted: Index, live: Index) -> tuple[int, ...]:
    return tuple(int(i) for i in np.searchsorted(live, wanted))
