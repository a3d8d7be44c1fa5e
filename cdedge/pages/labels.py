"""Places for the names of points, so that they overlap neither each other nor a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_CHARACTER, _LINE = 6.4, 13.0  # size of 12 px text
_GAP = 8.0
_MARK = 6.0
_SIDES = ((1, "start"), (-1, "end"))
_SHIFTS = (4.0, -7.0, 15.0, -18.0, 26.0)


class Label(NamedTuple):
    """Where a text starts, ends or has its middle, by ``anchor``, on its base line."""

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
    sides = [Label(x + way * _GAP, y + shift, anchor) for shift in _SHIFTS for way, anchor in _SIDES]
    return [*sides, Label(x, y - 2 * _GAP, "middle"), Label(x, y + 3 * _GAP, "middle")]


def _area(label: Label, name: str) -> _Area:
    width = _CHARACTER * len(name)
    left = label.x - {"start": 0.0, "middle": width / 2, "end": width}[label.anchor]
    return _Area(left, label.y - _LINE + 3, left + width, label.y + 3)
