"""Progress bars on stderr, only where stderr is a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

from cdedge.show.render import is_watched, say, talk
from cdedge_runtime.plain import plain

_PATIENCE_S = 1.0


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[..., None]]:
    """A function to call once per step (its arguments are ignored); silent when stderr is no terminal."""
    if not is_watched():
        yield lambda *_: None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=talk(), transient=True) as bar:
        task = bar.add_task(what, total=total)

        def step(*_: Any) -> None:
            bar.advance(task)

        yield step


@contextmanager
def working(what: str) -> Iterator[Callable[[], None]]:
    """A function to call while waiting: shows the time taken; silent when stderr is no terminal."""
    if not is_watched():
        yield lambda: None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=talk(), transient=True
    ) as bar:
        bar.add_task(what, total=None)
        yield bar.refresh


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """`say`, for the steps of a longer work; on a terminal the present one shows how long it has taken so far."""
    if not is_watched():
        yield say
        return
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    done: list[str] = []
    with Progress(*columns, console=talk(), transient=True, redirect_stdout=False, redirect_stderr=False) as bar:

        def step(text: str) -> None:
            for task in bar.task_ids:
                bar.remove_task(task)
            if done:
                say(done.pop())
            done.append(plain(text))
            bar.add_task(escape(plain(text)), total=None)

        try:
            yield step
        finally:
            if done:
                say(done.pop())


@contextmanager
def patiently(doing: str) -> Iterator[None]:
    """Say what is done, on any kind of stderr, if the block takes longer than a second."""
    later = Timer(_PATIENCE_S, say, (f"{doing} ..",))
    later.daemon = True
    later.start()
    try:
        yield
    finally:
        later.cancel()


@contextmanager
def work_bar(unit: str, total: int) -> Iterator[Callable[[int], None]]:
    """A function to call with the size of each piece as it ends; silent when stderr is no terminal.

    The time left goes by the mean pace since the start: single pieces may take minutes, over which rich's own
    estimate forgets what it saw.
    """
    if not is_watched():
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn(), TextColumn("{task.fields[left]}"),
    )  # fmt: skip
    with Progress(*columns, console=talk(), transient=True) as bar:
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
