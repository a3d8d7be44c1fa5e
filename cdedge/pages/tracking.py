"""The tracking itself: a pass over the source, a few frames with the box drawn, score and size over the frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path

import numpy as np

from cdedge.choosing.asked import box_in
from cdedge.pages.failures import overlaid
from cdedge.pages.first_frame import LeftOut
from cdedge.pages.page import paragraph
from cdedge.pages.plots import Line, axis_around, captioned, frame_axis, grouped, ink, line_plot, swatch
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput, CdedgeError
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.image import Frame
from cdedge_runtime.opening import open_tracker
from cdedge_runtime.run import starting_box, track
from cdedge_runtime.sources.frames import Source, open_source


@dataclass(frozen=True)
class Pass:
    """What to follow: the arguments of ``cdedge track``."""

    model: Path
    source: str | None
    box: str | None
    frames: int | None
    provider: str
    threads: int | None


def followed_or_reason(asked: Pass, observe: Callable[..., None]) -> tuple[Tracking | None, LeftOut]:
    """The tracking, or why there is none; ``observe`` is called after each frame."""
    try:
        return _followed(asked, open_source(asked.source), observe), ()
    except CdedgeError as error:
        return None, (("the tracking", str(error)),)


def _followed(asked: Pass, source: Source, observe: Callable[..., None]) -> Tracking:
    if source.live:
        raise BadInput(f"{source.name} is live: its frames are gone; give a recording as SOURCE")
    tracker = open_tracker(asked.model, provider=asked.provider, threads=asked.threads)

    def begin(frame: Frame) -> Box:
        given = None if asked.box is None else box_in(asked.box, frame.shape, source.origin)
        return starting_box(source, tracker.spec, given)(frame)

    estimates: list[Estimate] = []

    def keep(index: int, frame: Frame, estimate: Estimate) -> None:
        estimates.append(estimate)
        observe(index, frame, estimate)

    report = track(tracker, source, begin, limit=asked.frames, observe=keep)
    if report.error is not None:
        raise report.error
    if report.interrupted:
        raise KeyboardInterrupt
    return Tracking(tuple(estimates), _frames_at(source, shown_frames(estimates)))


def _frames_at(source: Source, wanted: Sequence[int]) -> dict[int, Frame]:
    """These frames, read anew."""
    found = {}
    for index, frame in enumerate(source.frames()):
        if index in wanted:
            found[index] = frame
        if index == wanted[-1]:
            break
    return found


SHOTS = 8
_WIDTH, _HEIGHT = ink(0), ink(1)


@dataclass(frozen=True, eq=False)
class Tracking:
    """One pass over a source: what the tracker said of every frame, and the pictures of some, by index."""

    estimates: tuple[Estimate, ...]
    shots: dict[int, Frame]


def shown_frames(estimates: Sequence[Estimate], most: int = SHOTS) -> list[int]:
    """Indices of ``most`` frames: spread evenly, with the lowest score and the first lost frame among them."""
    last = len(estimates) - 1
    spread = {round(at) for at in np.linspace(0, last, min(most, len(estimates)))}
    telling = [index for index in (_lowest(estimates), _first_lost(estimates)) if index is not None]
    for index in telling:
        spare = [at for at in spread if at not in (0, last, *telling)]
        if index not in spread and spare:
            spread.remove(min(spare, key=lambda at: abs(at - index)))
            spread.add(index)
    return sorted(spread)


def lost_spans(estimates: Sequence[Estimate]) -> list[tuple[int, int]]:
    """First and last index of each run of lost frames."""
    runs = (list(run) for lost, run in groupby(range(len(estimates)), lambda i: estimates[i].lost) if lost)
    return [(run[0], run[-1]) for run in runs]


def verdict(estimates: Sequence[Estimate]) -> str:
    """Whether and where the target was lost, frames counted from 1."""
    lost, spans = sum(each.lost for each in estimates), lost_spans(estimates)
    if not spans:
        return f"never lost in {len(estimates):,} frames"
    where = ", ".join(str(a + 1) if a == b else f"{a + 1:,} to {b + 1:,}" for a, b in spans[:5])
    return f"lost in {lost:,} of {len(estimates):,} frames: {where}{' and more' if len(spans) > 5 else ''}"


def tracking_parts(tracking: Tracking) -> list[str]:
    """The contact sheet and the figures; no figure for a single frame."""
    estimates = tracking.estimates
    css, word = ("bad", "Warning") if lost_spans(estimates) else ("good", "Ok")
    said = f'<p class="verdict"><span class="{css}">{word}</span> {escape(verdict(estimates))}</p>'
    sheet = "".join(_shot(tracking, index) for index in sorted(tracking.shots))
    parts = [said, f'<div class="frames sheet">{sheet}</div>']
    if len(estimates) > 2:
        parts.append(f'<div class="pair">{_score_figure(estimates)}{_size_figure(estimates)}</div>')
    parts.append(
        paragraph("The score is how probably the box is right, as the tracker sees it; no ground truth is looked at.")
    )
    return parts


def _shot(tracking: Tracking, index: int) -> str:
    estimate, count = tracking.estimates[index], len(tracking.estimates)
    css, word = ("bad", "lost") if estimate.lost else ("good", "found")
    score = f", score {estimate.score:.2f}" if index else ", first box"
    lowest = ", the lowest" if index == _lowest(tracking.estimates) else ""
    words = f"frame {index + 1:,} of {count:,}: {word}{score}{lowest}"
    picture = overlaid(tracking.shots[index], [(estimate.box, css)], words)
    return (
        f'<figure>{picture}<figcaption>frame {index + 1:,} <b class="{css}">{word}</b>'
        f"<span>{escape((score + lowest).lstrip(', '))}</span></figcaption></figure>"
    )


def _score_figure(estimates: Sequence[Estimate]) -> str:
    at, parts = grouped([each.score for each in estimates[1:]], first=2)
    scores = [float(np.min(part)) for part in parts]
    spans = [(a + 1 - 0.5, b + 1 + 0.5) for a, b in lost_spans(estimates)]
    y = axis_around("Score", scores, from_zero=True)
    plot = line_plot("Score over the frames", frame_axis(len(estimates)), y, [Line(_WIDTH, at, scores)], spans=spans)
    width = len(parts[0])
    note = "Every frame but the first." if width == 1 else f"The lowest of every {width} frames."
    return captioned("Score over the frames", plot, note + (" Shaded: lost." if spans else ""))


def _size_figure(estimates: Sequence[Estimate]) -> str:
    lines = []
    for style, lengths in ((_WIDTH, [e.box.width for e in estimates]), (_HEIGHT, [e.box.height for e in estimates])):
        at, parts = grouped(lengths, first=1)
        lines.append(Line(style, at, [float(np.median(part)) for part in parts]))
    y = axis_around("Pixels", [value for line in lines for value in line.y], from_zero=True)
    plot = line_plot("Size of the box over the frames", frame_axis(len(estimates)), y, lines)
    entries = "".join(
        f"<li>{swatch(style)}<span>{name}</span></li>" for style, name in ((_WIDTH, "width"), (_HEIGHT, "height"))
    )
    return captioned("Size of the box", f'{plot}<ol class="legend" style="--name:7ch">{entries}</ol>', "")


def _lowest(estimates: Sequence[Estimate]) -> int | None:
    return min(range(1, len(estimates)), key=lambda index: estimates[index].score, default=None)


def _first_lost(estimates: Sequence[Estimate]) -> int | None:
    return next((index for index, each in enumerate(estimates) if each.lost), None)
