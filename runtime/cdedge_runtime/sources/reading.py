"""How a source is read: which part of it, with what range, and what is done about a stream that is lost."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from cdedge_runtime.errors import BadValue

from .alike import Range


def _silent(_: str) -> None:
    pass


def _need(field: str, value: object, right: bool, wanted: str) -> None:
    if not right:
        raise BadValue(f"{field}: expected {wanted}, got {value!r:.60}", field=field)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_range(value: Range | None) -> bool:
    if value is None:
        return True
    numbers = isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value))
    return numbers and -math.inf < value[0] < value[1] < math.inf


@dataclass(frozen=True)
class Reading:
    """How a source is read.

    start, every: of a recording, the first frame (from 0), and every so-many-th from there on.
    depth_range: of pictures deeper than 8 bit, the values of black and white; None: the range that the first one uses.
    reconnect_s: how long to try to get a live source (back); 0: not at all. timeout_s: silence that is a loss.
    tell: is told of a live source's losses and returns, and of a video much shorter than its header says.
    """

    start: int = 0
    every: int = 1
    depth_range: Range | None = None
    reconnect_s: float = 0.0
    timeout_s: float = 10.0
    tell: Callable[[str], None] = _silent

    def __post_init__(self) -> None:
        _need("start", self.start, isinstance(self.start, int) and self.start >= 0, "a whole number of 0 or more")
        _need("every", self.every, isinstance(self.every, int) and self.every >= 1, "a whole number of 1 or more")
        _need("reconnect_s", self.reconnect_s, _is_number(self.reconnect_s) and self.reconnect_s >= 0, "seconds")
        _need("timeout_s", self.timeout_s, _is_number(self.timeout_s) and 0 < self.timeout_s <= 3600, "up to 3600 s")
        _need("tell", self.tell, callable(self.tell), "a function of a text")
        _need("depth_range", self.depth_range, _is_range(self.depth_range), "two numbers, that of black below white's")

    def of(self, count: int | None) -> int | None:
        """How many of ``count`` frames are read."""
        return None if count is None else len(range(self.start, count, self.every))


AS_IT_IS = Reading()
