"""What the numbers of a comparison mean, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cdedge.evaluation.metrics import get_convention

from .page import facts_list, section, warning
from .tracker import Inked, common_sequences

SUMMARY = (
    "AUC is the mean of the success curve, P@20 the share of frames whose centre is at most 20 px off. "
    "Intervals are 95 % bootstrap intervals over sequences. A difference is paired, over the sequences both "
    "trackers have; where its interval holds 0 it is marked noise."
)
SEQUENCES = "AUC per sequence; the best of a row is bold. A column's heading sorts the table."
ATTRIBUTES = "AUC over the sequences that carry each attribute. A group of few sequences says little."
FAILURES = (
    "The first frame from which on a tracker shares no pixel with its target for ten annotated frames, in "
    "its worst sequences."
)
SCATTER = "Bars are the 95 % intervals of AUC. Up is better; right is faster, left is smaller."

_TIME = (
    "As in each result's time files; those of cdedge leave out reading and decoding the image. fps is frames over "
    "the sum of their times; p50 and p95 leave out the first frame of each run."
)
_MEMORY = "Peak resident memory of a process that tracked, libraries and images included; the largest of all sequences."
_PROTOCOLS = {
    "OPE": "One-pass evaluation: started once, in the first frame. Every sequence has the same weight.",
    "SRE": "Spatial robustness: started from shifted and scaled boxes. Every sequence has the same weight.",
    "TRE": "Temporal robustness: started from later frames too. Every sequence has the same weight.",
}


def head_facts(trackers: Sequence[Inked], facts: Mapping[str, str]) -> str:
    """List data set, sizes, machine and date where all trackers share them, and ``facts``, which overrule."""
    found = {
        "Data set": trackers[0].evaluation.kind,
        "Sequences": f"{len(common_sequences(trackers)):,}",
        "Frames": f"{_frames(trackers):,}",
        "Machine": _shared([t.page.machine for t in trackers]),
        "Date": _shared([t.page.date for t in trackers]),
    }
    return facts_list([(name, value) for name, value in {**found, **facts}.items() if value])


def warnings(trackers: Sequence[Inked]) -> str:
    """Say what makes the numbers less comparable than they look."""
    texts = []
    common = common_sequences(trackers)
    if any(len(t.evaluation.scores) != len(common) for t in trackers):
        counts = ", ".join(f"{t.name} {len(t.evaluation.scores)}" for t in trackers)
        texts.append(f"Means are over different sequences: {counts}; {len(common)} are common to all.")
    if len({t.page.machine for t in trackers if t.page.machine and t.evaluation.speed}) > 1:
        texts.append("Times were taken on different machines: they compare machines as well as trackers.")
    return "".join(map(warning, texts))


def methods(trackers: Sequence[Inked], protocol: str, notes: Mapping[str, str]) -> str:
    """Say how quality, time and memory were measured, and what each run's manifest says."""
    entries = [
        *((("Protocol", _PROTOCOLS[kind]),) if (kind := protocol.rstrip("0123456789")) in _PROTOCOLS else ()),
        ("Convention", _convention(trackers[0].evaluation.convention)),
        (
            "Success",
            "Overlap strictly above 0, 0.05 .. 1, so that a perfect tracker has an AUC of 20/21 = 0.952.",
        ),
        *_measured(trackers),
        *_runs(trackers),
        *((f"Not scored for {t.name}", _missing(t)) for t in trackers if t.evaluation.missing),
    ]
    return section("How it was measured", facts_list(list({**dict(entries), **notes}.items()), css="methods"))


def _measured(trackers: Sequence[Inked]) -> list[tuple[str, str]]:
    found = []
    if any(t.evaluation.speed for t in trackers):
        found.append(("Time", _TIME))
    if any(t.page.peak_memory_bytes for t in trackers):
        found.append(("Peak memory", _MEMORY))
    return found


def _convention(name: str) -> str:
    rules = get_convention(name)
    row = "four numbers above 0" if rules.valid_needs_position else "a width and height above 0"
    counted = "a hit" if rules.invalid_error < 0 else "a miss"
    repair = "one that is not finite or has no size" if rules.repairs_every_bad_box else "one of width or height 0"
    return (
        f"{name}: the first prediction counts as the ground truth. An annotation is valid with {row}; a frame "
        f"without one is no success and counts as {counted} for precision. Of the predictions, {repair} becomes "
        "the one before."
    )


def _runs(trackers: Sequence[Inked]) -> list[tuple[str, str]]:
    """Machine and date of each run, where they are not the same for all."""
    texts = [", ".join(text for text in (t.page.machine, t.page.date) if text) for t in trackers]
    if len(set(texts)) == 1:
        return []
    return [(f"Run of {t.name}", text or "not recorded") for t, text in zip(trackers, texts, strict=True)]


def _missing(tracker: Inked) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in tracker.evaluation.missing)


def _frames(trackers: Sequence[Inked]) -> int:
    common = common_sequences(trackers)
    return sum(score.frames for score in trackers[0].evaluation.scores if score.name in common)


def _shared(values: Sequence[str | None]) -> str:
    return (values[0] or "") if len(set(values)) == 1 else ""
