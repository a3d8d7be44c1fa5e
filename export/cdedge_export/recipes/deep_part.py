"""A deep part for an exported file: any network's taps, on a coarse grid of their own, with a filter of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import onnx

from cdedge_export.graph.compare import Parity, compared
from cdedge_export.graph.deep import joined
from cdedge_export.graph.liveness import activation_bytes
from cdedge_export.network.conventions import parse_convention
from cdedge_export.network.layers import Geometry, Patches, Size
from cdedge_export.onnx_net.bake import baked
from cdedge_export.onnx_net.costs import layer_costs
from cdedge_export.onnx_net.prune import whole_part
from cdedge_export.onnx_net.read import Graph, open_graph
from cdedge_export.onnx_net.run import features
from cdedge_export.onnx_net.taps import TapInfo, find_taps, taps
from cdedge_runtime.errors import BadModel
from cdedge_runtime.files import whole_file
from cdedge_runtime.model.contract import DeepPart, ModelSpec, Tap, seal, to_metadata
from cdedge_runtime.model.session import Extractor, read_spec
from cdedge_runtime.trackers.deepcd.settings import DeepSettings


@dataclass(frozen=True)
class DeepOptions:
    """Which network is the deep part, and how it looks.

    network: an ``.onnx`` file. layers: its taps, as ``cdedge layers`` names them; None is the last.
    convention: of its input. input_px: side of the window that it is given.
    """

    network: Path
    layers: str | None = None
    convention: str = "bgr"
    input_px: int = 256
    settings: DeepSettings = field(default_factory=DeepSettings)


def add_deep_part(file: Path, out: Path, options: DeepOptions, patches: Patches) -> Parity:
    """Write ``file``, one of deepcd's, with a deep part to ``out`` and compare that with its network on ``patches``.

    ``patches`` (N, H, W, 3) uint8 BGR, of the deep part's input size. Raises `BadModel` or `Usage`, or
    `BadEnvironment` where ``out`` cannot be written; then no new file is left.
    """
    spec = read_spec(file)
    if spec.deep is not None or spec.tracker != "deepcd":
        raise BadModel(f"{file}: a deep part goes to a file of deepcd without one; this one is for {spec.tracker}")
    graph, size = open_graph(options.network), (options.input_px, options.input_px)
    known = taps(graph, size)
    chosen = (known[-1],) if options.layers is None else find_taps(options.layers, known, graph)
    part = _part(graph, chosen, size, options)
    deep = baked(whole_part(graph, chosen, input_px=size), part.convention, Geometry(size, part.grid), metadata={})
    spec = _with_costs(replace(spec, deep=part), deep)
    data = seal(joined(onnx.load(file), deep, to_metadata(spec)).SerializeToString())
    with whole_file(out) as written:
        written.write_bytes(data)
        found = _delivered(Extractor(written, threads=1), patches, chosen)
        expected = features(graph, chosen, patches, part.convention, grid=part.grid)
        return compared(found, expected, precision="fp32", reference=graph.name)


def _part(graph: Graph, chosen: Sequence[TapInfo], size: Size, options: DeepOptions) -> DeepPart:
    """The contract of all channels of the taps, on the grid of the coarsest."""
    grid = min(tap.size for tap in chosen)
    return DeepPart(
        backbone=graph.name,
        taps=tuple(Tap(tap.name, tuple(range(tap.channels)), tap.channels) for tap in chosen),
        input_px=size,
        grid=grid,
        convention=parse_convention(options.convention),
        settings=options.settings,
        weights=graph.info,
    )


def _with_costs(spec: ModelSpec, deep: onnx.ModelProto) -> ModelSpec:
    """Both networks' costs; they run one after the other, so the larger one's activations count."""
    costs = layer_costs(deep, [tap.name for tap in spec.deep.taps] if spec.deep else []).values()
    return replace(
        spec,
        macs=spec.macs + sum(cost.macs for cost in costs),
        weight_bytes=spec.weight_bytes + sum(cost.weight_bytes for cost in costs),
        activation_bytes=max(spec.activation_bytes, activation_bytes(deep)),
    )


def _delivered(file: Extractor, patches: Patches, chosen: Sequence[TapInfo]) -> dict[str, np.ndarray]:
    maps = np.stack([file.deep(patch).copy() for patch in patches])
    ends = np.cumsum([tap.channels for tap in chosen])
    return dict(zip((tap.name for tap in chosen), np.split(maps, ends[:-1], axis=1), strict=True))
