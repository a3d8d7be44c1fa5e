"""Line and scatter plots as inline SVG; colours come from the page's style, so that they follow its theme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from .axis import Axis, tick_text
from .ink import Ink
from .labels import Label, place_labels

_WIDTH, _HEIGHT = 440, 320
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


def line_plot(title: str, x: Axis, y: Axis, lines: Sequence[Line], *, guide: float | None = None) -> str:
    """Curves, the first on top, over a vertical ``guide`` line where one is given."""
    body = "" if guide is None else _guide(_across(x, guide))
    body += "".join(_curve(line, x, y) for line in reversed(lines))
    return _svg(title, x, y, body)


def bar_plot(title: str, x: Axis, y: Axis, edges: Sequence[float], heights: Sequence[float], *, ink: Ink) -> str:
    """Bars between neighbouring ``edges``, one fewer than these."""
    body = "".join(_bar(x, y, a, b, height) for a, b, height in zip(edges, edges[1:], heights, strict=False) if height)
    return _svg(title, x, y, f'<g class="bars {ink.css}">{body}</g>')


def scatter_plot(title: str, x: Axis, y: Axis, points: Sequence[Point]) -> str:
    """Points with their intervals, each with its name beside it."""
    spots = [(_across(x, p.x), _up(y, p.y)) for p in points]
    labels = place_labels(spots, [p.name for p in points], (_LEFT, _TOP, _WIDTH, _BOTTOM))
    body = "".join(_whisker(p, _across(x, p.x), y) for p in points)
    body += "".join(_mark(p, spot) for p, spot in zip(points, spots, strict=True))
    body += "".join(_name(p, spot, label) for p, spot, label in zip(points, spots, labels, strict=True))
    return _svg(title, x, y, body)


def _svg(title: str, x: Axis, y: Axis, body: str) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{_grid(x, y)}{body}{_names(x, y)}</svg>"
    )


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


def _guide(at: float) -> str:
    return f'<line class="guide" x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP}" y2="{_BOTTOM}"/>'


def _whisker(point: Point, at: float, y: Axis) -> str:
    low, high = (_up(y, value) for value in point.interval)
    return f'<line class="whisker {point.ink.css}" x1="{at:.1f}" x2="{at:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'


def _mark(point: Point, spot: tuple[float, float]) -> str:
    move = f"translate({spot[0]:.1f} {spot[1]:.1f})"
    return f'<g class="mark {point.ink.css}" transform="{move}">{point.ink.marker}</g>'


def _name(point: Point, spot: tuple[float, float], label: Label) -> str:
    leader = ""
    if abs(label.y - spot[1]) > _FAR:
        leader = (
            f'<line class="leader" x1="{spot[0]:.1f}" y1="{spot[1]:.1f}" x2="{label.x:.1f}" y2="{label.y - 4:.1f}"/>'
        )
    place = f'x="{label.x:.1f}" y="{label.y:.1f}" text-anchor="{label.anchor}"'
    return f'{leader}<text class="label" {place}>{escape(point.name)}</text>'


def _across(axis: Axis, value: float) -> float:
    return _LEFT + axis.place(value) * (_RIGHT - _LEFT)


def _up(axis: Axis, value: float) -> float:
    return _BOTTOM - axis.place(value) * (_BOTTOM - _TOP)
