"""cdedge: distil, export, track and measure deep correlation-filter trackers.

``import cdedge`` is the desk's front door, ``import cdedge_runtime`` the device's. Nothing is loaded before its use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdedge_runtime.lazy import on_demand

if TYPE_CHECKING:
    __version__: str

_PLACES: dict[str, str] = {}  # each public name with the module that holds it

__all__ = ["__version__", *_PLACES]

if not TYPE_CHECKING:  # or every name would be one that mypy knows
    __getattr__, __dir__ = on_demand("cdedge", _PLACES)
