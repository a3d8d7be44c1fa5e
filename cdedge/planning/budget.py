"""Which options fit a budget, which are worth looking at, which one to take; as a record, tables and a plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from rich.text import Text

from cdedge.pages.plots import Axis, Guide, Point, ink, positive_axis, scatter_plot
from cdedge.show.render import many, say, show_facts, show_table, size, tinted
from cdedge_runtime.plain import plain

_AS_GOOD = 0.02  # margins this close, as a share, count as equal: the faster one is taken


@dataclass(frozen=True)
class Candidate:
    """What can be exported; ``channels`` as in ``cdedge export``: ``all``, ``auto``, a count or a share.

    deep, deep_head: a deep network beside the layers and its box head, as in ``cdedge export``; with one, the precision
    is that network's, where the work is.
    """

    layers: str
    channels: str
    mode: str
    input_px: int
    precision: str
    deep: str | None = None
    deep_head: str | None = None

    @property
    def sight(self) -> str:
        """What it looks with: layers, deep network, head."""
        parts = [self.layers, *(Path(path).stem for path in (self.deep, self.deep_head) if path is not None)]
        return " & ".join(parts)

    @property
    def name(self) -> str:
        """A short name for tables and plots."""
        words = [self.sight, self.channels, f"{self.input_px} px"]
        words += [self.mode] * ("+" in self.layers and self.channels != "all")
        return " ".join(words + [self.precision] * (self.precision != "fp32"))


@dataclass(frozen=True)
class Option:
    """A candidate and its figures.

    memory: over the floor. fps: without reading; None where it cannot be told. margin: the quality proxy.
    measured: False where memory and fps are predicted.
    """

    candidate: Candidate
    kept: int
    memory_bytes: int
    fps: float | None
    margin: float
    measured: bool


@dataclass(frozen=True)
class Budget:
    """At most so much memory over the floor, at least so many frames per second; None: no bound."""

    max_memory_bytes: int | None
    min_fps: float | None


def excess(option: Option, budget: Budget) -> float:
    """By what share the worse of the two bounds is missed; 0 for an option that fits."""
    memory = fps = 0.0
    if budget.max_memory_bytes is not None:
        memory = option.memory_bytes / budget.max_memory_bytes - 1
    if budget.min_fps is not None and option.fps is not None:
        fps = budget.min_fps / option.fps - 1
    return max(0.0, memory, fps)


def best_of_each(options: Sequence[Option], budget: Budget, deep: Sequence[str | None]) -> tuple[Option, ...]:
    """The `best` with each of the deep networks, where something fits, in their order; None is without one.

    A deep response is broad, so margins are compared among files with the same deep network only.
    """
    kinds = ([option for option in options if option.candidate.deep == each] for each in deep)
    return tuple(found for kind in kinds if (found := best(kind, budget)) is not None)


def best(options: Sequence[Option], budget: Budget) -> Option | None:
    """Of those that fit the one of the largest margin; of margins within 2 % the fastest, then the smallest."""
    fitting = [option for option in options if excess(option, budget) == 0]
    if not fitting:
        return None
    top = max(option.margin for option in fitting)
    good = [option for option in fitting if option.margin >= top - _AS_GOOD * abs(top)]
    return max(good, key=lambda option: (option.fps or 0.0, -option.memory_bytes))


def nearest(options: Sequence[Option], budget: Budget) -> Option | None:
    """The option that misses the budget by the least share; None of no options."""
    return min(options, key=lambda option: excess(option, budget), default=None)


def front(options: Sequence[Option]) -> tuple[Option, ...]:
    """The Pareto front: options that no other one beats in memory, rate and margin at once; the smallest first.

    Margins are compared as in `best_of_each`.
    """
    kept = [option for option in options if not any(_beats(other, option) for other in options)]
    return tuple(sorted(kept, key=lambda option: option.memory_bytes))


def _beats(one: Option, other: Option) -> bool:
    if one.candidate.deep != other.candidate.deep:
        return False
    a, b = _figures(one), _figures(other)
    return a != b and all(x >= y for x, y in zip(a, b, strict=True))


def _figures(option: Option) -> tuple[float, float, float]:
    return -option.memory_bytes, option.fps or 0.0, option.margin


PLAN_SCHEMA = "cdedge.plan/1"


@dataclass(frozen=True)
class PlanReport:
    """Every option with its figures, which of them are the Pareto front, and what was chosen.

    measured: the figures are of this machine; otherwise they are predicted. slowdown: how many times as long a frame
    takes on the device as here; None where it is not known. chosen: None where nothing fits; nearest is then the
    nearest miss. also: the best of other deep networks, or without one, that fit. model: the file written, if any.
    """

    source: str
    device: str
    measured: bool
    slowdown: float | None
    threads: int
    budget: Budget
    options: tuple[Option, ...]
    front: tuple[Option, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    chosen: Option | None
    also: tuple[Option, ...]
    nearest: Option | None
    model: str | None


def show_plan(report: PlanReport) -> None:
    """The front as a table, what was chosen, and how the figures came about."""
    kind = "measured" if report.measured else "PREDICTED"
    show_table(
        f"{report.source} on {report.device}, {kind}: the Pareto front",
        ["option", "channels", "memory", "fps", "margin", "fits"],
        [_row(option, report) for option in report.front],
    )
    counts = f"{many(len(report.options), 'option')} with figures, {len(report.left_out)} left out"
    facts = [("budget", budget_text(report.budget)), ("searched", counts)]
    if report.slowdown not in (None, 1.0):
        facts.append(("fps", f"those of this machine divided by {report.slowdown:.2f}"))
    if report.chosen is not None:
        facts.append(("chosen", f"{report.chosen.candidate.name} -> {report.model or 'no file asked for'}"))
    facts += [
        ("fits too", f"{also.candidate.name}, {size(also.memory_bytes)}, {fps_text(also)} fps") for also in report.also
    ]
    show_facts("", facts)
    say("memory is over the floor, fps are without reading, margin is a stand-in for quality: see docs/guides/plan.md")
    for note in report.notes:
        say(note)


def budget_text(budget: Budget) -> str:
    """The bounds in words."""
    memory = "any memory" if budget.max_memory_bytes is None else f"at most {size(budget.max_memory_bytes)}"
    return memory + (", any fps" if budget.min_fps is None else f", at least {budget.min_fps:g} fps")


def miss_text(budget: Budget, nearest: Option | None, least_bytes: int) -> str:
    """Why nothing was chosen, and what would help; ``least_bytes`` are what any file takes."""
    if nearest is None:
        return f"nothing fits {budget_text(budget)}: there was no candidate"
    if budget.max_memory_bytes is not None and budget.max_memory_bytes <= least_bytes:
        advice = f"allow more: library code, a session and frames take some {size(least_bytes)} whatever the file"
    else:
        advice = "allow more, or search fewer layers and channels, or smaller inputs"
    return (
        f"nothing fits {budget_text(budget)}. Nearest miss, by {excess(nearest, budget):.0%}: {nearest.candidate.name} "
        f"with {size(nearest.memory_bytes)} and {fps_text(nearest)} fps; {advice}"
    )


def fps_text(option: Option) -> str:
    """Frames per second, or that they are not known."""
    return "unknown" if option.fps is None else f"{option.fps:.1f}"


def _row(option: Option, report: PlanReport) -> tuple[str | Text, ...]:
    fits = excess(option, report.budget) == 0
    word = "chosen" if option == report.chosen else "yes" if fits else "no"
    name, memory = option.candidate.name, size(option.memory_bytes)
    return (
        name,
        str(option.kept),
        memory,
        fps_text(option),
        f"{option.margin:.2f}",
        tinted(word, "ok" if fits else "bad"),
    )


_NAMESPACE = '<svg xmlns="http://www.w3.org/2000/svg" '


def options_svg(
    title: str, options: Sequence[Option], front: Sequence[Option], chosen: Option | None, budget: Budget
) -> str:
    """A file of its own; marks tell what looks apart, only the front's options have names, lines are the budget's."""
    sights = list(dict.fromkeys(option.candidate.sight for option in options))
    points = [
        Point(
            _label(option, front, chosen),
            ink(sights.index(option.candidate.sight)),
            option.memory_bytes / 1e6,
            option.fps or 0.0,
            (option.fps or 0.0, option.fps or 0.0),
        )
        for option in options
    ]
    guides = list(_guides(budget))
    x = _axis("memory over the floor, MB", "x", points, guides)
    y = _axis("frames per second, without reading", "y", points, guides)
    legend = [(f"layers {name}" if "+" in name else f"layer {name}", ink(i)) for i, name in enumerate(sights)]
    style = files("cdedge.pages").joinpath("page.css").read_text(encoding="utf-8")
    drawn = plain(scatter_plot(title, x, y, points, guides=guides, legend=legend))  # XML takes no control characters
    head, rest = drawn.replace("<svg ", _NAMESPACE, 1).split(">", 1)
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
