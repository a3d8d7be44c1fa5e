"""The trackers by name: each folder of `trackers` is one, and its ``KIND`` says all that the rest asks of it."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from . import trackers
from .errors import BadModel, Usage

if TYPE_CHECKING:
    from .estimate import Features, ModelTracker
    from .model.contract import ModelSpec

S = TypeVar("S")
Sides = tuple[float, float]


@dataclass(frozen=True)
class FilterMemory:
    """Bytes of a tracker's own arrays, counted from shapes: features, filter, its samples, work space."""

    features_bytes: int
    filter_bytes: int
    samples_bytes: int
    buffers_bytes: int


@dataclass(frozen=True)
class Kind:
    """One tracker.

    settings: its frozen record, which a model file carries. profiles: records that a user can name.
    opened: makes the tracker of an open model file.
    window_px: (height, width) in frame pixels of the first search window, for a target of (width, height) in a frame of
    that shape.
    memory: counts its arrays; None where nobody has fitted a prediction to it.
    crops: whether its graph takes any number of crops, not one patch.
    """

    name: str
    settings: type[Any]
    opened: Callable[[Features], ModelTracker]
    window_px: Callable[[ModelSpec, tuple[float, float], tuple[int, ...]], Sides]
    profiles: Mapping[str, Any] = field(default_factory=dict)
    memory: Callable[[ModelSpec], FilterMemory] | None = None
    crops: bool = False


def names() -> tuple[str, ...]:
    """Names of all trackers: the folders of `trackers`."""
    return tuple(found.name for found in pkgutil.iter_modules(trackers.__path__) if found.ispkg)


def find_kind(name: object) -> Kind:
    """The tracker of that name; raises `Usage` where there is none."""
    if name not in names():
        raise Usage(f"unknown tracker {name!r}, expected one of {', '.join(names())}", field="tracker")
    found = import_module(f"{trackers.__name__}.{name}").KIND
    if not isinstance(found, Kind):
        raise TypeError(f"trackers/{name}: KIND is to be a Kind, it is {found!r}")
    return found


def settings_of(spec: ModelSpec, record: type[S]) -> S:
    """The file's settings as the record that a tracker needs; raises `BadModel` for another tracker's file."""
    if not isinstance(spec.settings, record):
        raise BadModel(f"the model is for the tracker {spec.tracker}: open it with open_tracker()")
    return spec.settings
