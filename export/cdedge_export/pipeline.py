"""The way from a video to an exported file: frames -> design -> file -> report. It knows no tracker's name."""

from __future__ import annotations

import time
from dataclasses import astuple
from pathlib import Path

from cdedge_export.choose.look import first_frames
from cdedge_export.choose.plan import load_plan
from cdedge_runtime.box import Box
from cdedge_runtime.image import frame_sha256
from cdedge_runtime.model.contract import SourceInfo
from cdedge_runtime.sources.frames import Source

from .network.backbones import find_backbone, parse_layers
from .network.bundled import check_weights, default_weights
from .network.conventions import parse_convention
from .onnx_net.torchvision_net import is_file
from .options import ExportOptions
from .recipes.recipe import Scene, prepared
from .recipes.steps import is_built_in, steps_for
from .report import ExportReport, Say

__all__ = ["ExportOptions", "ExportReport", "check", "export"]


def check(options: ExportOptions) -> None:
    """Raise what an export with these options would raise whatever it is for: nothing is looked at, no PyTorch loaded.

    Raises `Usage`, `BadInput`, `BadModel` or `BadEnvironment`.
    """
    recipe, chosen = prepared(options)
    recipe.check(chosen)
    if chosen.plan is not None and not Path(chosen.plan).is_fifo():  # a pipe can be read only once
        load_plan(Path(chosen.plan))
    if not {"backbone", "layers"} <= recipe.uses:
        return
    if is_built_in(chosen):
        backbone = find_backbone(chosen.backbone)
        taps = parse_layers(chosen.layers, backbone)
        if chosen.convention is not None:
            parse_convention(chosen.convention, dict(backbone.conventions))
        check_weights(chosen.weights or default_weights(backbone, taps), chosen.convention)
    elif is_file(chosen.backbone):
        steps_for(chosen).check(chosen)


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
