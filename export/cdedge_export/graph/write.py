"""Writing the exported file: whole and checked, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import onnx

from cdedge_export.network.layers import Floats, Geometry, Network
from cdedge_runtime.files import whole_file
from cdedge_runtime.model.contract import CROPS, ModelSpec
from cdedge_runtime.model.metadata import seal, to_metadata

from .build import build_empty, build_model

T = TypeVar("T")
Convert = Callable[[onnx.ModelProto], onnx.ModelProto]


def write_model(
    spec: ModelSpec,
    network: Network,
    path: Path,
    *,
    check: Callable[[Path], T],
    head: Mapping[str, Floats] | None = None,
    convert: Convert = lambda model: model,
) -> T:
    """Write ``network`` with the contract ``spec`` to ``path`` and return what ``check`` found.

    With a ``head``, weights to be trained on the device, the network takes many crops at once. ``convert`` gets the
    graph with its contract before it is sealed.

    ``check`` gets the finished file under a temporary name in the same folder; where it raises, no new file
    is left and an older one at ``path`` stays. Raises `BadEnvironment` where ``path`` cannot be written.
    """
    geometry = Geometry(spec.input_px, spec.grid)
    metadata = to_metadata(spec)
    if head is None:
        return write_graph(convert(build_model(network, geometry, metadata)), path, check)
    return write_graph(convert(build_model(network, geometry, metadata, batch=CROPS, constants=head)), path, check)


def write_without_network(spec: ModelSpec, path: Path, *, check: Callable[[Path], T]) -> T:
    """As `write_model`, for a tracker whose features need no network."""
    return write_graph(build_empty(spec.input_px, to_metadata(spec)), path, check)


def write_graph(model: onnx.ModelProto, path: Path, check: Callable[[Path], T]) -> T:
    """As `write_model`, of a graph that has its contract."""
    data = seal(model.SerializeToString())
    with whole_file(path) as part:
        part.write_bytes(data)
        return check(part)
