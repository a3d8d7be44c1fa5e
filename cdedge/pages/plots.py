"""Line and scatter plots as inline SVG: axes, how each tracker is drawn, and names of points that do not overlap.

Colours come from the page's style, so that they follow its theme.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

_LOG_FROM_RATIO = 8
_ROOM = 0.14  # of an axis, for the number of a tick
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Axis:
    """A labelled axis from its first to its last tick."""

    label: str
    ticks: tuple[float, ...]
    is_log: bool = False

    def place(self, value: float) -> float:
        """Where ``value`` lies, 0 at the first and 1 at the last tick."""
        scale = math.log if self.is_log else float
        low, high = scale(self.ticks[0]), scale(self.ticks[-1])
        return (scale(value) - low) / (high - low)


def axis_around(label: str, values: Sequence[float], *, from_zero: bool = False) -> Axis:
    """Linear axis with about five round ticks around ``values``."""
    low, high = (0.0 if from_zero else min(values)), max(values)
    rough = (high - low or abs(high) or 1.0) / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(s * power for s in _STEPS if s * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Axis(label, tuple(round(n * step, 10) for n in range(first, max(last, first + 1) + 1)))


def positive_axis(label: str, values: Sequence[float]) -> Axis:
    """Axis for quantities above 0: logarithmic where they span much, else linear from 0."""
    low, high = min(values), max(values)
    if high < low * _LOG_FROM_RATIO:
        return axis_around(label, values, from_zero=True)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**power for power in decades for step in (1, 2, 5)]
    inside = [t for t in ticks if t >= low * 0.999 and t <= high * 1.001]
    below = [t for t in ticks if t < low * 0.999][-1:]
    above = [t for t in ticks if t > high * 1.001][:1]
    kept = below + inside + above
    return Axis(label, tuple(kept if len(kept) <= 8 else _thinned(kept)), is_log=True)


def tick_text(value: float) -> str:
    """Write a tick's number without trailing zeros."""
    return f"{value:,.10g}"


def _thinned(ticks: list[float]) -> list[float]:
    """Only decades between the ends, and none whose number would run into an end's."""
    low, high = math.log10(ticks[0]), math.log10(ticks[-1])
    apart = _ROOM * (high - low)
    middle = [t for t in ticks[1:-1] if math.isclose(math.log10(t), round(math.log10(t)))]
    return [ticks[0], *(t for t in middle if low + apart < math.log10(t) < high - apart), ticks[-1]]


_COLOURS = 8  # --c0 .. --c7 in page.css
_DASHES = ("", "7 3", "2 3", "9 3 2 3")
_MARKERS = (
    '<circle r="4.5"/>',
    '<rect x="-4" y="-4" width="8" height="8"/>',
    '<path d="M0-5.5 5.5 0 0 5.5-5.5 0z"/>',
    '<path d="M0-5 5 4H-5z"/>',
)


@dataclass(frozen=True)
class Ink:
    """A class of page.css that sets the colour, an SVG dash pattern, and an SVG mark around (0, 0)."""

    css: str
    dash: str
    marker: str


def ink(index: int) -> Ink:
    """Return the ink of the tracker at ``index``; the first 32 all differ."""
    style = (index + index // _COLOURS) % len(_DASHES)
    return Ink(f"ink-{index % _COLOURS}", _DASHES[style], _MARKERS[style])


def swatch(style: Ink) -> str:
    """Draw a short piece of a tracker's line, for a legend or a table."""
    line = f'<line x1="1" y1="6" x2="27" y2="6" stroke-dasharray="{style.dash}"/>'
    return f'<svg class="swatch {style.css}" viewBox="0 0 28 12" aria-hidden="true">{line}</svg>'


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


_WIDTH, _HEIGHT = 440, 320
_POINTS = 400  # of a line
_ROW = 19  # of a legend
_FAR = 14  # a name further off than this gets a line to its point
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 422, 10, 272


@dataclass(frozen=True)
class Line:
    """One curve."""

    ink: Ink
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Point:
    """One named point with a vertical interval."""

    name: str
    ink: Ink
    x: float
    y: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Guide:
    """A dotted line across the plot at a value of one axis; only scatter plots write its name."""

    axis: Literal["x", "y"]
    value: float
    name: str = ""


def line_plot(
    title: str,
    x: Axis,
    y: Axis,
    lines: Sequence[Line],
    *,
    guides: Sequence[Guide] = (),
    spans: Sequence[tuple[float, float]] = (),
) -> str:
    """Curves, the first on top, over ``guides`` and over shaded ``spans`` of x."""
    body = "".join(_span(x, *span) for span in spans) + "".join(_guide(guide, x, y) for guide in guides)
    body += "".join(_curve(line, x, y) for line in reversed(lines))
    return _svg(title, x, y, body)


def bar_plot(title: str, x: Axis, y: Axis, edges: Sequence[float], heights: Sequence[float], *, ink: Ink) -> str:
    """Bars between neighbouring ``edges``, one fewer than these."""
    body = "".join(_bar(x, y, a, b, height) for a, b, height in zip(edges, edges[1:], heights, strict=False) if height)
    return _svg(title, x, y, f'<g class="bars {ink.css}">{body}</g>')


def scatter_plot(
    title: str,
    x: Axis,
    y: Axis,
    points: Sequence[Point],
    *,
    guides: Sequence[Guide] = (),
    legend: Sequence[tuple[str, Ink]] = (),
) -> str:
    """Points with their intervals over ``guides``, each with its name, if it has one, beside it; ``legend`` below."""
    spots = [(_across(x, p.x), _up(y, p.y)) for p in points]
    named = [(point, spot) for point, spot in zip(points, spots, strict=True) if point.name]
    wanted = [(guide.name, _guide_places(guide, x, y)) for guide in guides]
    wanted += [(point.name, beside(*spot)) for point, spot in named]
    taken = [*(mark_area(*spot) for spot in spots), *(_guide_area(guide, x, y) for guide in guides)]
    labels = place_labels(wanted, Area(_LEFT, _TOP, _WIDTH, _BOTTOM), taken)
    body = "".join(
        _guide(guide, x, y) + _text("bound", at, guide.name) for guide, at in zip(guides, labels, strict=False)
    )
    body += "".join(_whisker(p, _across(x, p.x), y) for p in points)
    body += "".join(_mark(p.ink, spot) for p, spot in zip(points, spots, strict=True))
    body += "".join(_name(p, spot, label) for (p, spot), label in zip(named, labels[len(guides) :], strict=True))
    return _svg(title, x, y, body, legend)


def captioned(title: str, plot: str, note: str) -> str:
    """A figure of a plot under its title; without a note where that is empty."""
    small = f'<p class="small">{escape(note)}</p>' if note else ""
    return f"<figure><figcaption>{escape(title)}</figcaption>{plot}{small}</figure>"


def grouped(values: Sequence[float], *, first: int) -> tuple[list[float], list[NDArray[np.float64]]]:
    """A series in at most 400 groups of neighbours, and the middle of each; ``first`` is the first one's number."""
    width = -(-len(values) // _POINTS)
    parts = np.array_split(np.asarray(values, np.float64), -(-len(values) // width))
    return [first + index * width + (width - 1) / 2 for index in range(len(parts))], parts


def frame_axis(frames: int) -> Axis:
    """An axis of frame numbers."""
    return Axis("Frame", axis_around("", [0, max(frames, 4)], from_zero=True).ticks)


def _svg(title: str, x: Axis, y: Axis, body: str, legend: Sequence[tuple[str, Ink]] = ()) -> str:
    height = _HEIGHT + _ROW * len(legend)
    return (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{_grid(x, y)}{body}{_names(x, y)}{_legend(legend)}</svg>"
    )


def _legend(entries: Sequence[tuple[str, Ink]]) -> str:
    parts = []
    for row, (name, ink) in enumerate(entries):
        at = _HEIGHT + _ROW * (row + 0.5)
        parts.append(_mark(ink, (_LEFT + 6, at)))
        parts.append(f'<text class="name" x="{_LEFT + 18}" y="{at + 4:.1f}">{escape(name)}</text>')
    return "".join(parts)


def _grid(x: Axis, y: Axis) -> str:
    parts = []
    for tick in y.ticks:
        at = _up(y, tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 7}" y="{at + 4:.1f}" text-anchor="end">{tick_text(tick)}</text>')
    for tick in x.ticks:
        at = _across(x, tick)
        parts.append(f'<line class="axis" x1="{at:.1f}" x2="{at:.1f}" y1="{_BOTTOM}" y2="{_BOTTOM + 4}"/>')
        parts.append(f'<text x="{at:.1f}" y="{_BOTTOM + 18}" text-anchor="middle">{tick_text(tick)}</text>')
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_RIGHT}" y1="{_BOTTOM}" y2="{_BOTTOM}"/>')
    return "".join(parts)


def _names(x: Axis, y: Axis) -> str:
    middle, height = (_LEFT + _RIGHT) / 2, (_TOP + _BOTTOM) / 2
    return (
        f'<text class="name" x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(x.label)}</text>'
        f'<text class="name" transform="translate(12 {height}) rotate(-90)" text-anchor="middle">'
        f"{escape(y.label)}</text>"
    )


def _curve(line: Line, x: Axis, y: Axis) -> str:
    points = " ".join(f"{_across(x, at):.1f},{_up(y, value):.1f}" for at, value in zip(line.x, line.y, strict=True))
    return f'<polyline class="{line.ink.css}" stroke-dasharray="{line.ink.dash}" points="{points}"/>'


def _bar(x: Axis, y: Axis, start: float, end: float, height: float) -> str:
    left, right, top = _across(x, start), _across(x, end), _up(y, height)
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{_BOTTOM - top:.1f}"/>'


def _guide(guide: Guide, x: Axis, y: Axis) -> str:
    area = _guide_area(guide, x, y)
    return (
        f'<line class="guide" x1="{area.left:.1f}" x2="{area.right:.1f}" y1="{area.top:.1f}" y2="{area.bottom:.1f}"/>'
    )


def _guide_area(guide: Guide, x: Axis, y: Axis) -> Area:
    if guide.axis == "x":
        at = _across(x, guide.value)
        return Area(at, _TOP, at, _BOTTOM)
    at = _up(y, guide.value)
    return Area(_LEFT, at, _RIGHT, at)


def _guide_places(guide: Guide, x: Axis, y: Axis) -> list[Label]:
    """For the line's name: beside its ends."""
    left, top, right, bottom = _guide_area(guide, x, y)
    if guide.axis == "y":
        ends = ((right, "end"), (left + 4, "start"))
        return [Label(end, top + shift, anchor) for end, anchor in ends for shift in (-4, 13)]
    sides = ((5, "start"), (-5, "end"))
    return [Label(left + shift, end, anchor) for end in (top + 10, bottom - 6) for shift, anchor in sides]


def _span(x: Axis, start: float, end: float) -> str:
    left, right = _across(x, start), _across(x, end)
    return f'<rect class="span" x="{left:.1f}" y="{_TOP}" width="{right - left:.1f}" height="{_BOTTOM - _TOP}"/>'


def _whisker(point: Point, at: float, y: Axis) -> str:
    low, high = (_up(y, value) for value in point.interval)
    return f'<line class="whisker {point.ink.css}" x1="{at:.1f}" x2="{at:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'


def _mark(ink: Ink, spot: tuple[float, float]) -> str:
    move = f"translate({spot[0]:.1f} {spot[1]:.1f})"
    return f'<g class="mark {ink.css}" transform="{move}">{ink.marker}</g>'


def _name(point: Point, spot: tuple[float, float], label: Label) -> str:
    leader = ""
    if abs(label.y - spot[1]) > _FAR:
        leader = (
            f'<line class="leader" x1="{spot[0]:.1f}" y1="{spot[1]:.1f}" x2="{label.x:.1f}" y2="{label.y - 4:.1f}"/>'
        )
    return leader + _text("label", label, point.name)


def _text(css: str, at: Label, text: str) -> str:
    place = f'x="{at.x:.1f}" y="{at.y:.1f}" text-anchor="{at.anchor}"'
    return f'<text class="{css}" {place}>{escape(text)}</text>'


def _across(axis: Axis, value: float) -> float:
    return _LEFT + axis.place(value) * (_RIGHT - _LEFT)


def _up(axis: Axis, value: float) -> float:
    return _BOTTOM - axis.place(value) * (_BOTTOM - _TOP)
