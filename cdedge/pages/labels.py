"""Places for the names of points, beside or further off, so that they overlap neither each other nor a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_CHARACTER, _LINE = 6.8, 13.0  # size of 12 px text
_GAP = 8.0
_MARK = 6.0
_SIDES = ((1, "start"), (-1, "end"))
_SHIFTS = (0, -12, 12, -24, 24, -36, 36, -48, 48, -64, 64, -80, 80, -96, 96, -112, 112, -128, 128)
_BASE = 4.0  # the base line lies below the middle of the text


class Label(NamedTuple):
    """Where a text starts or, by ``anchor``, ends, on its base line."""

    x: float
    y: float
    anchor: str


class Area(NamedTuple):
    """A rectangle that something covers."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Area) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def within(self, other: Area) -> bool:
        across = self.left >= other.left and self.right <= other.right
        return across and self.top >= other.top and self.bottom <= other.bottom


def place_labels(wanted: Sequence[tuple[str, Sequence[Label]]], frame: Area, taken: Sequence[Area]) -> list[Label]:
    """For each name the first of its possible places that is inside ``frame`` and meets nothing ``taken`` before.

    The first possible place where there is none.
    """
    covered, labels = list(taken), []
    for name, places in wanted:
        choices = [(label, _area(label, name)) for label in places]
        free = (c for c in choices if c[1].within(frame) and not any(map(c[1].meets, covered)))
        label, area = next(free, choices[0])
        covered.append(area)
        labels.append(label)
    return labels


def mark_area(x: float, y: float) -> Area:
    """What a point's mark covers."""
    return Area(x - _MARK, y - _MARK, x + _MARK, y + _MARK)


def beside(x: float, y: float) -> list[Label]:
    """Places for the name of a point, the nearest first."""
    return [Label(x + way * _GAP, y + _BASE + shift, anchor) for shift in _SHIFTS for way, anchor in _SIDES]


def _area(label: Label, name: str) -> Area:
    width = _CHARACTER * len(name)
    left = label.x - (width if label.anchor == "end" else 0.0)
    return Area(left, label.y - _LINE + 3, left + width, label.y + 3)
