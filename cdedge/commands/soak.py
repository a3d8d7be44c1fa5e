"""``cdedge soak``: does it leak, does it slow down."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from cdedge.answer import emit_json
from cdedge.options import (
    BoxOption,
    JsonOption,
    ModelArgument,
    ProviderOption,
    SourceArgument,
    ThreadsOption,
    check_order,
    starting_numbers,
)
from cdedge.show.progress import progress
from cdedge.show.render import Level, introduce, show_facts, size, tinted, whats_next
from cdedge.spelling import box_words
from cdedge_runtime.errors import CdedgeError, Usage
from cdedge_runtime.measure.soak import SoakRequest
from cdedge_runtime.measure.soak_report import ALLOWED_BYTES, Slope, SoakReport
from cdedge_runtime.measure.soak_report import soak as run_soak
from cdedge_runtime.record import encode
from cdedge_runtime.sources.frames import open_source

_LEVELS: dict[str, Level] = {"steady": "ok", "unclear": "warn", "leak": "bad"}
_SAMPLES = 400
_BY_TIME_EVERY = 100
_SHORTEST, _LONGER = 1000, 4  # frames, and how many times as many where it was too short to say


def soak(
    model: ModelArgument,
    source: SourceArgument = None,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Run so long.", show_default=False)] = None,
    frames: Annotated[
        int | None, typer.Option(metavar="N", min=20, help="Run so many frames.", show_default=False)
    ] = None,
    box: BoxOption = None,
    provider: ProviderOption = "cpu",
    threads: ThreadsOption = None,
    allow: Annotated[float, typer.Option(min=0, help="Bytes per 1000 frames that are no leak.")] = ALLOWED_BYTES,
    as_json: JsonOption = False,
) -> None:
    """Track SOURCE in a loop and watch memory, handles, threads and latency. Exit code 1: it leaks."""
    check_order(model, source)
    if minutes is None and frames is None:
        raise Usage("say how long: --minutes N or --frames N")
    opened = open_source(source)
    introduce(opened)
    start = starting_numbers(box, opened)
    every = _BY_TIME_EVERY if frames is None else max(5, frames // _SAMPLES)
    seconds = None if minutes is None else minutes * 60
    request = SoakRequest(str(model), source, start, frames, seconds, every, provider, threads)
    with progress(f"tracking, {every} frames per step", None if frames is None else frames // every) as step:
        report = run_soak(request, allowed_bytes=allow, see=step)
    if as_json:
        emit_json("cdedge.soak/1", encode(report))
    else:
        _show(report)
        _tell_next(report, box_words(box))
    if report.interrupted:
        raise KeyboardInterrupt
    if report.verdict == "leak":
        raise typer.Exit(CdedgeError.exit_code)


def _show(report: SoakReport) -> None:
    last = report.samples[-1] if report.samples else None
    held = size(last.rss_bytes) if last else "not readable"
    drift = "too few samples" if report.latency_drift is None else f"{report.latency_drift:+.1%}"
    show_facts(
        report.model,
        [
            ("verdict", Text.assemble(tinted(report.verdict, _LEVELS[report.verdict]), f": {report.reason}")),
            ("ran", f"{report.frames} frames in {report.seconds:.0f} s, {report.fps:.1f} fps"),
            (
                "resident",
                f"{held} at the end; {_slope(report.rss_slope_bytes)}",
            ),
            ("proportional", _slope(report.pss_slope_bytes)),
            ("latency drift", f"{drift} (median of the last quarter against the second)"),
            ("handles", _range(report.handles)),
            ("threads", _range(report.threads)),
        ],
    )


def _tell_next(report: SoakReport, box: list[str]) -> None:
    model, source = report.request.model, report.request.source
    if report.verdict == "steady":
        whats_next("serve", model, source, *box)
    elif report.verdict == "leak":
        whats_next("doctor", model)
    else:
        whats_next("soak", model, source, *box, "--frames", _LONGER * max(report.frames, _SHORTEST))


def _slope(slope: Slope | None) -> str:
    if slope is None:
        return "slope not known"
    return f"{slope.per_1000:+.0f} bytes per 1000 frames ({slope.low:+.0f} to {slope.high:+.0f})"


def _range(counts: tuple[int, int] | None) -> str:
    return "not readable" if counts is None else f"{counts[0]} to {counts[1]}"
