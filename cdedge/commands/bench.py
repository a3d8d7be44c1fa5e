"""``cdedge bench``: frame rate and memory, measured in a fresh process."""

from __future__ import annotations

from typing import Annotated

import typer

from cdedge.options import (
    BoxOption,
    JsonOption,
    ModelArgument,
    ProviderOption,
    SourceArgument,
    ThreadsOption,
    parse_box,
)
from cdedge.render import emit_json, introduce, show_facts, size
from cdedge.stages import show_stages
from cdedge_runtime.frames import open_source
from cdedge_runtime.probe import ProbeReport, Request, measure


def bench(
    model: ModelArgument,
    source: SourceArgument = None,
    box: BoxOption = None,
    frames: Annotated[int | None, typer.Option(min=3, help="Stop after this many frames.", show_default=False)] = None,
    provider: ProviderOption = "cpu",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure frame rate and memory of a model on SOURCE in a fresh process."""
    opened = open_source(source)
    introduce(opened)
    given = parse_box(box, opened)
    start = None if given is None else (given.x, given.y, given.width, given.height)
    report = measure(Request(str(model), source, start, frames, provider, threads))
    if as_json:
        emit_json("cdedge.bench/1", {"model": str(model), **_as_dict(report)})
    else:
        _show(report)


def _as_dict(report: ProbeReport) -> dict[str, object]:
    return {field: getattr(report, field) for field in report.__dataclass_fields__}


def _show(report: ProbeReport) -> None:
    memory = report.memory
    show_facts(
        f"{report.source}: {report.frames} frames, {report.provider}, {report.threads} threads",
        [
            ("fps", f"{report.fps:.1f} end to end, {report.fps_without_read:.1f} without reading"),
            ("start", f"{report.load_ms:.0f} ms to load, {report.init_ms:.1f} ms for the first frame"),
            ("outside onnxruntime", f"{report.outside_session_share:.0%} of the time without reading"),
            ("peak memory", f"{size(memory.peak_bytes)} resident"),
            ("  floor", f"{size(memory.floor_bytes)} Python, numpy, OpenCV, onnxruntime"),
            ("  source", f"{size(memory.source_bytes)} to read frames"),
            ("  tracker", f"{size(memory.tracker_bytes)} model, session and filter"),
            (
                "by shape",
                f"weights {size(memory.weights_bytes)}, activations {size(memory.activations_bytes)}, "
                f"filter {size(memory.filter_state_bytes)}, buffers {size(memory.buffers_bytes)}",
            ),
        ],
    )
    show_stages(report.stages)
