"""The tracker object that vot-toolkit's ``python`` protocol creates in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import cv2

from cdedge.vot.entries import box_of_wire, open_tracker, setup_of
from cdedge_runtime.errors import CdedgeError
from cdedge_runtime.image import Frame
from cdedge_runtime.sources.images import read_image

Rectangle = tuple[float, float, float, float]
Answer = tuple[Rectangle, dict[str, float]]


class Tracker:
    """One target; the arguments are the ``arg_*`` lines of trackers.ini, all text.

    ``init`` and ``update`` answer ``(x, y, width, height), properties``; ``confidence`` is the score, 0..1.
    """

    def __init__(
        self,
        model: str | None = None,
        options: str | None = None,
        provider: str = "cpu",
        threads: str | None = None,
    ) -> None:
        with _errors_for_toolkit():
            setup = setup_of(model, options, provider, threads)
            self._tracker = open_tracker(setup)
        cv2.setNumThreads(setup.threads or 0)

    def init(self, frame: str | Mapping[str, str], new: tuple[object, Mapping[str, object]]) -> Answer:
        """Start on a frame's path with ``new``, a region and its properties."""
        with _errors_for_toolkit():
            box = self._tracker.init(_read(frame), box_of_wire(new[0])).box
        return (box.x, box.y, box.width, box.height), {}

    def update(self, frame: str | Mapping[str, str]) -> Answer:
        """Find the target in the next frame, given by its path."""
        with _errors_for_toolkit():
            found = self._tracker.update(_read(frame))
        box = found.box
        return (box.x, box.y, box.width, box.height), {"confidence": found.score}


def _read(frame: str | Mapping[str, str]) -> Frame:
    """Read a frame; a sequence with several channels gives a path per channel."""
    return read_image(Path(frame if isinstance(frame, str) else frame["color"]))


@contextmanager
def _errors_for_toolkit() -> Iterator[None]:
    """Raise what the toolkit's worker reports; any class that it does not catch ends it without a word."""
    try:
        yield
    except CdedgeError as error:
        raise RuntimeError(str(error)) from error
