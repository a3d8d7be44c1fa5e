"""Choosing on a page in the browser, on loopback: the first state of ``cdedge serve``."""

from __future__ import annotations

from cdedge.serve.listening import listening
from cdedge.serve.session import Session
from cdedge.serve.site import Site
from cdedge.serve.targets import Untracked
from cdedge.serve.viewers import Viewers
from cdedge.show.render import say
from cdedge_runtime.box import Box
from cdedge_runtime.sources.frames import Source

_HOST = "127.0.0.1"


def ask(source: Source, port: int) -> tuple[Box | None, tuple[int, int]]:
    """The box that a browser's user has drawn and agreed to, None for none, and the shape of its frame.

    The address is said on stderr.

    Raises `BadEnvironment` where the port is taken, `BadInput` where the source gives no frame.
    """
    viewers, boxes = Viewers(), Untracked()
    session = Session(source, boxes, viewers)
    with listening(Site(session, viewers, agreed=session.close), _HOST, port) as address:
        say(f"choose the target of {source.name} in the browser: {address} (Ctrl-C gives up)")
        session.run()
    state = session.board.shown().state
    return boxes.first(), (state.height_px, state.width_px)
