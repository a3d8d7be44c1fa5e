"""The options as an SVG file: memory against frame rate, the Pareto front named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Literal

from cdedge.pages.axis import Axis, positive_axis
from cdedge.pages.ink import ink
from cdedge.pages.plots import Guide, Point, scatter_plot
from cdedge.show.render import size

from .budget import Budget, Option

_NAMESPACE = '<svg xmlns="http://www.w3.org/2000/svg" '


def options_svg(
    title: str, options: Sequence[Option], front: Sequence[Option], chosen: Option | None, budget: Budget
) -> str:
    """A file of its own; marks tell the layers apart, only the front's options have names, lines are the budget's."""
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
    guides = list(_guides(budget))
    x = _axis("memory over the floor, MB", "x", points, guides)
    y = _axis("frames per second, without reading", "y", points, guides)
    legend = [(f"layers {name}" if "+" in name else f"layer {name}", ink(i)) for i, name in enumerate(layers)]
    style = files("cdedge.pages").joinpath("page.css").read_text(encoding="utf-8")
    drawn = scatter_plot(title, x, y, points, guides=guides, legend=legend).replace("<svg ", _NAMESPACE, 1)
    head, rest = drawn.split(">", 1)
    return f"{head}><style>{style}svg {{ font-family: sans-serif; background: var(--ground); }}</style>{rest}\n"


def _guides(budget: Budget) -> Iterator[Guide]:
    if budget.max_memory_bytes is not None:
        yield Guide("x", budget.max_memory_bytes / 1e6, f"at most {size(budget.max_memory_bytes)}")
    if budget.min_fps is not None:
        yield Guide("y", budget.min_fps, f"at least {budget.min_fps:g} fps")


def _axis(name: str, along: Literal["x", "y"], points: Sequence[Point], guides: Sequence[Guide]) -> Axis:
    """An axis that holds the points and the budget."""
    bounds = [guide.value for guide in guides if guide.axis == along]
    return positive_axis(name, [*(p.x if along == "x" else p.y for p in points), *bounds])


def _label(option: Option, front: Sequence[Option], chosen: Option | None) -> str:
    if option is chosen:
        return f"chosen: {option.candidate.name}"
    return option.candidate.name if option in front else ""
