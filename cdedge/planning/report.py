"""What a search has to say: a record for JSON, and tables."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from cdedge.show.render import say, show_facts, show_table, size, tinted

from .budget import Budget, Option, excess

PLAN_SCHEMA = "cdedge.plan/1"


@dataclass(frozen=True)
class PlanReport:
    """Every option with its figures, which of them are the Pareto front, and what was chosen.

    measured: the figures are of this machine; otherwise they are predicted. slowdown: how many times as long a frame
    takes on the device as here; None where it is not known. chosen: None where nothing fits; nearest is then the
    nearest miss. model: the file written, if any.
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
    counts = f"{len(report.options)} options with figures, {len(report.left_out)} left out"
    facts = [("budget", budget_text(report.budget)), ("searched", counts)]
    if report.slowdown not in (None, 1.0):
        facts.append(("fps", f"those of this machine divided by {report.slowdown:.2f}"))
    if report.chosen is not None:
        facts.append(("chosen", f"{report.chosen.candidate.name} -> {report.model or 'no file asked for'}"))
    show_facts("", facts)
    say("memory is over the floor, fps are without reading, margin is a stand-in for quality: see docs/guides/plan.md")
    for note in report.notes:
        say(note)


def budget_text(budget: Budget) -> str:
    """The bounds in words."""
    memory = "any memory" if budget.max_memory_bytes is None else f"at most {size(budget.max_memory_bytes)}"
    return memory + (", any fps" if budget.min_fps is None else f", at least {budget.min_fps:g} fps")


def miss_text(budget: Budget, nearest: Option | None) -> str:
    """Why nothing was chosen."""
    if nearest is None:
        return f"nothing fits {budget_text(budget)}: there was no candidate"
    return (
        f"nothing fits {budget_text(budget)}. Nearest miss, by {excess(nearest, budget):.0%}: {nearest.candidate.name} "
        f"with {size(nearest.memory_bytes)} and {fps_text(nearest)} fps; relax the budget or search smaller inputs"
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
