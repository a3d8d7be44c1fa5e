"""Starts the processes of a pass: one that distils, where that is asked for, then one that tracks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cdedge_runtime import errors
from cdedge_runtime.errors import CdedgeError
from cdedge_runtime.record import decode, encode

from .job import Job, Outcome, broken

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_live: set[subprocess.Popen[str]] = set()


def run_job(job: Job) -> tuple[Outcome, bytes | None]:
    """Distil and track one pass in processes of their own; the model's bytes where one was made.

    Distilling always takes one thread, so that the choice of channels does not depend on ``threads``.
    Raises what every other pass would meet too.
    """
    if not job.tracker.distils:
        return _ask("track", job, None), None
    with TemporaryDirectory(prefix="cdedge-") as folder:
        model = Path(folder) / "model.onnx"
        made = _ask("export", job, model, threads=1)
        if made.failure is not None:
            return made, None
        outcome = _ask("track", replace(job, tracker=replace(job.tracker, model=str(model))), None)
        return outcome, model.read_bytes()


def stop_all() -> None:
    """End every process started here that still runs."""
    for child in list(_live):
        child.kill()


def _ask(stage: str, job: Job, out: Path | None, *, threads: int | None = None) -> Outcome:
    request = json.dumps({"job": encode(job), "out": None if out is None else str(out)})
    code, answer, talk = _run(stage, request, threads or job.threads)
    if code != 0:
        return broken("process", _cause(code, talk))
    reply: dict[str, Any] = json.loads(answer)
    if "error" in reply:
        kind = getattr(errors, reply["error"], CdedgeError)
        raise _rebuilt(kind, reply["text"])
    return decode(Outcome, reply["outcome"])


def _rebuilt(kind: type[CdedgeError], text: str) -> CdedgeError:
    error = kind.__new__(kind)
    error.args = (text,)
    return error


def _run(stage: str, request: str, threads: int) -> tuple[int, str, str]:
    read_end, write_end = os.pipe()
    command = [sys.executable, "-m", "cdedge.evaluation.worker", stage, str(read_end)]
    environment = {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads))}
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            pass_fds=(read_end,),
        ) as child:
            _live.add(child)
            try:
                answer, talk = child.communicate(request)
            finally:
                _live.discard(child)
            return child.returncode, answer, talk
    finally:
        os.close(read_end)
        os.close(write_end)


def _cause(code: int, talk: str) -> str:
    if code < 0:
        return f"the process was ended by {signal.Signals(-code).name} ({-code}; 9 can mean: out of memory)"
    lines = talk.strip().splitlines()
    return f"the process ended with {code}: {lines[-1] if lines else 'without a word'}"
