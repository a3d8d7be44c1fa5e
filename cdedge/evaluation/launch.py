"""Starts the processes of a pass: one that distils, where that is asked for, then one that tracks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from cdedge_runtime import errors
from cdedge_runtime.errors import CdedgeError
from cdedge_runtime.record import decode, encode

from .job import Job, Outcome, broken

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_live: set[Child] = set()
_mine = threading.local()


class Child:
    """A worker process that answers requests one by one, and ends with this process however that ends."""

    def __init__(self, stage: str, *, threads: int) -> None:
        read_end, self._alive = os.pipe()
        self._talk = TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cdedge.evaluation.worker", stage, str(read_end)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._talk,
            text=True,
            env={**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads))},
            pass_fds=(read_end,),
        )
        os.close(read_end)
        _live.add(self)

    def ask(self, job: Job, out: Path | None = None, *, limit_s: float | None = None) -> Outcome:
        """Hand over a job and wait, at most ``limit_s``; raises what every other pass would meet too."""
        request = json.dumps({"job": encode(job), "out": None if out is None else str(out)})
        late = threading.Event()
        with self._ended_after(limit_s, late):
            answer = self._exchange(request)
        if not answer and late.is_set():
            return broken("process", f"ended after {limit_s:g} s, the time limit of a pass")
        if not answer:
            return broken("process", self._last_words())
        reply = json.loads(answer)
        if "error" in reply:
            raise _rebuilt(getattr(errors, reply["error"], CdedgeError), reply["text"])
        return decode(Outcome, reply["outcome"])

    @property
    def is_dead(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End the process now; whoever waits for its answer gets a broken outcome."""
        self._process.kill()

    def close(self) -> None:
        """End the process and give back what it held."""
        _live.discard(self)
        os.close(self._alive)
        with suppress(BrokenPipeError), self._process, self._talk:  # a request that a dead process never read
            self._process.kill()

    @contextmanager
    def _ended_after(self, limit_s: float | None, late: threading.Event) -> Iterator[None]:
        """Within, end the process after ``limit_s`` and set ``late``."""

        def end() -> None:
            late.set()
            self.kill()

        timer = None if limit_s is None else threading.Timer(limit_s, end)
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()

    def _exchange(self, request: str) -> str:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            return ""
        try:
            stdin.write(request + "\n")
            stdin.flush()
            return stdout.readline()
        except BrokenPipeError:
            return ""

    def _last_words(self) -> str:
        code = self._process.wait()
        self._talk.seek(0)
        lines = self._talk.read().decode(errors="replace").strip().splitlines()
        if code < 0:
            return f"the process was ended by {signal.Signals(-code).name} ({-code}; 9 can mean: out of memory)"
        return f"the process ended with {code}: {lines[-1] if lines else 'without a word'}"


def run_job(job: Job, *, limit_s: float | None = None) -> tuple[Outcome, bytes | None]:
    """Distil and track one pass in processes of their own; the model's bytes where one was made.

    Each pass has a fresh process for tracking, so that its memory is its own. The one that distils stays for the
    next job of this thread, for PyTorch takes seconds to load; it always has one thread, so that the choice of
    channels does not depend on ``threads``. ``limit_s`` bounds distilling and tracking, each.
    Raises what every other pass would meet too.
    """
    if not job.tracker.distils:
        return _track(job, limit_s), None
    with TemporaryDirectory(prefix="cdedge-") as folder:
        model = Path(folder) / "model.onnx"
        made = _distiller().ask(job, model, limit_s=limit_s)
        if made.failure is not None:
            return made, None
        return _track(replace(job, tracker=replace(job.tracker, model=str(model))), limit_s), model.read_bytes()


def kill_all() -> None:
    """End every process started here, so that those who wait for them go on."""
    for child in list(_live):
        child.kill()


def close_all() -> None:
    """Close every process started here; nobody may be waiting for one."""
    for child in list(_live):
        child.close()


def _track(job: Job, limit_s: float | None) -> Outcome:
    child = Child("track", threads=job.threads)
    try:
        return child.ask(job, limit_s=limit_s)
    finally:
        child.close()


def _distiller() -> Child:
    child: Child | None = getattr(_mine, "distiller", None)
    if child is None or child not in _live or child.is_dead:
        if child in _live:
            child.close()
        child = _mine.distiller = Child("export", threads=1)
    return child


def _rebuilt(kind: type[CdedgeError], text: str) -> CdedgeError:
    """The error a process met, also of a kind whose constructor takes something else."""
    error = kind.__new__(kind)
    error.args = (text,)
    return error
