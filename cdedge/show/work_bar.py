"""A progress bar over pieces of work of known, different sizes, with the time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cdedge.show.render import talk


@contextmanager
def work_bar(unit: str, total: int) -> Iterator[Callable[[int], None]]:
    """A function to call with the size of each piece as it ends; silent when stderr is no terminal.

    The time left goes by the mean pace since the start: single pieces may take minutes, over which rich's own
    estimate forgets what it saw.
    """
    if not talk.is_terminal:
        yield lambda _: None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(unit), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=talk, transient=True) as bar:
        task, begin, done = bar.add_task(unit, total=total, left=""), time.monotonic(), 0

        def step(size: int) -> None:
            nonlocal done
            done += size
            left = time_left(time.monotonic() - begin, done, total)
            bar.update(task, completed=done, left=left)

        yield step


def time_left(elapsed_s: float, done: int, total: int) -> str:
    """``1:02:03 left`` at the mean pace so far; empty before anything is done.

    >>> time_left(60, 100, 300)
    '0:02:00 left'
    """
    if done <= 0:
        return ""
    seconds = round(elapsed_s / done * (total - done))
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d} left"
