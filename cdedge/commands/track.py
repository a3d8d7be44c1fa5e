"""``cdedge track``: an exported file follows its target through a source."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cdedge.choosing.asked import Asked, finder
from cdedge.options import (
    BoxOption,
    DepthRangeOption,
    EveryOption,
    JsonOption,
    ModelArgument,
    PreviewOption,
    ProviderOption,
    ReconnectOption,
    SelectOption,
    SourceArgument,
    StartOption,
    ThreadsOption,
    parse_depth_range,
)
from cdedge.show.progress import progress
from cdedge.show.render import emit_json, introduce, say, show_facts, tinted
from cdedge.show.stages import show_stages
from cdedge.show.video import drawing
from cdedge_runtime.box import Box
from cdedge_runtime.image import Frame
from cdedge_runtime.run import RunReport, box_line, save_boxes, starting_box
from cdedge_runtime.run import track as run_track
from cdedge_runtime.sources.frames import open_source
from cdedge_runtime.sources.reading import Reading


def track(
    model: ModelArgument,
    source: SourceArgument = None,
    box: BoxOption = None,
    select: SelectOption = False,
    preview: PreviewOption = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Write x,y,w,h per frame here ('-': stdout).", show_default=False)
    ] = None,
    video: Annotated[Path | None, typer.Option(help="Write a video with the boxes drawn.", show_default=False)] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after this many frames.", show_default=False)] = None,
    every_frame: Annotated[
        bool, typer.Option("--every-frame", help="Of a live source too, instead of the newest frame each time.")
    ] = False,
    start: StartOption = 0,
    every: EveryOption = 1,
    depth_range: DepthRangeOption = None,
    reconnect: ReconnectOption = 0.0,
    provider: ProviderOption = "cpu",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Track the target through SOURCE. Needs no PyTorch."""
    import cv2

    from cdedge_runtime.opening import open_tracker

    reading = Reading(start, every, parse_depth_range(depth_range), reconnect, tell=say)
    opened = open_source(source, reading)
    introduce(opened)
    tracker = open_tracker(model, provider=provider, threads=threads)
    cv2.setNumThreads(threads or 0)
    find = finder(Asked(box, select, preview), opened)

    def begin(frame: Frame) -> Box:
        return starting_box(opened, tracker.spec, find(frame))(frame)

    with ExitStack() as stack:
        bar = stack.enter_context(progress("tracking", frames or opened.count))
        draw = None if video is None else stack.enter_context(drawing(video, opened.fps or 30.0))
        newest = opened.live and not (opened.waits or every_frame)
        report = run_track(
            tracker,
            opened,
            begin,
            limit=frames,
            observe=bar,
            draw=draw,
            newest=newest,
        )
    _write(out, report)
    if as_json:
        emit_json("cdedge.track/1", _as_dict(report, out))
    elif out != Path("-"):
        _show(report)
    if report.error is not None:
        say(f"stopped after {len(report.estimates)} frames; their boxes are kept")
        raise report.error
    if report.interrupted:
        raise KeyboardInterrupt


def _write(out: Path | None, report: RunReport) -> None:
    if out == Path("-"):
        sys.stdout.writelines(box_line(e.box, report.origin) for e in report.estimates)
    elif out is not None:
        save_boxes(out, report)


def _as_dict(report: RunReport, out: Path | None) -> dict[str, object]:
    lost = [i for i, e in enumerate(report.estimates) if e.lost]
    return {
        "source": report.source,
        "frames": len(report.estimates),
        "origin": report.origin,
        "out": None if out is None else str(out),
        "boxes": [
            [e.box.x + report.origin, e.box.y + report.origin, e.box.width, e.box.height] for e in report.estimates
        ],
        "scores": [e.score for e in report.estimates],
        "lost_frames": lost,
        "init_ms": report.init_ms,
        "fps": report.fps,
        "fps_without_read": report.fps_without_read,
        "stages": report.stages,
        "dropped_frames": report.dropped,
        "latency": report.latency,
        "reconnects": report.reconnects,
    }


def _show(report: RunReport) -> None:
    lost = sum(e.lost for e in report.estimates)
    facts: list[tuple[str, str | Text]] = [
        ("frames", str(len(report.estimates))),
        ("lost", tinted("in none", "ok") if lost == 0 else tinted(f"in {lost} frames", "warn")),
        ("fps", f"{report.fps:.1f} end to end, {report.fps_without_read:.1f} without reading"),
        ("first frame", f"{report.init_ms:.1f} ms"),
    ]
    if report.dropped is not None:
        facts.append(("skipped", f"{report.dropped} frames that came while another was worked on"))
    if report.reconnects:
        facts.append(("reconnects", f"{report.reconnects}"))
    if report.latency is not None:
        facts.append(
            ("latency", f"{report.latency.p50_ms:.1f} ms from frame to box, p99 {report.latency.p99_ms:.1f} ms")
        )
    show_facts(report.source, facts)
    show_stages(report.stages)
