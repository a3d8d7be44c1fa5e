"""One self-contained page that compares the results of trackers on one data set, with its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from types import MappingProxyType

from cdedge.evaluation.metrics import CENTER_THRESHOLDS_PX, OVERLAP_THRESHOLDS
from cdedge.evaluation.results import by_attribute
from cdedge.pages import prose
from cdedge.pages.failures import FailureFrame, failure_gallery, find_failures
from cdedge.pages.page import page, paragraph, section
from cdedge.pages.plots import (
    Axis,
    Guide,
    Line,
    Point,
    axis_around,
    captioned,
    line_plot,
    positive_axis,
    scatter_plot,
    swatch,
)
from cdedge.pages.summary import score_text, sequence_table, summary_table
from cdedge.pages.tracker import Inked, TrackerOnPage, by_auc, by_precision, inked, name_width
from cdedge_runtime.files import write_whole

# Of OTB (Wu et al., 2015) and UAV123 (Mueller et al., 2016).
_NAMES = {
    "ARC": "aspect ratio change",
    "BC": "background clutter",
    "CM": "camera motion",
    "DEF": "deformation",
    "FM": "fast motion",
    "FOC": "full occlusion",
    "IPR": "in-plane rotation",
    "IV": "illumination variation",
    "LR": "low resolution",
    "MB": "motion blur",
    "OCC": "occlusion",
    "OPR": "out-of-plane rotation",
    "OV": "out of view",
    "POC": "partial occlusion",
    "SOB": "similar object",
    "SV": "scale variation",
    "VC": "viewpoint change",
}


def attribute_bars(trackers: Sequence[Inked]) -> str:
    """One group of bars per attribute, the best first; nothing where no sequence has attributes."""
    scores = [(t, by_attribute(t.evaluation)) for t in trackers]
    labels = sorted({label for _, curves in scores for label in curves})
    groups = [_group(label, [(t, c[label].auc) for t, c in scores if label in c]) for label in labels]
    return f'<div class="attributes" style="{name_width(trackers)}">{"".join(groups)}</div>' if groups else ""


def _group(label: str, scores: list[tuple[Inked, float]]) -> str:
    ranked = sorted(scores, key=lambda pair: -pair[1])
    counts = {sum(label in s.attributes for s in t.evaluation.scores) for t, _ in scores}
    bars = "".join(_bar(tracker, auc) for tracker, auc in ranked)
    return f"<div><h3>{_heading(label)} <small>{_count(counts)}</small></h3><ol>{bars}</ol></div>"


def _heading(label: str) -> str:
    name = _NAMES.get(label)
    return f'{escape(label)} <span class="meaning">{name}</span>' if name else escape(label)


def _count(counts: set[int]) -> str:
    low, high = min(counts), max(counts)
    text = str(high) if low == high else f"{low} to {high}"
    return f"{text} sequence{'' if text == '1' else 's'}"


def _bar(tracker: Inked, auc: float) -> str:
    bar = f'<span class="bar {tracker.ink.css}"><span style="width:{100 * auc:.1f}%"></span></span>'
    return f"<li><span>{escape(tracker.name)}</span>{bar}<span>{score_text(auc)}</span></li>"


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


__all__ = ["FailureFrame", "TrackerOnPage", "comparison_page", "find_failures", "write_comparison"]
OPE = "OPE"
NOTHING: Mapping[str, str] = MappingProxyType({})


def write_comparison(
    path: Path,
    trackers: Sequence[TrackerOnPage],
    *,
    title: str,
    facts: Mapping[str, str],
    failures: Sequence[FailureFrame],
    protocol: str = OPE,
    notes: Mapping[str, str] = NOTHING,
) -> None:
    """Write `comparison_page` to ``path``, whole or not at all; raises `BadEnvironment` where it cannot."""
    text = comparison_page(trackers, title=title, facts=facts, failures=failures, protocol=protocol, notes=notes)
    write_whole(path, text.encode())


def comparison_page(
    trackers: Sequence[TrackerOnPage],
    *,
    title: str,
    facts: Mapping[str, str],
    failures: Sequence[FailureFrame],
    protocol: str = OPE,
    notes: Mapping[str, str] = NOTHING,
) -> str:
    """HTML of a comparison; differences are to the first of ``trackers``.

    ``facts`` are shown under the title as they are, such as the date and the machine; they overrule what the
    trackers say. ``protocol`` is OPE, SRE or TRE. ``notes`` go to the last section, on how it was measured, and
    overrule what is said there under the same name. Raises `BadInput` where two trackers share a name, or data
    sets or conventions differ.
    """
    shown = inked(trackers)
    head = f"<header><h1>{escape(title)}</h1>{prose.head_facts(shown, facts)}</header>"
    sections = _sections(shown, failures, protocol)
    return page(title, [head, prose.warnings(shown), *sections, prose.methods(shown, protocol, notes)])


def _sections(trackers: Sequence[Inked], failures: Sequence[FailureFrame], protocol: str) -> Iterator[str]:
    yield section("Summary", summary_table(trackers), paragraph(prose.SUMMARY))
    yield section(
        "Success and precision", _pair(success_figure(trackers, protocol), precision_figure(trackers, protocol))
    )
    speed, memory = speed_figure(trackers), memory_figure(trackers)
    if speed or memory:
        yield section("Speed and memory", _pair(speed, memory), paragraph(prose.SCATTER))
    bars = attribute_bars(trackers)
    if bars:
        yield section("Attributes", bars, paragraph(prose.ATTRIBUTES))
    yield section("Sequences", sequence_table(trackers), paragraph(prose.SEQUENCES))
    if failures:
        yield section("Failures", failure_gallery(failures), paragraph(prose.FAILURES))


def _pair(*figures: str) -> str:
    return f'<div class="pair">{"".join(figures)}</div>'
