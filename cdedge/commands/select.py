"""``cdedge select``: draw the target, get its ``--box``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from cdedge.answer import emit_json
from cdedge.choosing.asked import box_in, save_ruled
from cdedge.choosing.choose import SELECT_SCHEMA, Choice, SelectAnswer, choose
from cdedge.doubts import doubts, numbered
from cdedge.options import BoxOption, DepthRangeOption, JsonOption, SourceArgument, StartOption, parse_depth_range
from cdedge.outputs import check_outputs
from cdedge.show.render import introduce, say, whats_next
from cdedge_runtime.errors import Usage
from cdedge_runtime.record import encode
from cdedge_runtime.sources.frames import Source, first_frame, open_source
from cdedge_runtime.sources.reading import Reading


def select(
    source: SourceArgument = None,
    box: BoxOption = None,
    png: Annotated[
        Path | None,
        typer.Option(help="Write the first frame with a ruler (and --box) here and ask nothing.", show_default=False),
    ] = None,
    page: Annotated[bool, typer.Option("--page", help="Ask in the browser where there is a display, too.")] = False,
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Port of the page; 0: any free one.")] = 0,
    start: StartOption = 0,
    depth_range: DepthRangeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the target in SOURCE's first frame: in a window, else on a page in the browser. Prints --box X,Y,W,H."""
    if box is not None and png is None:
        raise Usage("--box: to look at a box, give --png OUT.png as well")
    check_outputs({"--png": png}, (source,))
    opened = open_source(source, Reading(start, depth_range=parse_depth_range(depth_range)))
    introduce(opened)
    answer = _chosen(opened, page=page, port=port) if png is None else _ruled(opened, box, png)
    for warning in answer.warnings:
        say(f"warning: in the {answer.width_px}x{answer.height_px} frame, {warning}")
    if as_json:
        emit_json(SELECT_SCHEMA, encode(answer))
    elif answer.png is None and answer.box is not None:
        sys.stdout.write(f"--box {_spelt(answer.box)}\n")
    else:
        say(f"wrote {answer.png}: read the box off its ruler, in its {answer.width_px}x{answer.height_px} px")
        if answer.box is None and source is not None:
            say(f"then: cdedge export {shlex.quote(source)} --box X,Y,W,H")
    if answer.box is not None and not as_json:
        whats_next("export", source, "--box", _spelt(answer.box), "--layers", "11", "-o", "target.onnx")


def _spelt(box: tuple[float, ...]) -> str:
    return ",".join(f"{number:g}" for number in box)


def _chosen(source: Source, *, page: bool, port: int) -> SelectAnswer:
    return _answer(source, choose(source, page=page, port=port), None)


def _ruled(source: Source, text: str | None, png: Path) -> SelectAnswer:
    frame = first_frame(source)
    box = None if text is None else box_in(text, frame.shape, source.origin)
    save_ruled(png, frame, box, source.origin)
    return _answer(source, Choice(box, (frame.shape[0], frame.shape[1])), png)


def _answer(source: Source, choice: Choice, png: Path | None) -> SelectAnswer:
    (height, width), box = choice.frame_shape, choice.box
    numbers = None if box is None else numbered(box, source.origin)
    found = () if box is None else doubts(box, choice.frame_shape)
    return SelectAnswer(source.name, width, height, numbers, found, None if png is None else str(png))
