"""cdedge: distil, export, track and measure deep correlation-filter trackers.

``import cdedge`` is the desk's front door, ``import cdedge_runtime`` the device's. Nothing is loaded before its use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdedge_runtime.lazy import on_demand

if TYPE_CHECKING:
    from cdedge_export.options import ExportOptions as ExportOptions

    from .front import bench as bench
    from .front import evaluate as evaluate
    from .front import export as export

    __version__: str

_PLACES = {  # each public name with the module that holds it
    "export": "cdedge.front",
    "evaluate": "cdedge.front",
    "bench": "cdedge.front",
    "ExportOptions": "cdedge_export.options",
}

__all__ = ["__version__", *_PLACES]

if not TYPE_CHECKING:  # or every name would be one that mypy knows
    __getattr__, __dir__ = on_demand("cdedge", _PLACES)
