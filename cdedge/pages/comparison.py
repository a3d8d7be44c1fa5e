"""One self-contained page that compares the results of trackers on one data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from types import MappingProxyType

from cdedge_runtime.files import write_whole

from . import prose
from .attributes import attribute_bars
from .curves import memory_figure, precision_figure, speed_figure, success_figure
from .failures import FailureFrame, find_failures
from .frames import failure_gallery
from .page import page, paragraph, section
from .summary import sequence_table, summary_table
from .tracker import Inked, TrackerOnPage, inked

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
