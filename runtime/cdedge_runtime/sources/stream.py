"""Live sources: one that ends, stalls or breaks has not come to its end. It is lost, and may come back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from cdedge_runtime.errors import BadInput

from .alike import Picture
from .board import ProgramCapture
from .captures import keep_depth

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0


Opener = Callable[[], "cv2.VideoCapture | ProgramCapture"]


@dataclass
class Link:
    """How a live source is doing; its reader keeps it true, anyone may look."""

    state: Literal["waiting", "running", "lost"] = "waiting"
    frames: int = 0
    reconnects: int = 0


def live_pictures(
    open_: Opener, name: str, link: Link, *, reconnect_s: float, tell: Callable[[str], None]
) -> Iterator[Picture]:
    """Pictures of a stream or camera, without end.

    Where it cannot be reached or is lost, it is tried again for ``reconnect_s``, after pauses that double; ``tell`` is
    told of a loss and a return. Raises `BadInput` where that time is over.
    """
    away_since_s = last_s = time.monotonic()
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            for picture in _while_it_lasts(open_):
                if link.state == "lost":
                    link.reconnects += 1
                    tell(f"{name}: back after {time.monotonic() - last_s:.1f} s")
                link.state, pause_s = "running", FIRST_PAUSE_S
                link.frames += 1
                yield picture
                del picture
                last_s = time.monotonic()  # what the reader took is no silence
            why = f"{name}: {_loss(time.monotonic() - last_s)} after {link.frames} frames"
        except BadInput as error:
            why = str(error)
        if link.state == "running":
            link.state, away_since_s = "lost", time.monotonic()
            if reconnect_s:
                tell(f"{why}; trying to get it back for {reconnect_s:g} s")
        left_s = away_since_s + reconnect_s - time.monotonic()
        if left_s <= 0:
            raise _lost(why, reconnect_s)
        time.sleep(min(pause_s, left_s))
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _while_it_lasts(open_: Opener) -> Iterator[Picture]:
    capture = open_()
    keep_depth(capture)
    try:
        while True:
            ok, picture = capture.read()
            if not ok:
                return
            yield np.asarray(picture)
            del picture
    finally:
        capture.release()


def _lost(why: str, reconnect_s: float) -> BadInput:
    if reconnect_s:
        return BadInput(why)
    return BadInput(f"{why}; no time was given to try again", field="reconnect_s")


def _loss(silence_s: float) -> str:
    return "the stream ended or broke" if silence_s < 1 else f"nothing came for {silence_s:.1f} s"
