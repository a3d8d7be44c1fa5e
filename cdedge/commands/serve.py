"""``cdedge serve``: the device's page in the browser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdedge.answer import emit_json
from cdedge.choosing.asked import Asked, finder
from cdedge.options import (
    BoxOption,
    DepthRangeOption,
    EveryOption,
    JsonOption,
    ModelArgument,
    ProviderOption,
    ReconnectOption,
    SourceArgument,
    StartOption,
    ThreadsOption,
    check_order,
    parse_depth_range,
)
from cdedge.show.render import introduce, say, whats_next
from cdedge.spelling import box_words
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage
from cdedge_runtime.image import Frame
from cdedge_runtime.sources.frames import Source, open_source
from cdedge_runtime.sources.reading import Reading

if TYPE_CHECKING:
    from cdedge.serve.session import Session


def serve(
    model: ModelArgument,
    source: SourceArgument = None,
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Port to listen on; 0: any free one.")
    ] = 8008,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Any but loopback puts a token into the page's address.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            envvar="CDEDGE_TOKEN",
            help="The token, where it is to stay the same. Default: a new one each time.",
            show_default=False,
        ),
    ] = None,
    box: BoxOption = None,
    start: StartOption = 0,
    every: EveryOption = 1,
    depth_range: DepthRangeOption = None,
    reconnect: ReconnectOption = 0.0,
    loop: Annotated[bool, typer.Option("--loop", help="Play a recording again and again.")] = False,
    provider: ProviderOption = "cpu",
    threads: ThreadsOption = None,
    workers: Annotated[int, typer.Option(metavar="N", min=1, help="Follow so many targets at a time.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Show SOURCE in the browser: draw targets there, see boxes, scores and the device's figures. Needs no PyTorch."""
    import cv2

    from cdedge.serve.listening import listening, token_for
    from cdedge.serve.session import Session
    from cdedge.serve.site import Site
    from cdedge.serve.viewers import Viewers
    from cdedge_runtime.targets import open_targets

    check_order(model, source)
    opened = open_source(source, Reading(start, every, parse_depth_range(depth_range), reconnect, tell=say))
    introduce(opened)
    if loop and opened.live:
        raise Usage(f"--loop: {opened.name} is live, it has no end")
    cv2.setNumThreads(threads or 0)
    viewers, find = Viewers(), finder(Asked(box), opened)
    may_wait = reconnect > 0 or opened.waits  # for its first frame: the page says so meanwhile

    def first(frame: Frame) -> Box | None:
        found = find(frame)
        if not may_wait:  # an address that ends in an error is no use
            _tell(address, as_json=as_json)
        return found

    with open_targets(model, provider=provider, threads=threads, workers=workers) as targets:
        session = Session(opened, targets, viewers, model=model.name, first=first, loop=loop)
        with listening(Site(session, viewers, token_for(host, token)), host, port) as address:
            if may_wait:
                _tell(address, as_json=as_json)
            _run(session, [] if as_json else _following(model, source, opened, box))


def _run(session: Session, following: list[object]) -> None:
    """Serve until stopped, then say the next useful command."""
    try:
        session.run()
    except KeyboardInterrupt:
        if following:
            whats_next(*following)
        raise


def _following(model: Path, source: str | None, opened: Source, box: str | None) -> list[object]:
    """How to have a target's boxes; nothing for a pipe whose first box nobody has typed: it cannot be drawn there."""
    if box is not None or opened.first_box is not None:
        return ["track", model, source, *box_words(box), "-o", "boxes.csv"]
    return [] if opened.waits else ["track", model, source, "--select", "-o", "boxes.csv"]


def _tell(address: str, *, as_json: bool) -> None:
    if as_json:
        emit_json("cdedge.serve/1", {"address": address})
    else:
        sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    say("open this address in a browser; Ctrl-C ends it")
