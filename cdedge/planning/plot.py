"""The options as an SVG file: memory against frame rate, the Pareto front named."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from cdedge.pages.axis import positive_axis
from cdedge.pages.ink import ink
from cdedge.pages.plots import Point, scatter_plot

from .budget import Option

_NAMESPACE = '<svg xmlns="http://www.w3.org/2000/svg" '


def options_svg(title: str, options: Sequence[Option], front: Sequence[Option], chosen: Option | None) -> str:
    """A file of its own; colours tell the layers apart, only the front's options have names."""
    layers = list(dict.fromkeys(option.candidate.layers for option in options))
    points = [
        Point(
            _label(option, front, chosen),
            ink(layers.index(option.candidate.layers)),
            option.memory_bytes / 1e6,
            option.fps or 0.0,
            (option.fps or 0.0, option.fps or 0.0),
        )
        for option in options
    ]
    x = positive_axis("memory over the floor, MB", [p.x for p in points])
    y = positive_axis("frames per second, without reading", [p.y for p in points])
    style = files("cdedge.pages").joinpath("page.css").read_text(encoding="utf-8")
    drawn = scatter_plot(title, x, y, points).replace("<svg ", _NAMESPACE, 1)
    head, rest = drawn.split(">", 1)
    return f"{head}><style>{style}svg {{ font-family: sans-serif; }}</style>{rest}\n"


def _label(option: Option, front: Sequence[Option], chosen: Option | None) -> str:
    if option is chosen:
        return f"chosen: {option.candidate.name}"
    return option.candidate.name if option in front else ""
