"""``cdedge predict``, the old name of ``cdedge bench --predict``: memory from the file alone, before it is deployed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cdedge.answer import emit_json
from cdedge.options import JsonOption, ModelArgument, parse_size
from cdedge.show.bench_tables import PREDICT_SCHEMA, Answer, show_prediction
from cdedge.show.render import say, whats_next
from cdedge_runtime.errors import Usage
from cdedge_runtime.measure.predict import Footage
from cdedge_runtime.measure.predict import predict as run_predict
from cdedge_runtime.record import encode

_DEFAULT_PX = (480, 640)


def predict(
    model: ModelArgument,
    source: Annotated[
        str | None,
        typer.Argument(help="What will be tracked in: a video, folder or sequence, or 'demo'.", show_default=False),
    ] = None,
    frame: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Size of the frames instead of SOURCE. Default: 640x480.", show_default=False),
    ] = None,
    threads: Annotated[int, typer.Option(metavar="N", min=1, help="Threads for onnxruntime.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Old name of 'cdedge bench --predict'."""
    say("'cdedge predict' is 'cdedge bench --predict' now; the old name goes with the next release")
    foretell(model, source, frame, threads=threads, as_json=as_json)


def foretell(model: Path, source: str | None, frame: str | None, *, threads: int, as_json: bool) -> None:
    """Say from the file alone how much memory its tracker will take on the CPU; nothing is run."""
    from cdedge_runtime.model.graph import node_count
    from cdedge_runtime.model.session import read_spec

    footage = _footage(source, frame)
    said = run_predict(read_spec(model), footage, nodes=node_count(model), threads=threads)
    answer = Answer(str(model), footage, threads, said)
    if as_json:
        emit_json(PREDICT_SCHEMA, encode(answer))
    else:
        show_prediction(answer)
        whats_next("bench", model, None if source == "demo" else source)


def _footage(source: str | None, frame: str | None) -> Footage:
    if source is not None and frame is not None:
        raise Usage("give SOURCE or --frame, not both")
    if source is None:
        if frame is None:
            say("no SOURCE or --frame given: for images of 640x480")
        return Footage(_DEFAULT_PX if frame is None else parse_size(frame))
    from cdedge_runtime.measure.footage import footage_of
    from cdedge_runtime.sources.frames import open_source

    text = None if source == "demo" else source
    return footage_of(text, open_source(text))
