"""Bars of AUC for each attribute of the sequences."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cdedge.evaluation.results import by_attribute

from .summary import score_text
from .tracker import Inked, name_width

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
