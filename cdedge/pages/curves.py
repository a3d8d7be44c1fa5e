"""The figures of a comparison: success and precision, speed and memory against quality."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cdedge.evaluation.metrics import CENTER_THRESHOLDS_PX, OVERLAP_THRESHOLDS

from .axis import Axis, axis_around, positive_axis
from .ink import swatch
from .plots import Guide, Line, Point, captioned, line_plot, scatter_plot
from .summary import score_text
from .tracker import Inked, by_auc, by_precision, name_width

_SHARE = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_PIXELS = (0.0, 10.0, 20.0, 30.0, 40.0, 50.0)


def success_figure(trackers: Sequence[Inked], protocol: str) -> str:
    """Success over the overlap threshold; the legend holds the AUC, the best first."""
    title, ranked = f"Success plots of {protocol}", by_auc(trackers)
    lines = [Line(t.ink, OVERLAP_THRESHOLDS.tolist(), t.evaluation.mean.success.tolist()) for t in ranked]
    plot = line_plot(title, Axis("Overlap threshold", _SHARE), Axis("Success rate", _SHARE), lines)
    return captioned(title, plot + _legend(ranked, [t.evaluation.mean.auc for t in ranked]), "In brackets: AUC")


def precision_figure(trackers: Sequence[Inked], protocol: str) -> str:
    """Precision over the error in pixels; the legend holds the precision at 20 px, the best first."""
    title, ranked = f"Precision plots of {protocol}", by_precision(trackers)
    lines = [Line(t.ink, CENTER_THRESHOLDS_PX.tolist(), t.evaluation.mean.precision.tolist()) for t in ranked]
    x = Axis("Location error threshold (px)", _PIXELS)
    plot = line_plot(title, x, Axis("Precision", _SHARE), lines, guides=[Guide("x", 20)])
    scores = [t.evaluation.mean.precision_20px for t in ranked]
    return captioned(title, plot + _legend(ranked, scores), "In brackets: precision at 20 px")


def speed_figure(trackers: Sequence[Inked]) -> str:
    """AUC over frames per second; nothing where no speed is known."""
    known = [(t, t.evaluation.speed.fps) for t in by_auc(trackers) if t.evaluation.speed is not None]
    return _scatter("Speed against quality", "Frames per second", known, trackers)


def memory_figure(trackers: Sequence[Inked]) -> str:
    """AUC over peak memory; nothing where no memory is known."""
    known = [(t, t.page.peak_memory_bytes / 1e6) for t in by_auc(trackers) if t.page.peak_memory_bytes is not None]
    return _scatter("Memory against quality", "Peak memory (MB)", known, trackers)


def _scatter(title: str, label: str, known: Sequence[tuple[Inked, float]], trackers: Sequence[Inked]) -> str:
    if not known:
        return ""
    points = [Point(t.name, t.ink, x, t.evaluation.mean.auc, t.evaluation.auc_interval) for t, x in known]
    y = axis_around("AUC", [bound for p in points for bound in p.interval])
    left_out = sorted({t.name for t in trackers} - {p.name for p in points})
    note = f"Not known for {', '.join(left_out)}" if left_out else ""
    return captioned(title, scatter_plot(title, positive_axis(label, [p.x for p in points]), y, points), note)


def _legend(ranked: Sequence[Inked], scores: Sequence[float]) -> str:
    items = "".join(
        f"<li>{swatch(t.ink)}<span>{escape(t.name)} [{score_text(score)}]</span></li>"
        for t, score in zip(ranked, scores, strict=True)
    )
    return f'<ol class="legend" style="{name_width(ranked)}">{items}</ol>'
