"""The part of a network that the kept channels of its taps need; what they get equals a slice of the whole one's.

Backwards from the taps, each node says which channels of its inputs it needs for those wanted of its output
(`channels`). Forwards, each node is written for these, and a Gather picks where a neighbour delivers more. So what fed
nothing but dropped channels is gone; a convolution that reads every channel ends the way back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper

from cdedge_export.graph.cost import bytes_of
from cdedge_export.network.layers import Size
from cdedge_runtime.errors import Usage
from cdedge_runtime.model.contract import Precision

from .channels import Mask, Share, share, whole
from .lower import lowered
from .read import Graph
from .settle import Array, Settled, cut, settled
from .taps import TapInfo


@dataclass(frozen=True)
class TapMap:
    """A tap's tensor in a `Part`: its channels, the positions of the kept among them, and its (height, width)."""

    tensor: str
    channels: int
    positions: tuple[int, ...]
    size: Size


@dataclass(frozen=True, eq=False)
class Part:
    """A network's nodes and constants from its image (float32, as its convention has it) to the taps' maps.

    planes: whether the image is (1, 3, H, W), else (1, H, W, 3).
    ends: nodes that could not do with fewer channels although fewer were wanted.
    """

    image: str
    planes: bool
    nodes: tuple[onnx.NodeProto, ...]
    constants: Mapping[str, Array]
    taps: Mapping[str, TapMap]
    ends: tuple[str, ...]
    opset: int


def pruned_part(graph: Graph, taps: Sequence[TapInfo], kept: Mapping[str, Sequence[int]], *, input_px: Size) -> Part:
    """Cut the network to what delivers the ``kept`` channels of ``taps`` for images of (height, width).

    ``kept`` goes by the taps' names; one with none is left out. Raises
    `Usage` where no channel is kept, or one that a tap does not have.
    """
    used = [tap for tap in taps if len(kept.get(tap.name, ()))]
    if not used:
        raise Usage(f"keep at least one channel of {graph.name}'s {' '.join(tap.name for tap in taps)}")
    masks = {tap.tensor: _mask(tap, kept[tap.name], graph) for tap in used}
    source = lowered(settled(cut(graph, [tap.tensor for tap in used], input_px)))
    work = _Pruning(source)
    work.want(masks)
    work.write()
    maps = {tap.name: work.tapped(tap, masks[tap.tensor]) for tap in used}
    read = {name for node in work.nodes for name in node.input}
    constants = {name: value for name, value in work.constants.items() if name in read}
    ends, nodes = tuple(work.ends), tuple(work.nodes)
    return Part(graph.input, graph.planes, nodes, constants, maps, ends, source.opset)


def whole_part(graph: Graph, taps: Sequence[TapInfo], *, input_px: Size) -> Part:
    """As `pruned_part`, of all channels."""
    return pruned_part(graph, taps, {tap.name: range(tap.channels) for tap in taps}, input_px=input_px)


def stored_bytes(part: Part, precision: Precision) -> int:
    """Bytes of a part's float constants, as `bytes_of` counts them."""
    floats = {name: value.size for name, value in part.constants.items() if np.issubdtype(value.dtype, np.floating)}
    kernels = dict.fromkeys(node.input[1] for node in part.nodes if node.op_type == "Conv")
    weights = [floats[name] for name in kernels if name in floats]
    return bytes_of(weights, sum(floats.values()) - sum(weights), precision)


def _mask(tap: TapInfo, kept: Sequence[int], graph: Graph) -> Mask:
    lowest, highest = min(kept), max(kept)
    if lowest < 0 or highest >= tap.channels:
        raise Usage(f"{graph.name}'s {tap.name} has channels 0..{tap.channels - 1}, got {lowest}..{highest}")
    mask = np.zeros(tap.channels, bool)
    mask[list(kept)] = True
    return mask


@dataclass
class _Pruning:
    """The way back, then the way forth. Masks are of a tensor's original channels."""

    source: Settled
    wanted: dict[str, Mask] = field(default_factory=dict)
    shares: dict[int, Share | None] = field(default_factory=dict)
    delivered: dict[str, Mask] = field(default_factory=dict)
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    ends: list[str] = field(default_factory=list)
    picked: dict[tuple[str, bytes], str] = field(default_factory=dict)

    def want(self, taps: Mapping[str, Mask]) -> None:
        """Go back from the taps and note what every node has to do."""
        self.wanted = dict(taps)
        live = set(taps)
        for at in reversed(range(len(self.source.nodes))):
            node = self.source.nodes[at]
            if not live & set(node.output):
                continue
            found = self.shares[at] = self._share(node)
            needs = found.needs if found else [whole(self.source, name) for name in node.input]
            for name, need in zip(node.input, needs, strict=False):
                if need is None:
                    live.add(name)
                elif need.any():
                    live.add(name)
                    self.wanted[name] = self.wanted.get(name, False) | need

    def _share(self, node: onnx.NodeProto) -> Share | None:
        wanted = self.wanted.get(node.output[0])
        found = share(node, wanted, self.source) if wanted is not None and not any(node.output[1:]) else None
        if found is None and wanted is not None and not wanted.all():
            self.ends.append(f"{node.op_type} {node.name}".strip())
        return found

    def write(self) -> None:
        """Go forth and write each node for the channels noted."""
        for at, node in enumerate(self.source.nodes):
            if at not in self.shares:
                continue
            found = self.shares[at]
            for name in node.output:
                mask = whole(self.source, name) if found is None else found.granted
                if mask is not None:
                    self.delivered[name] = mask
            self.nodes.append(self._whole(node) if found is None else self._shared(node, found))

    def _whole(self, node: onnx.NodeProto) -> onnx.NodeProto:
        names = [self._given(name, whole(self.source, name)) for name in node.input]
        return self._made(node, names, {})

    def _shared(self, node: onnx.NodeProto, found: Share) -> onnx.NodeProto:
        names = []
        for at, name in enumerate(node.input):
            need = found.needs[at] if at < len(found.needs) else None
            if at in found.constants:
                names.append(self._constant(f"{node.output[0]}/{at}", found.constants[at]))
            elif need is None or need.any():  # a Concat leaves out what nothing is needed of
                names.append(self._given(name, need))
        return self._made(node, names, found.attributes)

    def _made(self, node: onnx.NodeProto, inputs: list[str], attributes: Mapping[str, int]) -> onnx.NodeProto:
        made = onnx.NodeProto()
        made.CopyFrom(node)
        made.ClearField("doc_string")  # PyTorch's exporter keeps the whole call stack there
        del made.input[:], made.output[:]
        made.input.extend(inputs)
        made.output.extend(node.output)
        kept = [a for a in node.attribute if a.name not in attributes]
        del made.attribute[:]
        made.attribute.extend([*kept, *(helper.make_attribute(name, value) for name, value in attributes.items())])
        return made

    def _given(self, name: str, need: Mask | None) -> str:
        """Name of a tensor with the needed channels only; a constant is taken as it is."""
        if name in self.source.constants:
            return self._constant(name, self.source.constants[name])
        have = self.delivered.get(name)
        if not name or need is None or have is None or np.array_equal(need, have):
            return name
        key = name, need.tobytes()
        if key not in self.picked:
            index = self._constant(f"{name}/picked{len(self.picked)}", np.flatnonzero(need[have]))
            self.picked[key] = f"{index}/maps"
            self.nodes.append(helper.make_node("Gather", [name, index], [self.picked[key]], self.picked[key], axis=1))
        return self.picked[key]

    def _constant(self, name: str, value: Array) -> str:
        self.constants[name] = value
        return name

    def tapped(self, tap: TapInfo, kept: Mask) -> TapMap:
        """Where a tap's kept channels are."""
        have = self.delivered[tap.tensor]
        positions = tuple(int(at) for at in np.flatnonzero(kept[have]))
        return TapMap(tap.tensor, int(have.sum()), positions, tap.size)
