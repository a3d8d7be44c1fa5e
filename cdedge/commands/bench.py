"""``cdedge bench``: frame rate and memory, measured in fresh processes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cdedge.answer import emit_json
from cdedge.options import (
    BoxOption,
    FramesOption,
    JsonOption,
    ModelArgument,
    ProviderOption,
    SourceArgument,
    ThreadsOption,
    check_order,
    starting_numbers,
)
from cdedge.show.bench_tables import BENCH_SCHEMA, Compared, checked, read_bench, show_bench, show_changes, show_checked
from cdedge.show.progress import patiently, progress
from cdedge.show.render import introduce, whats_next
from cdedge.spelling import box_words
from cdedge_runtime.errors import CdedgeError, Usage
from cdedge_runtime.measure.benchmark import benchmark, differences
from cdedge_runtime.measure.benchmark import compare as compare_reports
from cdedge_runtime.measure.footage import footage_of
from cdedge_runtime.measure.probe import Request
from cdedge_runtime.record import encode
from cdedge_runtime.sources.frames import open_source

from .predict import foretell


def bench(
    model: ModelArgument,
    source: SourceArgument = None,
    box: BoxOption = None,
    frames: FramesOption = None,
    provider: ProviderOption = "cpu",
    threads: ThreadsOption = None,
    repeat: Annotated[
        int, typer.Option(metavar="N", min=1, help="Measure so often, each time in a fresh process.")
    ] = 1,
    compare: Annotated[
        Path | None,
        typer.Option(help="An older --json answer; exit code 1 if slower or larger than then.", show_default=False),
    ] = None,
    predict: Annotated[
        bool, typer.Option("--predict", help="Run nothing: say from the file alone what memory it will take.")
    ] = False,
    frame: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="With --predict: size of the frames instead of SOURCE.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure frame rate and memory of a model on SOURCE in a fresh process."""
    check_order(model, source)
    if predict:
        unused = {"--box": box, "--frames": frames, "--compare": compare, "--repeat": None if repeat == 1 else repeat}
        given = [name for name, value in unused.items() if value is not None]
        if given:
            raise Usage(f"{given[0]}: nothing is run with --predict; leave it out")
        foretell(model, source, frame, threads=threads or 1, as_json=as_json)
        return
    if frame is not None:
        raise Usage("--frame: it is for --predict; SOURCE's frames have their own size")
    from cdedge_runtime.model.session import read_spec

    old = None if compare is None else read_bench(compare)
    opened = open_source(source)
    introduce(opened)
    start = starting_numbers(box, opened)
    with patiently("measuring in a fresh process"), progress("measuring", repeat) as step:
        report = benchmark(Request(str(model), source, start, frames, provider, threads), repeat=repeat, step=step)
    foretold = None if opened.live else checked(read_spec(model), footage_of(source, opened), report)
    changes = () if old is None else compare_reports(old, report)
    unlike = () if old is None else differences(old, report)
    if as_json:
        compared = None if old is None else encode(Compared(changes, unlike))
        emit_json(BENCH_SCHEMA, {**encode(report), "compared": compared, "prediction": encode(foretold)})
    else:
        show_bench(report)
        if foretold is not None:
            show_checked(report, foretold)
        if old is not None:
            show_changes(changes, unlike)
        whats_next("report", model, source, *box_words(box), "-o", "report.html")
    if any(each.verdict == "worse" for each in changes):
        raise typer.Exit(CdedgeError.exit_code)
