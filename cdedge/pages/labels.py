"""Places for the names of points, beside or further off, so that they overlap neither each other nor a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_CHARACTER, _LINE = 6.4, 13.0  # size of 12 px text
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


class _Area(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Area) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def within(self, other: _Area) -> bool:
        across = self.left >= other.left and self.right <= other.right
        return across and self.top >= other.top and self.bottom <= other.bottom


def place_labels(
    spots: Sequence[tuple[float, float]], names: Sequence[str], frame: tuple[float, float, float, float]
) -> list[Label]:
    """One label per spot (x, y), inside ``frame`` (left, top, right, bottom) where there is room."""
    taken = [_Area(x - _MARK, y - _MARK, x + _MARK, y + _MARK) for x, y in spots]
    labels = []
    for spot, name in zip(spots, names, strict=True):
        choices = [(label, _area(label, name)) for label in _around(*spot)]
        free = (c for c in choices if c[1].within(_Area(*frame)) and not any(map(c[1].meets, taken)))
        label, area = next(free, choices[0])
        taken.append(area)
        labels.append(label)
    return labels


def _around(x: float, y: float) -> list[Label]:
    return [Label(x + way * _GAP, y + _BASE + shift, anchor) for shift in _SHIFTS for way, anchor in _SIDES]


def _area(label: Label, name: str) -> _Area:
    width = _CHARACTER * len(name)
    left = label.x - (width if label.anchor == "end" else 0.0)
    return _Area(left, label.y - _LINE + 3, left + width, label.y + 3)
