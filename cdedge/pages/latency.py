"""Time per frame: stages as bars, all frames as a histogram, one run over its frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from cdedge.pages.page import Cell, Column, number_cell, sortable_table, text_cell
from cdedge.pages.plots import axis_around, ink, positive_axis
from cdedge_runtime.measure.benchmark import BenchReport
from cdedge_runtime.measure.probe import ProbeReport
from cdedge_runtime.stopwatch import StageTime

from .plots import Line, bar_plot, captioned, frame_axis, grouped, line_plot

_BINS = 40
_SHOWN_SHARE = 0.995
_FIGURES = ("p50_ms", "p90_ms", "p99_ms", "max_ms", "mean_ms")


def stage_bars(stages: Mapping[str, StageTime]) -> str:
    """Per stage a bar to the median, and lines on to the 90th and 99th percentile."""
    reach = max(time.p99_ms for time in stages.values()) or 1.0
    rows = "".join(_stage(name, time, reach) for name, time in stages.items())
    head = '<li class="head"><span></span><span></span><span>p50 · p90 · p99 ms</span></li>'
    return f'<ol class="stages">{head}{rows}</ol>'


def stage_table(stages: Mapping[str, StageTime]) -> str:
    """The same in numbers, with the slowest frame and the mean."""
    columns = [
        Column("Stage", tuple(text_cell(name) for name in stages), is_text=True),
        *(
            Column(field.replace("_", " "), tuple(_ms(getattr(time, field)) for time in stages.values()))
            for field in _FIGURES
        ),
    ]
    return sortable_table("Time per stage", columns)


def latency_figures(report: BenchReport) -> str:
    """Histogram over all runs and timeline of the median one; nothing where no frame was timed."""
    runs = [run for run in report.runs if run.frame_us]
    if not runs:
        return ""
    middle = sorted(runs, key=lambda run: run.fps_without_read)[len(runs) // 2]
    return f'<div class="pair">{_histogram(runs)}{_timeline(middle, report.runs.index(middle) + 1, len(runs))}</div>'


def latency_text(report: BenchReport) -> str:
    """Median and 99th percentile of all frames of all runs, without reading; empty where no frame was timed."""
    us = [value for run in report.runs for value in run.frame_us]
    return f"p50 {np.median(us) / 1e3:.2f} ms, p99 {np.percentile(us, 99) / 1e3:.2f} ms" if us else ""


def _stage(name: str, time: StageTime, reach: float) -> str:
    half, most, nearly = (100 * value / reach for value in (time.p50_ms, time.p90_ms, time.p99_ms))
    text = f"{time.p50_ms:.2f} · {time.p90_ms:.2f} · {time.p99_ms:.2f}"
    css = "ink-6" if name == "total" else "ink-0"
    return (
        f'<li><span>{escape(name)}</span><span class="range {css}">'
        f'<span class="tail" style="width:{nearly:.2f}%"></span><span class="most" style="width:{most:.2f}%"></span>'
        f'<span class="half" style="width:{half:.2f}%"></span></span><span>{text}</span></li>'
    )


def _histogram(runs: Sequence[ProbeReport]) -> str:
    ms = np.concatenate([run.frame_us for run in runs]) / 1e3
    high = float(np.quantile(ms, _SHOWN_SHARE))
    low = float(ms.min())
    counts, edges = np.histogram(ms, _BINS, (low, max(high, low * 1.01 + 1e-3)))
    x, y = axis_around("Time per frame (ms)", edges.tolist()), axis_around("Frames", counts.tolist(), from_zero=True)
    over = int((ms > edges[-1]).sum())
    p50, p90, p99 = np.percentile(ms, [50, 90, 99])
    note = f"Without reading. p50 {p50:.2f}, p90 {p90:.2f}, p99 {p99:.2f} ms."
    note += f" {over} of {len(ms):,} frames are slower than drawn, the slowest {ms.max():.2f} ms." if over else ""
    plot = bar_plot("Histogram of time per frame", x, y, edges.tolist(), counts.tolist(), ink=ink(0))
    return captioned("How often a frame took how long", plot, note)


def _timeline(run: ProbeReport, number: int, runs: int) -> str:
    ms = np.asarray(run.frame_us) / 1e3
    at, parts = grouped(ms.tolist(), first=1)
    width = len(parts[0])
    lines = [Line(ink(0), at, [float(np.median(part)) for part in parts])]
    if width > 1:
        lines.append(Line(ink(1), at, [float(part.max()) for part in parts]))
    y = positive_axis("Time per frame (ms)", [value for line in lines for value in line.y])
    plot = line_plot("Time over frames", frame_axis(len(ms)), y, lines)
    which = f"Run {number} of {runs}, the median one. " if runs > 1 else ""
    how = f"Median and slowest of every {width} frames." if width > 1 else "Every frame; the first is left out."
    return captioned("Over the frames", plot, which + how)


def _ms(value: float) -> Cell:
    return number_cell(value, f"{value:.3f}")
