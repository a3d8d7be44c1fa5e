"""What an entry of trackers.ini starts, as values, as text, and opened; and VOT's regions as boxes.

Rectangles are taken as they are, polygons by ECO's rule (`Box.from_polygon`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cdedge.vot.distilling import DistillingTracker
from cdedge_export.options import ExportOptions
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput, Usage
from cdedge_runtime.estimate import ModelTracker
from cdedge_runtime.opening import open_tracker as open_file
from cdedge_runtime.record import decode, encode, from_json


def box_of_rectangle(values: Sequence[float]) -> Box:
    """Take ``x, y, width, height`` as they are."""
    return Box(*(float(v) for v in values))


def box_of_polygon(points: Sequence[Sequence[float]]) -> Box:
    """Convert four corners (x, y); raises `BadInput` for another number of corners."""
    if len(points) != 4:
        raise BadInput(f"a polygon of {len(points)} corners has no box here, 4 are expected: {_REMEDY}")
    return Box.from_polygon([float(v) for point in points for v in point])


def box_of_wire(region: object) -> Box:
    """Convert a region of the ``python`` protocol: a tuple (x, y, w, h), or a list of corners (x, y)."""
    if isinstance(region, tuple) and len(region) == 4:
        return box_of_rectangle(region)
    if isinstance(region, list):
        return box_of_polygon(region)
    raise BadInput(f"a region must be a rectangle or a polygon, got {type(region).__name__}: {_REMEDY}")


_REMEDY = "put 'convert = rectangle' into the tracker's entry of trackers.ini"


@dataclass(frozen=True)
class Setup:
    """What both entry points are told: a ``model`` file, or what to distil at the second frame."""

    model: str | None = None
    made: ExportOptions = field(default_factory=ExportOptions)
    provider: str = "cpu"
    threads: int | None = None

    def words(self) -> dict[str, str]:
        """Name and text of what is not the default, as trackers.ini and a command line carry them."""
        said = {"model": self.model, "options": json.dumps(self.made.given()) if self.made.given() else None}
        said |= {"provider": None if self.provider == "cpu" else self.provider}
        said |= {"threads": None if self.threads is None else str(self.threads)}
        return {name: text for name, text in said.items() if text is not None}


def setup_of(model: str | None, options: str | None, provider: str, threads: str | None) -> Setup:
    """The setup of an entry's words; raises `Usage` where they are none."""
    try:
        given = {} if options is None else from_json(options)
        made = decode(ExportOptions, {**encode(ExportOptions()), **given})
        return Setup(model, made, provider, None if threads is None else int(threads))
    except (TypeError, ValueError) as error:
        raise Usage(f"not the words of a tracker's entry: {error}") from error


def open_tracker(setup: Setup) -> ModelTracker | DistillingTracker:
    """Open the tracker of ``setup``; raises `Usage` unless it names either a model or something to distil."""
    distils = bool(setup.made.given())
    if (setup.model is not None) == distils:
        raise Usage("expected either a model file or a backbone to distil at the second frame, not both and not none")
    if setup.model is not None:
        return open_file(Path(setup.model), provider=setup.provider, threads=setup.threads)
    from cdedge_export import pipeline

    pipeline.check(setup.made)
    return DistillingTracker(setup.made, provider=setup.provider, threads=setup.threads)
