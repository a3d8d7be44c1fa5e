"""How many threads a session gets, tried first: onnxruntime waits for ever where one cannot be started."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from cdedge_runtime.errors import BadEnvironment, Usage

MOST_THREADS = 256
LEAST_SHARED_MACS = (
    6_000_000  # of a file: below, threads gain nothing and take more processor time (docs/explain/bench.md)
)
_TASKS = Path("/proc/self/task")
_END_S = 1.0  # what the kernel gets to take ended threads off its list


def usable_cpus() -> int:
    """Processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads(asked: int | None) -> None:
    """Raise `Usage` for a number of threads that is none or too large; None leaves it to `session_threads`."""
    if asked is not None and (type(asked) is not int or not 1 <= asked <= MOST_THREADS):
        raise Usage(
            f"threads: expected a whole number from 1 to {MOST_THREADS}, or None, got {asked!r:.40}", field="threads"
        )


def session_threads(asked: int | None, macs: int) -> int:
    """The number asked for; else one per usable processor, or one alone where a look of ``macs`` is too short to share.

    This thread is one of them.

    Raises `Usage` for a number that is none or too large, `BadEnvironment` where this process cannot start as many.
    """
    check_threads(asked)
    every = min(usable_cpus(), MOST_THREADS) if macs >= LEAST_SHARED_MACS else 1
    count = every if asked is None else asked
    started = _startable(count - 1)
    if started < count - 1:
        raise BadEnvironment(
            f"threads: {count} are wanted, and this process can start {started} beside its own (its number of "
            f"processes or its memory is limited): ask for at most {started + 1}",
            field="threads",
        )
    return count


def _startable(count: int) -> int:
    """How many of so many threads can run at once beside those that are there."""
    before, go, started = _running(), threading.Event(), list[threading.Thread]()
    with suppress(RuntimeError):  # can't start new thread
        for _ in range(count):
            thread = threading.Thread(target=go.wait, name="cdedge-try", daemon=True)
            thread.start()
            started.append(thread)
    go.set()
    for thread in started:
        thread.join()
    deadline = time.monotonic() + _END_S
    while started and _running() > before and time.monotonic() < deadline:
        time.sleep(0.001)
    return len(started)


def _running() -> int:
    """Threads of this process as the kernel counts them; 0 where it does not tell."""
    try:
        return len(os.listdir(_TASKS))  # noqa: PTH208 - a list without a Path for each
    except OSError:
        return 0
