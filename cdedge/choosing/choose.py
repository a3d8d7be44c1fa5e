"""Choosing a target, in whatever way this machine offers."""

from __future__ import annotations

from dataclasses import dataclass

from cdedge.show.render import say
from cdedge_runtime.box import Box
from cdedge_runtime.errors import Usage
from cdedge_runtime.sources.frames import Source, first_frame

SELECT_SCHEMA = "cdedge.select/1"


@dataclass(frozen=True)
class Choice:
    """A box in a frame of shape (H, W); None for none."""

    box: Box | None
    frame_shape: tuple[int, int]


@dataclass(frozen=True)
class SelectAnswer:
    """What was chosen: ``box`` is x, y, width, height as ``--box`` takes it, None where only a picture was written."""

    source: str
    width_px: int
    height_px: int
    box: tuple[float, float, float, float] | None
    warnings: tuple[str, ...]
    png: str | None


def choose(source: Source, *, page: bool = False, port: int = 0) -> Choice:
    """The box that the user draws: in a window where there is a display, else, and with ``page``, in the browser.

    Raises `Usage` where none is drawn.
    """
    from . import page as in_page
    from . import window

    if page or not window.can_show():
        choice = Choice(*in_page.ask(source, port))
    else:
        frame = first_frame(source)
        size = f"{frame.shape[1]}x{frame.shape[0]} px"
        say(f"draw a box in the window ({size}), then press Enter; c gives up")
        box = window.ask(frame, f"{source.name} ({size}): draw a box, then press Enter")
        choice = Choice(box, (frame.shape[0], frame.shape[1]))
    if choice.box is None:
        raise Usage(f"no target was chosen in {source.name}")
    return choice
