"""What is to be seen now, handed from the loop to whoever looks on."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from cdedge_runtime.errors import BadInput
from cdedge_runtime.image import Frame

from .state import State


@dataclass(frozen=True)
class View:
    """A frame (H, W, 3) uint8 BGR and the state that belongs to it."""

    frame: Frame
    state: State


class Board:
    """The newest view; the loop never waits for those who read it."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._newest: View | None = None

    def put(self, view: View) -> None:
        """Show a view in place of the last one."""
        with self._news:
            self._newest = view
            self._news.notify_all()

    def newest(self) -> View | None:
        """Return the view shown now; None before the first."""
        return self._newest

    def shown(self) -> View:
        """Return the view shown now; raises `BadInput` before the first."""
        if self._newest is None:
            raise BadInput("the source has given no frame yet")
        return self._newest

    def newer_than(self, number: int, timeout_s: float) -> View | None:
        """Wait for a view other than ``number``; None where none comes."""
        with self._news:
            self._news.wait_for(lambda: self._newest is not None and self._newest.state.view != number, timeout_s)
            found = self._newest
        return found if found is not None and found.state.view != number else None
