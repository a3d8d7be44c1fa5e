"""The way from a video to an exported file: frames -> design -> file -> report. It knows no tracker's name."""

from __future__ import annotations

import time
from dataclasses import astuple
from pathlib import Path

from cdedge_export.choose.look import first_frames
from cdedge_runtime.box import Box
from cdedge_runtime.image import frame_sha256
from cdedge_runtime.model.contract import SourceInfo
from cdedge_runtime.sources.frames import Source

from .options import ExportOptions
from .recipes.recipe import Scene, prepared
from .report import ExportReport, Say

__all__ = ["ExportOptions", "ExportReport", "export"]


def export(
    source: Source,
    box: Box | None,
    out: Path,
    *,
    options: ExportOptions,
    say: Say = lambda _: None,
    timed: bool = True,
) -> ExportReport:
    """Distil, prune, write and check one model file; ``say`` is told each step.

    ``timed``: measure every layer before and after pruning for the report.
    Raises `Usage`, `BadInput`, `BadModel` or `BadEnvironment`; then ``out`` is as it was before.
    """
    begin = time.perf_counter()
    recipe, chosen = prepared(options)
    say("reading the first two frames")
    frames, first_box = first_frames(source, box, anywhere=chosen.generic)  # such a file is checked there, no more
    shown = SourceInfo(source.name, frame_sha256(frames[0]), astuple(first_box))
    design = recipe.design(Scene(frames, first_box, shown), chosen, say)
    say(f"writing {out} and checking it")
    parity = design.write(out)
    if timed:
        say("measuring each layer before and after")
    costs = design.costs() if timed else ()
    seconds = time.perf_counter() - begin
    return ExportReport(
        out, out.stat().st_size, design.spec, design.plan, costs, parity, design.convention_reason, seconds
    )
