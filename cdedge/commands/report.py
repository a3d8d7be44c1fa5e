"""``cdedge report``: one page on a model on a device."""

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
from cdedge.outputs import check_outputs
from cdedge.show.bench_tables import read_bench
from cdedge.show.progress import patiently, progress
from cdedge.show.render import introduce, many, say, whats_next
from cdedge.spelling import box_words
from cdedge_runtime.errors import BadInput
from cdedge_runtime.files import file_sha256
from cdedge_runtime.measure.benchmark import BenchReport, benchmark
from cdedge_runtime.measure.probe import Request
from cdedge_runtime.sources.frames import open_source


def report(
    model: ModelArgument,
    source: SourceArgument = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="The page to write.")] = Path("report.html"),
    bench: Annotated[
        Path | None,
        typer.Option(
            help="An answer of 'cdedge bench --json', made on the device, to show instead of measuring here.",
            show_default=False,
        ),
    ] = None,
    box: BoxOption = None,
    frames: FramesOption = None,
    provider: ProviderOption = "cpu",
    threads: ThreadsOption = None,
    repeat: Annotated[
        int, typer.Option(metavar="N", min=1, help="Measure so often, each time in a fresh process.")
    ] = 3,
    weights: Annotated[
        str | None,
        typer.Option(help="The weights the file was made from, for the pictures of channels.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write one self-contained page: the tracking, memory, time and channels of a model, here or measured elsewhere."""
    from cdedge.pages.device import DevicePage, write_device_page
    from cdedge.pages.first_frame import deep_pictures_reason, pictures_or_reason, predicted_or_reason
    from cdedge.pages.tracking import Pass, followed_or_reason
    from cdedge_runtime.model.session import read_spec

    check_order(model, source)
    check_outputs({"-o": out}, (model, source, bench, weights))
    spec = read_spec(model)
    if bench is None:
        opened = open_source(source)
        introduce(opened)
        request = Request(str(model), source, starting_numbers(box, opened), frames, provider, threads)
        measured = _measured(request, repeat)
    else:
        measured = _saved(bench, model)
    source = source or measured.request.source
    predicted, no_prediction = predicted_or_reason(
        model, spec, source, provider=measured.request.provider, threads=measured.threads
    )
    pictures, no_pictures = pictures_or_reason(model, spec, source, box=box, weights=weights)
    with progress("tracking", frames, "frames") as step:
        asked = Pass(model, source, box, frames, provider, threads)
        tracking, no_tracking = followed_or_reason(asked, step)
    left_out = (*no_tracking, *no_prediction, *no_pictures, *deep_pictures_reason(spec))
    write_device_page(out, DevicePage(model, spec, measured, tracking, predicted, pictures, left_out))
    for what, why in left_out:
        say(f"left out: {what}. {why}")
    if as_json:
        emit_json("cdedge.report/1", {"page": str(out), "bytes": out.stat().st_size, "left_out": dict(left_out)})
    else:
        say(f"wrote {out}")
        whats_next("soak", model, source, *box_words(box), "--frames", 5000)


def _measured(request: Request, repeat: int) -> BenchReport:
    with (
        patiently(f"measuring in {many(repeat, 'fresh process', 'fresh processes')}"),
        progress("measuring", repeat) as step,
    ):
        return benchmark(request, repeat=repeat, step=step)


def _saved(bench: Path, model: Path) -> BenchReport:
    saved, digest = read_bench(bench), file_sha256(model)
    if saved.model_sha256 != digest:
        raise BadInput(
            f"{bench}: measured with another file than {model} (sha256 {saved.model_sha256[:12]}.., "
            f"this one {digest[:12]}..); give the model that was measured"
        )
    return saved
