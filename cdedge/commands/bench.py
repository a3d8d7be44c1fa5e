"""``cdedge bench``: frame rate and memory, measured in fresh processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cdedge.bench_tables import show_bench, show_changes
from cdedge.options import (
    BoxOption,
    JsonOption,
    ModelArgument,
    ProviderOption,
    SourceArgument,
    ThreadsOption,
    parse_box,
)
from cdedge.progress import progress
from cdedge.render import emit_json, introduce
from cdedge_runtime.benchmark import BenchReport, benchmark, differences
from cdedge_runtime.benchmark import compare as compare_reports
from cdedge_runtime.errors import BadInput, CdedgeError
from cdedge_runtime.frames import open_source
from cdedge_runtime.probe import Request
from cdedge_runtime.record import decode, encode

SCHEMA = "cdedge.bench/1"


def bench(
    model: ModelArgument,
    source: SourceArgument = None,
    box: BoxOption = None,
    frames: Annotated[int | None, typer.Option(min=3, help="Stop after this many frames.", show_default=False)] = None,
    provider: ProviderOption = "cpu",
    threads: ThreadsOption = None,
    repeat: Annotated[int, typer.Option(min=1, help="Measure so often, each time in a fresh process.")] = 1,
    compare: Annotated[
        Path | None,
        typer.Option(help="An older --json answer; exit code 1 if slower or larger than then.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure frame rate and memory of a model on SOURCE in a fresh process."""
    old = None if compare is None else read_bench(compare)
    opened = open_source(source)
    introduce(opened)
    given = parse_box(box, opened)
    start = None if given is None else (given.x, given.y, given.width, given.height)
    with progress("measuring", repeat) as step:
        report = benchmark(Request(str(model), source, start, frames, provider, threads), repeat=repeat, step=step)
    changes = () if old is None else compare_reports(old, report)
    unlike = () if old is None else differences(old, report)
    if as_json:
        compared = None if old is None else {"changes": changes, "not_alike": unlike}
        emit_json(SCHEMA, {**encode(report), "compared": compared})
    else:
        show_bench(report)
        if old is not None:
            show_changes(changes, unlike)
    if any(each.verdict == "worse" for each in changes):
        raise typer.Exit(CdedgeError.exit_code)


def read_bench(path: Path) -> BenchReport:
    """An answer of ``cdedge bench --json``; raises `BadInput` for anything else."""
    try:
        value = json.loads(path.read_text())
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise BadInput(f"{path}: not JSON: {error}") from error
    if not isinstance(value, dict) or value.pop("schema", None) != SCHEMA:
        raise BadInput(f"{path}: not an answer of 'cdedge bench --json' (its schema is not {SCHEMA})")
    value.pop("compared", None)
    try:
        return decode(BenchReport, value)
    except ValueError as error:
        raise BadInput(f"{path}: an answer of another version of cdedge: {error}") from error
