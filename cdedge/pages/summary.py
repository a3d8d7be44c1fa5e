"""The tables of a comparison: one row per tracker, and one row per sequence."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape

from cdedge.evaluation.results import Difference, SequenceScore, Speed, auc_difference
from cdedge.pages.page import Cell, Column, number_cell, sortable_table, text_cell
from cdedge.pages.plots import swatch
from cdedge.show.render import size

from .tracker import Inked, by_auc

_DIFFERENCE_PX, _EDGE_PX = 96, 4
_MINUS = "\N{MINUS SIGN}"


def summary_table(trackers: Sequence[Inked]) -> str:
    """One row per tracker, the best AUC first; differences are to the first of ``trackers``."""
    rows = by_auc(trackers)
    columns = [
        Column("Tracker", tuple(Cell(_named(t), t.name) for t in rows), is_text=True),
        _numbers("P@20", [t.evaluation.mean.precision_20px for t in rows], score_text),
        _numbers("AUC", [t.evaluation.mean.auc for t in rows], score_text),
        Column("95 % interval", tuple(_interval(t.evaluation.auc_interval) for t in rows)),
        _differences(rows, trackers[0]),
        _numbers("fps", [_speed(t, lambda s: s.fps) for t in rows], _three_figures),
        _numbers("p50 ms", [_speed(t, lambda s: s.p50_ms) for t in rows], _three_figures),
        _numbers("p95 ms", [_speed(t, lambda s: s.p95_ms) for t in rows], _three_figures),
        _numbers("Peak memory", [t.page.peak_memory_bytes for t in rows], lambda v: size(int(v))),
        _numbers("Channels", [t.page.channels for t in rows], lambda v: f"{v:,.0f}"),
    ]
    return sortable_table("Summary", columns, sorted_by=2)


def sequence_table(trackers: Sequence[Inked]) -> str:
    """AUC of each tracker on each sequence, sequences by name; the best of a row stands out."""
    known = {score.name: score for t in trackers for score in t.evaluation.scores}
    rows = [known[name] for name in sorted(known, key=_natural)]
    best = {row.name: max(filter(None, (_auc(t, row.name) for t in trackers)), default=None) for row in rows}
    columns = [
        Column("Sequence", tuple(text_cell(row.name) for row in rows), is_text=True),
        _numbers("Frames", [row.frames for row in rows], lambda v: f"{v:,.0f}"),
        *(Column(t.name, tuple(_score(_auc(t, row.name), best[row.name]) for row in rows)) for t in by_auc(trackers)),
        Column("Attributes", tuple(_attributes(row) for row in rows), is_text=True),
    ]
    return sortable_table("AUC per sequence", columns, sorted_by=0)


def score_text(value: float) -> str:
    """Write a score with three decimals."""
    return f"{value:.3f}"


def _natural(name: str) -> list[tuple[int, str]]:
    """Key by which ``seq2`` comes before ``seq10``, as in the page's script."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name.lower())]


def _named(tracker: Inked) -> str:
    return f'<span class="tracker">{swatch(tracker.ink)}<span>{escape(tracker.name)}</span></span>'


def _numbers(heading: str, values: Sequence[float | None], text: Callable[[float], str]) -> Column:
    return Column(heading, tuple(number_cell(v, "" if v is None else text(v)) for v in values))


def _speed(tracker: Inked, value: Callable[[Speed], float]) -> float | None:
    speed = tracker.evaluation.speed
    return None if speed is None else value(speed)


def _interval(bounds: tuple[float, float]) -> Cell:
    low, high = bounds
    return number_cell(low, f"{low:.3f} to {high:.3f}")


def _differences(rows: Sequence[Inked], reference: Inked) -> Column:
    """AUC minus the reference's, each with its interval drawn to one scale around 0."""
    found = {t.name: auc_difference(t.evaluation, reference.evaluation) for t in rows if t is not reference}
    reach = (min([0.0, *(d.low for d in found.values())]), max([0.0, *(d.high for d in found.values())]))
    cells = [_difference(found[t.name], reach) if t.name in found else _reference(len(rows)) for t in rows]
    return Column(f"AUC {_MINUS} {reference.name}", tuple(cells))


def _reference(trackers: int) -> Cell:
    return Cell('<span class="none">reference</span>', 0.0 if trackers > 1 else None)


def _difference(difference: Difference, reach: tuple[float, float]) -> Cell:
    low, high = difference.low, difference.high
    word = "noise " if difference.is_noise else ""
    interval = f'<span class="none">{word}[{_signed(low)}, {_signed(high)}]</span>'
    text = f"<span>{_signed(difference.mean)} {interval}</span>"
    return Cell(f'<span class="difference">{text}{_whisker(difference, reach)}</span>', difference.mean)


def _whisker(difference: Difference, reach: tuple[float, float]) -> str:
    low, mean, high, zero = (_across(value, reach) for value in (difference.low, difference.mean, difference.high, 0.0))
    return (
        f'<svg class="whisker-cell" viewBox="0 0 {_DIFFERENCE_PX} 14" aria-hidden="true">'
        f'<line class="zero" x1="{zero:.1f}" x2="{zero:.1f}" y1="0" y2="14"/>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="7" y2="7"/><circle cx="{mean:.1f}" cy="7" r="3"/></svg>'
    )


def _across(value: float, reach: tuple[float, float]) -> float:
    low, high = reach
    return _EDGE_PX + (value - low) / ((high - low) or 1.0) * (_DIFFERENCE_PX - 2 * _EDGE_PX)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", _MINUS)


def _three_figures(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def _auc(tracker: Inked, sequence: str) -> float | None:
    return next((s.curves.auc for s in tracker.evaluation.scores if s.name == sequence), None)


def _score(value: float | None, best: float | None) -> Cell:
    if value is None or value != best:
        return number_cell(value, "" if value is None else score_text(value))
    return Cell(f"<strong>{score_text(value)}</strong>", value)


def _attributes(row: SequenceScore) -> Cell:
    text = " ".join(row.attributes)
    return Cell(escape(text), text or None)
