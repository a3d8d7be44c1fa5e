"""Where nobody watches (a service, nohup, a pipe), a long work says a plain line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from cdedge.show.render import say

Line = Callable[[float], str]

_LEAST_S, _MOST_S, _SHARE = 30.0, 600.0, 0.1


@dataclass
class Tally:
    """How much of a work is done."""

    what: str
    total: int | None
    unit: str
    done: int = 0

    def step(self, *_: object) -> None:
        """One more is done."""
        self.done += 1

    def reach(self, done: int) -> None:
        """So much is done in all."""
        self.done = done

    def line(self, elapsed_s: float) -> str:
        """What is done after so long.

        >>> Tally("tracking", 4500, "frames", 900).line(30.0)
        'tracking: 900 of 4500 frames, 30.0 a second, 0:02:00 left'
        >>> Tally("exporting", None, "", 3).line(60.0)
        'exporting: 3'
        """
        count = f"{self.done}" if self.total is None else f"{self.done} of {self.total}"
        rate = f"{self.done / elapsed_s:.1f} a second" if self.unit and self.done and elapsed_s > 0 else ""
        left = "" if self.total is None else time_left(elapsed_s, self.done, self.total)
        return f"{self.what}: " + ", ".join(filter(None, (f"{count} {self.unit}".rstrip(), rate, left)))


class Present:
    """The step of a work that is being done, each told as it begins."""

    def __init__(self, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._clock = tell, clock
        self._text, self._begin_s = "at work", clock()

    def begin(self, text: str) -> None:
        """Go on to the next step."""
        self._text, self._begin_s = text, self._clock()
        self._tell(text)

    def line(self, _elapsed_s: float) -> str:
        """How long it has taken so far."""
        return f"still {self._text}: {so_far(self._clock() - self._begin_s)}"


@contextmanager
def now_and_then(line: Line) -> Iterator[None]:
    """Say ``line``, of the seconds since the start, now and then while the block runs, whatever it waits for."""
    ended = Event()
    teller = Thread(target=telling, args=(line, ended.wait), daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()


def telling(line: Line, wait: Callable[[float], bool], clock: Callable[[], float] = time.monotonic) -> None:
    """Say ``line`` until ``wait`` (a number of seconds) says that the work has ended.

    First after half a minute, then whenever a tenth more time has passed, but within ten minutes: a day has 175 lines,
    not 2880.
    """
    begin_s = clock()
    while not wait(min(_MOST_S, max(_LEAST_S, _SHARE * (clock() - begin_s)))):
        say(line(clock() - begin_s))


def so_far(elapsed_s: float) -> str:
    """``0:02:00 so far``."""
    return f"{_clock_text(elapsed_s)} so far"


def time_left(elapsed_s: float, done: int, total: int) -> str:
    """``1:02:03 left`` at the mean pace so far; empty before anything is done, or past a total that a video has wrong.

    >>> time_left(60, 100, 300)
    '0:02:00 left'
    """
    return f"{_clock_text(elapsed_s / done * (total - done))} left" if 0 < done <= total else ""


def _clock_text(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
