"""Packages whose public names are imported when they are first used (PEP 562), and the version they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def on_demand(package: str, places: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of ``package``: each name of ``places`` with the module that holds it.

    ``__version__`` is that of the installed distribution, for every package of it.
    """

    def getattr_(name: str) -> Any:
        if name == "__version__":
            return version()
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        return getattr(import_module(places[name]), name)

    return getattr_, lambda: ["__version__", *places]


def version() -> str:
    """The version of the installed distribution; ``unknown`` where only the files were copied."""
    from importlib import metadata  # takes longer to import than the rest of this package

    try:
        return metadata.version("cdedge")
    except metadata.PackageNotFoundError:
        return "unknown"
