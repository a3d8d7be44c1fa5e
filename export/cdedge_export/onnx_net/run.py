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
    image = preprocessed(np.concatenate([patches, ~patches[:1]]), convention)
    image = image if graph.planes else image.transpose(0, 2, 3, 1)
    runs = [ready.run([tap.tensor for tap in taps], {graph.input: one[None]}) for one in image]
    maps = {tap.name: np.concatenate(found) for tap, found in zip(taps, zip(*runs, strict=True), strict=True)}
    for name, found in maps.items():
        check_telling(found[:-1], found[-1], f"{graph.path}: {name}")
    maps = {name: found[:-1] for name, found in maps.items()}
    return maps if grid is None else {name: on_grid(found, grid) for name, found in maps.items()}


def check_telling(maps: Floats, other: Floats, name: str) -> None:
    """Raise `BadModel` for maps (N, ...) that are no numbers, or of which the first is as that of an ``other`` image.

    So are those of a network whose weights are no numbers, or nothing but zeros in a layer.
    """
    fault = None if np.isfinite(maps).all() else "not finite on these images"
    if fault is None and np.array_equal(maps[0], other):
        fault = "the same on every image"
    if fault is not None:
        raise BadModel(f"{name} is {fault}: are its weights trained, and its convention right?")


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
