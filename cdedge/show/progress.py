"""A progress bar on stderr, only where stderr is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from cdedge.show.render import say, talk

_PATIENCE_S = 1.0


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[..., None]]:
    """A function to call once per step (its arguments are ignored); silent when stderr is no terminal."""
    if not talk.is_terminal:
        yield lambda *_: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=talk, transient=True) as bar:
        task = bar.add_task(what, total=total)

        def step(*_: Any) -> None:
            bar.advance(task)

        yield step


@contextmanager
def working(what: str) -> Iterator[Callable[[], None]]:
    """A function to call while waiting: shows the time taken; silent when stderr is no terminal."""
    if not talk.is_terminal:
        yield lambda: None
        return
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=talk, transient=True
    ) as bar:
        bar.add_task(what, total=None)
        yield bar.refresh


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
