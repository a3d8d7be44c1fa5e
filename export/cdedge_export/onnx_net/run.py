"""A network's own features in onnxruntime, with its preprocessing done here: what an exported file is held to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cdedge_export.network.layers import Floats, Patches, Size
from cdedge_export.network.resample import resample_matrix
from cdedge_runtime.errors import BadModel
from cdedge_runtime.model.contract import InputConvention

from .read import Graph
from .settle import cut, session
from .taps import TapInfo


def features(
    graph: Graph, taps: Sequence[TapInfo], patches: Patches, convention: InputConvention, *, grid: Size | None
) -> dict[str, Floats]:
    """All channels of each tap for ``patches`` (N, H, W, 3) uint8 BGR: (N, C, Gh, Gw) float32 on ``grid``.

    Without a grid each tap has its own size. Raises `BadModel` where the network cannot be run on such patches.
    """
    ready = session(cut(graph, [tap.tensor for tap in taps], (patches.shape[1], patches.shape[2])))
    image = preprocessed(patches, convention)
    image = image if graph.planes else image.transpose(0, 2, 3, 1)
    runs = [ready.run([tap.tensor for tap in taps], {graph.input: one[None]}) for one in image]
    maps = {tap.name: np.concatenate(found) for tap, found in zip(taps, zip(*runs, strict=True), strict=True)}
    for name, found in maps.items():
        if not np.isfinite(found).all():
            raise BadModel(f"{graph.path}: {name} is not finite on these images: are its weights and convention right?")
    return maps if grid is None else {name: on_grid(found, grid) for name, found in maps.items()}


def preprocessed(patches: Patches, convention: InputConvention) -> Floats:
    """(N, 3, H, W) float32 in the convention's channel order: (channel * scale - mean) / std."""
    planes = patches.transpose(0, 3, 1, 2)
    planes = planes[:, ::-1] if convention.order == "RGB" else planes
    mean, std = (np.array(v, np.float32)[:, None, None] for v in (convention.mean, convention.std))
    return np.ascontiguousarray((planes.astype(np.float32) * np.float32(convention.scale) - mean) / std)


def on_grid(maps: Floats, grid: Size) -> Floats:
    """Maps (N, C, h, w) on a grid: area average down, bilinear up."""
    rows, columns = (resample_matrix(n, to) for n, to in zip(maps.shape[-2:], grid, strict=True))
    return np.asarray(rows @ maps @ columns.T, np.float32)
