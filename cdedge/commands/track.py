"""``cdedge track``: an exported file follows its target through a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdedge.answer import emit_json
from cdedge.choosing.asked import Asked, Finder, finder
from cdedge.options import (
    MORE,
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
    check_order,
    parse_depth_range,
)
from cdedge.outputs import STDOUT, check_outputs
from cdedge.several import Several
from cdedge.show.lines import Seen, alone, boxes_to, json_line, writing
from cdedge.show.progress import patiently, progress
from cdedge.show.render import introduce, many, say, show_facts, show_stages, tinted, whats_next
from cdedge.show.video import USUAL_FPS, Video, codec_for, held_fps, outlined, playable
from cdedge_runtime.box import Box
from cdedge_runtime.errors import CdedgeError, Usage
from cdedge_runtime.estimate import Estimate, ModelTracker
from cdedge_runtime.image import Frame
from cdedge_runtime.run import Observer, RunReport, starting_box
from cdedge_runtime.run import track as run_track
from cdedge_runtime.sources.frames import Source, open_source
from cdedge_runtime.sources.reading import Reading

if TYPE_CHECKING:  # the first box does not wait for rich
    from rich.text import Text

_Out = Annotated[
    Path | None,
    typer.Option(
        "-o", "--out", help="Write x,y,w,h per frame here ('-': stdout); as a table to .csv.", show_default=False
    ),
]
_Jsonl = Annotated[
    Path | None,
    typer.Option(help="Write one JSON object per frame here ('-': stdout), as it comes.", show_default=False),
]
_Video = Annotated[
    Path | None, typer.Option(help="Write a video with the boxes drawn; browsers play .webm.", show_default=False)
]
_Frames = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Stop after this many frames.", show_default=False)
]
_Target = Annotated[
    list[str] | None,
    typer.Option(
        metavar="X,Y,W,H",
        help="Instead of --box, once for each of several targets: results go to a .csv or --jsonl.",
        show_default=False,
    ),
]
_EveryFrame = Annotated[
    bool,
    typer.Option(
        "--every-frame", help="Of a live source too, instead of the newest frame each time.", rich_help_panel=MORE
    ),
]


def track(
    model: ModelArgument,
    source: SourceArgument = None,
    box: BoxOption = None,
    select: SelectOption = False,
    preview: PreviewOption = None,
    out: _Out = None,
    jsonl: _Jsonl = None,
    video: _Video = None,
    frames: _Frames = None,
    target: _Target = None,
    every_frame: _EveryFrame = False,
    start: StartOption = 0,
    every: EveryOption = 1,
    depth_range: DepthRangeOption = None,
    reconnect: ReconnectOption = 0.0,
    provider: ProviderOption = "cpu",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Track the target through SOURCE. Needs no PyTorch."""
    check_order(model, source)
    texts = _targets(target, out, box=box, select=select, as_json=as_json)
    outputs = {"-o": out, "--jsonl": jsonl, "--video": video, "--preview": preview}
    check_outputs(outputs, (model, source), as_json=as_json, streamed=("-o", "--jsonl"))
    codec = _codec(video)
    opened = open_source(source, Reading(start, every, parse_depth_range(depth_range), reconnect, tell=say))
    introduce(opened)
    others = [finder(Asked(text, option="--target"), opened) for text in texts[1:]]
    tracker = _opened(model, others, provider=provider, threads=threads)
    several = tracker if isinstance(tracker, Several) else None
    first = Asked(texts[0], preview=preview, option="--target") if texts else Asked(box, select, preview)
    find = finder(first, opened)
    kept = None if opened.live or not as_json else Kept(opened.origin)
    started = list[Box]()
    with ExitStack() as stack:
        writers = _writers(stack, opened, out, jsonl, alone if several is None else lambda _: several.seen)
        bar = stack.enter_context(progress("tracking", frames or opened.count, "frames"))
        film = None if video is None else _film(stack, video, opened, codec)
        report = run_track(
            tracker,
            opened,
            lambda frame: _noted(starting_box(opened, tracker.spec, find(frame))(frame), started),
            limit=frames,
            observe=_each([*([] if kept is None else [kept]), *writers, bar]),
            draw=None if film is None else partial(_draw, film, several),
            newest=opened.live and not (opened.waits or every_frame),
        )
        spoilt = None if film is None else film.end()
    if as_json:
        emit_json("cdedge.track/1", _as_dict(report, out, kept))
    elif STDOUT not in (out, jsonl):
        _show(report, {} if several is None else several.lost_frames)
        if report.error is None and not opened.live:
            whats_next("bench", model, source, *first.words(started[0], opened.origin))
    _tell(report, spoilt)


def _noted(box: Box, told: list[Box]) -> Box:
    """The box, kept for the next command."""
    told.append(box)
    return box


def _targets(given: list[str] | None, out: Path | None, *, box: str | None, select: bool, as_json: bool) -> list[str]:
    """The boxes of ``--target``; raises `Usage` for what tells of one target only."""
    if given and (box is not None or select):
        raise Usage("--target and --box: give one box with --box, or each with --target")
    if given and len(set(given)) < len(given):
        raise Usage(f"--target {' --target '.join(given)}: one box is there twice; give each target once")
    if given and len(given) > 1 and (as_json or (out is not None and out.suffix.lower() != ".csv")):
        raise Usage("--target: x,y,w,h alone and --json are of one target; name the file of -o .csv, or use --jsonl")
    return given or []


def _opened(model: Path, others: Sequence[Finder], *, provider: str, threads: int | None) -> ModelTracker | Several:
    """The model's tracker; with ``others``, which find further targets in the first frame, one that follows all."""
    import cv2

    from cdedge_runtime.opening import open_features, open_tracker

    if others:
        made: ModelTracker | Several = Several(open_features(model, provider=provider, threads=threads), others)
    else:
        made = open_tracker(model, provider=provider, threads=threads)
    cv2.setNumThreads(threads or 0)
    return made


def _each(observers: Sequence[Observer]) -> Observer:
    """One observer that tells all of them, in their order."""

    def observe(index: int, frame: Frame, estimate: Estimate) -> None:
        for each in observers:
            each(index, frame, estimate)

    return observe


def _film(stack: ExitStack, video: Path, source: Source, codec: str) -> Video:
    film = stack.enter_context(Video(video, _fps(source), codec))
    stack.enter_context(patiently(f"tracking, and writing {video}"))
    return film


def _draw(film: Video, several: Several | None, index: int, frame: Frame, estimate: Estimate) -> None:
    film.add(index, frame if several is None else outlined(frame, several.seen.values()), estimate)


def _writers(stack: ExitStack, source: Source, out: Path | None, jsonl: Path | None, seen: Seen) -> list[Observer]:
    """What writes each frame's results."""
    made = []
    if out is not None:
        line, head = boxes_to(out, source, seen)
        made.append(stack.enter_context(writing(out, line, source, head=head)))
    if jsonl is not None:
        made.append(stack.enter_context(writing(jsonl, json_line(source.origin, seen), source)))
    return made


def _tell(report: RunReport, spoilt: CdedgeError | None) -> None:
    """Raise what ended the run before its end, or what became of its video."""
    if report.error is not None:
        say(f"stopped after {report.frames} frames; what could be written of them is kept")
        raise report.error
    if report.interrupted:
        raise KeyboardInterrupt
    if spoilt is not None:
        raise spoilt


class Kept:
    """What the JSON answer says of each frame of a recording."""

    def __init__(self, origin: int) -> None:
        self._origin = origin
        self.boxes: list[list[float]] = []
        self.scores: list[float] = []
        self.lost_frames: list[int] = []

    def __call__(self, index: int, _frame: Frame, estimate: Estimate) -> None:
        box = estimate.box
        self.boxes.append([box.x + self._origin, box.y + self._origin, box.width, box.height])
        self.scores.append(estimate.score)
        if estimate.lost:
            self.lost_frames.append(index)


def _codec(video: Path | None) -> str:
    if video is None:
        return ""
    codec = codec_for(video)
    if not playable(codec):
        say(f"{video}: browsers do not play {codec}, which is what OpenCV writes here; name it .webm if one is to")
    return codec


def _fps(source: Source) -> float:
    """The frame rate of a source's video; said where it is not the source's own."""
    known = source.fps or USUAL_FPS
    if held_fps(known) != known:
        say(f"the video plays {held_fps(known):g} frames a second, as its container holds no {known:g}")
    return held_fps(known)


def _as_dict(report: RunReport, out: Path | None, kept: Kept | None) -> dict[str, object]:
    return {
        "source": report.source,
        "frames": report.frames,
        "origin": report.origin,
        "out": None if out is None else str(out),
        "boxes": None if kept is None else kept.boxes,
        "scores": None if kept is None else kept.scores,
        "lost_frames": None if kept is None else kept.lost_frames,
        "lost": report.lost_frames,
        "init_ms": report.init_ms,
        "fps": report.fps,
        "fps_without_read": report.fps_without_read,
        "stages": report.stages,
        "dropped_frames": report.dropped,
        "latency": report.latency,
        "reconnects": report.reconnects,
        "error": None if report.error is None else str(report.error),
    }


def _show(report: RunReport, lost_of: Mapping[int, int]) -> None:
    draw = report.stages.get("draw")
    facts: list[tuple[str, str | Text]] = [
        ("frames", str(report.frames)),
        *((f"target {number} lost", _lost(count)) for number, count in lost_of.items()),
        *([] if lost_of else [("lost", _lost(report.lost_frames))]),
        ("fps", f"{report.fps:.1f} end to end, {report.fps_without_read:.1f} without reading"),
        *([] if draw is None else [("video", f"{draw.mean_ms:.1f} ms a frame: in the total below, in no fps")]),
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


def _lost(count: int) -> Text:
    return tinted("in none", "ok") if count == 0 else tinted(f"in {many(count, 'frame')}", "warn")
