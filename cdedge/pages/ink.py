"""How each tracker is drawn: one colour, line style and marker on the whole page."""

from __future__ import annotations

from dataclasses import dataclass

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
