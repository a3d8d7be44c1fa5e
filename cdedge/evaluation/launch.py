"""Starts the processes of a pass: one that distils, where that is asked for, then one that tracks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cdedge_runtime.files import scratch_folder
from cdedge_runtime.measure.child import Child, Died, signal_name
from cdedge_runtime.record import decode, encode

from .job import Job, Outcome, broken

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
See = Callable[[int], None]

_live: set[Child] = set()
_mine = threading.local()


def run_job(job: Job, *, limit_s: float | None = None, see: See | None = None) -> tuple[Outcome, bytes | None]:
    """Distil and track one pass in processes of their own; the model's bytes where one was made.

    Each pass has a fresh process for tracking, so that its memory is its own. The one that distils stays for the
    next job of this thread, for PyTorch takes seconds to load; it always has one thread, so that the choice of
    channels does not depend on ``threads``. ``limit_s`` bounds distilling and tracking, each; ``see`` is told now and
    then how many frames are tracked.
    Raises what every other pass would meet too.
    """
    if not job.tracker.distils:
        return _track(job, limit_s, see), None
    with scratch_folder() as folder:
        model = folder / "model.onnx"
        made = _asked(_distiller(), job, model, limit_s)
        if made.failure is not None:
            return made, None
        return _track(replace(job, tracker=replace(job.tracker, model=str(model))), limit_s, see), model.read_bytes()


def kill_all() -> None:
    """End every process started here, so that those who wait for them go on."""
    for worker in list(_live):
        worker.kill()


def close_all() -> None:
    """Close every process started here; nobody may be waiting for one."""
    for worker in list(_live):
        _closed(worker)


def _track(job: Job, limit_s: float | None, see: See | None) -> Outcome:
    worker = _started("track", threads=job.threads)
    try:
        return _asked(worker, job, None, limit_s, see)
    finally:
        _closed(worker)


def _distiller() -> Child:
    worker: Child | None = getattr(_mine, "distiller", None)
    if worker is None or worker not in _live or worker.is_dead:
        if worker in _live:
            _closed(worker)
        worker = _mine.distiller = _started("export", threads=1)
    return worker


def _started(stage: str, *, threads: int) -> Child:
    worker = Child(f"cdedge.evaluation.worker:{stage}", dict.fromkeys(_THREAD_VARIABLES, str(threads)))
    _live.add(worker)
    return worker


def _closed(worker: Child) -> None:
    _live.discard(worker)
    worker.close()


def _asked(worker: Child, job: Job, out: Path | None, limit_s: float | None, see: See | None = None) -> Outcome:
    """The outcome of a job, at most ``limit_s`` later; raises what every other pass would meet too."""
    request = {"job": encode(job), "out": None if out is None else str(out)}
    try:
        return decode(Outcome, worker.ask(request, see=see, limit_s=limit_s))
    except Died as death:
        return broken("process", _end_of(death, limit_s))


def _end_of(death: Died, limit_s: float | None) -> str:
    if death.ended is not None:
        return f"ended after {limit_s:g} s, the time limit of a pass"
    if death.returncode < 0:
        number = -death.returncode
        return f"the process was ended by {signal_name(number)} ({number}; 9 can mean: out of memory)"
    lines = death.words.strip().splitlines()
    return f"the process ended with {death.returncode}: {lines[-1] if lines else 'without a word'}"
