"""``cdedge plan``: what to export for a budget of memory and time."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from cdedge.answer import emit_json
from cdedge.choosing.asked import Asked
from cdedge.options import (
    MORE,
    BoxOption,
    JsonOption,
    PreviewOption,
    SelectOption,
    SourceArgument,
    listed,
    parse_box,
    parse_bytes,
)
from cdedge.outputs import check_outputs
from cdedge.planning.budget import (
    PLAN_SCHEMA,
    Budget,
    Candidate,
    Option,
    PlanReport,
    best_of_each,
    front,
    miss_text,
    nearest,
    options_svg,
    show_plan,
)
from cdedge.planning.scaling import Pace, Target, load_note, pace_of, target_of
from cdedge.planning.search import Found, Scene, candidates, check_all, evaluate, make, options_of
from cdedge.show.progress import patiently, progress
from cdedge.show.render import introduce, say, whats_next
from cdedge.spelling import option_name
from cdedge_runtime.errors import BadInput, OverBudget, Usage
from cdedge_runtime.files import scratch_folder, write_whole
from cdedge_runtime.measure.conditions import read_conditions
from cdedge_runtime.measure.footage import footage_of
from cdedge_runtime.measure.predict import Footage, least_over_floor_bytes
from cdedge_runtime.record import encode
from cdedge_runtime.sources.frames import Source, open_source

_Device = Annotated[str, typer.Option(help="here, a device profile's name (see 'cdedge devices') or its TOML file.")]
_MaxMemory = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="At most so much over Python and its libraries, e.g. 24MB.", show_default=False),
]
_MinFps = Annotated[
    float | None, typer.Option(min=0.01, help="At least so many frames per second.", show_default=False)
]
_Channels = Annotated[str, typer.Option(help="Channels to try: shares, counts, auto, all.")]
_Mode = Annotated[str, typer.Option(help="Pruning modes to try: chain, exact.", rich_help_panel=MORE)]
_InputPx = Annotated[str, typer.Option("--input", help="Sides of the network's input to try.", rich_help_panel=MORE)]
_Precision = Annotated[
    str | None,
    typer.Option(
        help="Precisions to try: fp32, int8, fp16; of a deep network where there is one, else of the layers. Default: "
        "int8 for cdedge_deep, else fp32.",
        show_default=False,
        rich_help_panel=MORE,
    ),
]
_Deep = Annotated[
    str,
    typer.Option(
        metavar="NET,...",
        help="Deep networks to try beside the first of the layers and inputs, the one to be preferred first: none, "
        "cdedge_deep, or the PATH of an .onnx file.",
    ),
]
_DeepHead = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="A box head of these files, or cdedge_head, of cdedge_deep.",
        show_default=False,
        rich_help_panel=MORE,
    ),
]
_Weights = Annotated[str | None, typer.Option(help="As in 'cdedge export'.", show_default=False, rich_help_panel=MORE)]
_Frames = Annotated[
    int, typer.Option(metavar="N", min=3, help="Measure on so many of the first frames.", rich_help_panel=MORE)
]
_Threads = Annotated[
    int, typer.Option(metavar="N", min=1, help="Threads for onnxruntime and OpenCV.", rich_help_panel=MORE)
]
_Out = Annotated[
    Path | None, typer.Option("-o", "--out", help="Write the best file that fits here.", show_default=False)
]
_Plot = Annotated[Path | None, typer.Option(help="Write memory against fps here, as SVG.", show_default=False)]

_BESIDE = (
    "a margin with a deep network is not one without: its response is broad on purpose. What such a file is worth is "
    "not measured here, but on benchmarks: docs/studies/sight.md; --deep says which to prefer"
)


def plan(
    source: SourceArgument = None,
    box: BoxOption = None,
    select: SelectOption = False,
    preview: PreviewOption = None,
    device: _Device = "here",
    max_memory: _MaxMemory = None,
    min_fps: _MinFps = None,
    layers: Annotated[str, typer.Option(help="Layers to try.")] = "11,11+12,11+12+21",
    channels: _Channels = "0.25,0.5,all",
    mode: _Mode = "chain,exact",
    input_px: _InputPx = "96,192",
    precision: _Precision = None,
    deep: _Deep = "none,cdedge_deep",
    deep_head: _DeepHead = None,
    weights: _Weights = None,
    frames: _Frames = 60,
    threads: _Threads = 1,
    out: _Out = None,
    plot: _Plot = None,
    as_json: JsonOption = False,
) -> None:
    """Search layers, channels, modes and input sizes for the best file that fits a budget; exit code 4 if none does."""
    networks = tuple(None if name == "none" else name for name in listed("--deep", deep))
    chosen = candidates(
        listed("--layers", layers),
        listed("--channels", channels),
        listed("--mode", mode),
        tuple(map(_side, listed("--input", input_px))),
        None if precision is None else listed("--precision", precision),
        networks,
        deep_head,
    )
    target = target_of(device)
    pace = pace_of(target, threads)
    if pace.slowdown is None:
        _refuse_rates(pace.notes[-1], min_fps, plot)
    budget = Budget(None if max_memory is None else parse_bytes("--max-memory", max_memory), min_fps)
    check_outputs({"-o": out, "--plot": plot, "--preview": preview}, (source, weights, device, *networks, deep_head))
    check_all(chosen, weights)
    opened = _recording(source)
    busy = load_note(read_conditions())
    for note in busy:
        say(note)
    with patiently("loading PyTorch"):
        from cdedge_export.choose.look import first_frames

    two, first = first_frames(opened, parse_box(box, opened, select=select, preview=preview))
    scene = Scene(source, opened, first, two, footage_of(source, opened), frames, threads, weights)
    with scratch_folder() as folder:
        found = _searched(chosen, scene, budget, pace, folder, measured_here=target.profile is None)
        report = _report(found, scene, budget, target, replace(pace, notes=pace.notes + busy), networks)
        if report.chosen is not None and out is not None:
            write_whole(out, _file_of(found, report.chosen).read_bytes())
            report = replace(report, model=str(out))
    _tell(report, scene.footage, plot, as_json=as_json)
    if not as_json:
        words = Asked(box, select).words(first, opened.origin)
        _tell_next(report, [*([] if source is None else [source]), *words], weights)


def _refuse_rates(why: str, min_fps: float | None, plot: Path | None) -> None:
    """Raise `Usage` for what asks for frame rates where none can be told."""
    if min_fps is not None:
        raise Usage(f"{why}: plan without --min-fps, or measure on the device with --device here")
    if plot is not None:
        raise Usage(f"{why}: plan without --plot, which draws them, or measure on the device with --device here")


def _recording(source: str | None) -> Source:
    """The source, introduced; raises `BadInput` for a live one."""
    opened = open_source(source)
    introduce(opened)
    if opened.live:
        raise BadInput(f"{opened.name} is live: plan on a recording of it")
    return opened


def _tell_next(report: PlanReport, where: list[str], weights: str | None) -> None:
    if report.model is not None and not report.measured:
        whats_next("bundle", report.model, "--for", report.device)
    elif report.model is not None:
        whats_next("track", report.model, *where)
    elif report.chosen is not None:
        given = options_of(report.chosen.candidate, weights).given()
        words = [
            [option_name(field)] if value is False else [option_name(field), value] for field, value in given.items()
        ]
        whats_next("export", *where, *chain.from_iterable(words), "-o", "best.onnx")


def _searched(
    chosen: tuple[Candidate, ...], scene: Scene, budget: Budget, pace: Pace, folder: Path, *, measured_here: bool
) -> Found:
    """What was found among the candidates; their files are in ``folder``."""
    with progress("exporting", len(chosen)) as step:
        made, spoiled = make(chosen, scene, folder, step)
    with progress("measuring", len(made)) as step:
        found = evaluate(made, scene, budget, slowdown=pace.slowdown, measured_here=measured_here, step=step)
    return replace(found, left_out=spoiled + found.left_out)


def _report(
    found: Found, scene: Scene, budget: Budget, target: Target, pace: Pace, networks: tuple[str | None, ...]
) -> PlanReport:
    """What was found, and the best that fit with each of the deep networks; the first is chosen. No file is named."""
    options = tuple(option for option, _ in found.options)
    fitting = best_of_each(options, budget, networks)
    taken = next(iter(fitting), None)
    return PlanReport(
        source=scene.source.name,
        device=target.name,
        measured=target.profile is None,
        slowdown=pace.slowdown,
        threads=scene.threads,
        budget=budget,
        options=options,
        front=front(options),
        left_out=found.left_out,
        notes=(*pace.notes, *([_BESIDE] if len(networks) > 1 else [])),
        chosen=taken,
        also=fitting[1:],
        nearest=None if taken is not None else nearest(options, budget),
        model=None,
    )


def _tell(report: PlanReport, footage: Footage, plot: Path | None, *, as_json: bool) -> None:
    if plot is not None:
        _draw(report, plot)
    if as_json:
        emit_json(PLAN_SCHEMA, encode(report))
    else:
        show_plan(report)
    if report.chosen is None:
        raise OverBudget(miss_text(report.budget, report.nearest, least_over_floor_bytes(footage)))


def _draw(report: PlanReport, plot: Path) -> None:
    kind = "measured" if report.measured else "PREDICTED"
    title = f"{report.source} on {report.device}, {kind}"
    write_whole(plot, options_svg(title, report.options, report.front, report.chosen, report.budget).encode())
    say(f"wrote {plot}")


def _file_of(found: Found, wanted: Option) -> Path:
    return next(path for option, path in found.options if option is wanted)


def _side(word: str) -> int:
    if not re.fullmatch(r"\d{1,4}", word, re.ASCII) or not 32 <= int(word) <= 512:
        raise Usage(f"--input {word:.40}: expected sides of 32 to 512 px, like 96,192")
    return int(word)
