"""The browsers that look on: what each was shown, and how large a picture each can take."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from cdedge_runtime.image import Frame

from .view import View

_GONE_S = 10.0  # a browser that has not asked for so long has gone
_SLOW_S, _QUICK_S = 0.12, 0.05  # from a picture sent to the next one asked for
_FASTEST_S = 1 / 30  # between two pictures for one browser
_PATIENCE, _MOST_PATIENCE = 25, 800  # quick pictures in a row before a larger one is tried


@dataclass(frozen=True)
class Level:
    """A picture's longer side at most, in pixels, and its JPEG quality."""

    side_px: int
    quality: int


LEVELS = (
    Level(240, 45),
    Level(320, 55),
    Level(480, 65),
    Level(640, 75),
    Level(960, 80),
    Level(1280, 82),
    Level(1920, 85),
)


@dataclass(frozen=True)
class Fit:
    """How large a picture one browser takes: a level at once lower when it is slow, higher after a quick stretch.

    Each step down doubles the stretch, or a browser between two levels would swing for ever.
    """

    level: int = 3
    calm: int = 0
    patience: int = _PATIENCE

    def after(self, pace_s: float) -> Fit:
        """Return the fit after a picture that took so long, sent, shown and the next one asked for."""
        if pace_s > _SLOW_S:
            return Fit(max(self.level - 1, 0), 0, min(2 * self.patience, _MOST_PATIENCE))
        if pace_s > _QUICK_S:
            return replace(self, calm=0)
        if self.calm + 1 < self.patience:
            return replace(self, calm=self.calm + 1)
        return Fit(min(self.level + 1, len(LEVELS) - 1), 0, self.patience)

    def level_for(self, width_px: int) -> Level:
        """Return the level, no larger than what the browser shows."""
        enough = next((i for i, level in enumerate(LEVELS) if level.side_px >= width_px), len(LEVELS) - 1)
        return LEVELS[min(self.level, enough)]


@dataclass
class Viewer:
    """One browser. ``shown``: the last views it was sent, one of which it shows; ``holds``: a box is being drawn."""

    seen_s: float
    fit: Fit = field(default_factory=Fit)
    shown: deque[View] = field(default_factory=lambda: deque(maxlen=2))
    holds: bool = False
    sent_s: float | None = None

    def asks(self, now_s: float) -> float:
        """Judge the pace of the picture sent last; returns how long the next one must wait.

        A browser that was away is not judged.
        """
        pace_s, self.sent_s = _GONE_S if self.sent_s is None else now_s - self.sent_s, None
        if pace_s < _GONE_S:
            self.fit = self.fit.after(pace_s)
        return max(_FASTEST_S - pace_s, 0.0)


class Viewers:
    """All browsers, by the name each has given itself; used from many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._viewers: dict[str, Viewer] = {}

    def meet(self, name: str) -> Viewer:
        """Return the viewer of this name, who is here now."""
        with self._lock:
            viewer = self._viewers.setdefault(name, Viewer(self._clock()))
            viewer.seen_s = self._clock()
            return viewer

    def leave(self, name: str) -> None:
        """Forget a viewer whose connection broke."""
        with self._lock:
            self._viewers.pop(name, None)

    def count(self) -> int:
        """How many look on."""
        return len(self._here())

    def holding(self) -> bool:
        """Whether anyone is drawing a box."""
        return any(viewer.holds for viewer in self._here())

    def _here(self) -> list[Viewer]:
        with self._lock:
            oldest = self._clock() - _GONE_S
            self._viewers = {name: v for name, v in self._viewers.items() if v.seen_s > oldest}
            return list(self._viewers.values())


class Pictures:
    """The newest frame as JPEG, encoded once per level, one at a time: the processors are the tracker's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frame: Frame | None = None
        self._made: dict[Level, bytes] = {}

    def jpeg(self, frame: Frame, level: Level) -> bytes:
        """The frame as JPEG, shrunk to the level's side."""
        with self._lock:
            if frame is not self._frame:
                self._frame, self._made = frame, {}
            if level not in self._made:
                self._made[level] = encoded(frame, level)
            return self._made[level]


def encoded(frame: Frame, level: Level) -> bytes:
    """The frame (H, W, 3) uint8 BGR as JPEG of a level, never enlarged."""
    shrink = level.side_px / max(frame.shape[:2])
    if shrink < 1:
        size = (max(round(frame.shape[1] * shrink), 1), max(round(frame.shape[0] * shrink), 1))
        frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
    return cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, level.quality])[1].tobytes()
