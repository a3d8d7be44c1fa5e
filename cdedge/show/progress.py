"""Progress on stderr: bars where it is a terminal, else a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

from cdedge.show.lately import Present, Tally, now_and_then, so_far, time_left
from cdedge.show.render import is_watched, say, talk
from cdedge_runtime.plain import plain

_PATIENCE_S = 1.0


@contextmanager
def progress(what: str, total: int | None, unit: str = "") -> Iterator[Callable[..., None]]:
    """A function to call once per step (its arguments are ignored); ``unit`` is what a step is one of."""
    if not is_watched():
        tally = Tally(what, total, unit)
        with now_and_then(tally.line):
            yield tally.step
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
    """A function to call while waiting: shows the time taken."""
    if not is_watched():
        with now_and_then(lambda elapsed_s: f"{what}: {so_far(elapsed_s)}"):
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
    """`say`, for the steps of a longer work; the present one shows how long it has taken so far."""
    if not is_watched():
        present = Present(say)
        with now_and_then(present.line):
            yield present.begin
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
def work_bar(what: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """A function to call with how much is done in all, from any thread.

    The time left goes by the mean pace since the start: single pieces may take minutes, over which rich's own
    estimate forgets what it saw.
    """
    if not is_watched():
        tally = Tally(what, total, unit)
        with now_and_then(tally.line):
            yield tally.reach
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn(), TextColumn("{task.fields[left]}"),
    )  # fmt: skip
    with Progress(*columns, console=talk(), transient=True) as bar:
        task, begin = bar.add_task(unit, total=total, left=""), time.monotonic()

        def reach(done: int) -> None:
            bar.update(task, completed=done, left=time_left(time.monotonic() - begin, done, total))

        yield reach
