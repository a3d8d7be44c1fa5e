"""Writing the exported file: whole and checked, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cdedge_runtime.files import whole_file
from cdedge_runtime.modelfile import ModelSpec, seal, to_metadata

from .graph import build_model
from .network import Geometry, Network

T = TypeVar("T")


def write_model(spec: ModelSpec, network: Network, path: Path, *, check: Callable[[Path], T]) -> T:
    """Write ``network`` with the contract ``spec`` to ``path`` and return what ``check`` found.

    ``check`` gets the finished file under a temporary name in the same folder; where it raises, no new file
    is left and an older one at ``path`` stays. Raises `BadEnvironment` where ``path`` cannot be written.
    """
    geometry = Geometry(spec.input_px, spec.grid)
    data = seal(build_model(network, geometry, to_metadata(spec)).SerializeToString())
    with whole_file(path) as part:
        part.write_bytes(data)
        return check(part)
