"""Measuring in a child process: its environment, its answer, and what its death means. Loads no numpy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cdedge_runtime.errors import BadEnvironment, BadModel, CdedgeError, OverBudget, Usage, memory_ran_out
from cdedge_runtime.kinds import find_kind
from cdedge_runtime.measure.predict import FLOOR_BYTES, predict
from cdedge_runtime.model.contract import ModelSpec, from_metadata
from cdedge_runtime.model.graph import read_metadata

from .conditions import read_conditions

Tick = Callable[[], None]

_TICK_S = 0.2
_MEANING = {
    9: " (the kernel does so when memory runs out)",
    4: " (an illegal instruction: run 'cdedge doctor')",
}
_BY_EXIT_CODE = {kind.exit_code: kind for kind in (CdedgeError, Usage, BadEnvironment, OverBudget)}


def limit_blas(environment: MutableMapping[str, str]) -> None:
    """One thread for numpy's OpenBLAS, where the user has not said otherwise; to be called before numpy is imported.

    Its threads spin between the tracker's small matrix products: see benchmarks/blas_threads.py.
    """
    if "OMP_NUM_THREADS" not in environment:
        environment.setdefault("OPENBLAS_NUM_THREADS", "1")


def environment() -> dict[str, str]:
    """The environment for a measuring process."""
    copy = dict(os.environ)
    limit_blas(copy)
    return copy


def start(module: str) -> subprocess.Popen[str]:
    """``python -m module`` with pipes; Ctrl-C does not reach it, so that the parent decides what is left of it."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", module]
    process = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment(), start_new_session=True
    )
    with suppress(OSError):  # where memory runs out, the kernel is to end this one: the parent can say so
        Path(f"/proc/{process.pid}/oom_score_adj").write_text("1000")
    return process


def ask(module: str, request: Any, model: Path, tick: Tick | None = None) -> Any:
    """The JSON answer of ``python -m module`` to a JSON request on its stdin; ``tick`` is called while it works.

    Raises what the child met, or `BadEnvironment` if something killed it; it never outlives this call.
    """
    with start(module) as child:
        try:
            text: str | None = json.dumps(request)
            while True:
                try:
                    out, err = child.communicate(text, timeout=_TICK_S)
                    break
                except subprocess.TimeoutExpired:
                    text = None
                    if tick is not None:
                        tick()
        except BaseException:
            child.kill()
            child.wait()  # which Popen leaves out after Ctrl-C
            raise
    if child.returncode:
        raise failure(child.returncode, err, model)
    return json.loads(out)


def failure(returncode: int, stderr: str, model: Path) -> CdedgeError:
    """What to raise for a child that ended with ``returncode`` and left ``stderr``."""
    lines = stderr.strip().splitlines()
    last = lines[-1] if lines else f"the measuring process ended with {returncode}"
    if returncode < 0:
        return BadEnvironment(f"the measuring process was killed by {_signal(-returncode)}. {memory_known(model)}")
    if memory_ran_out(last):
        return BadEnvironment(f"the measuring process ran out of memory ({last[:120]}). {memory_known(model)}")
    return _BY_EXIT_CODE.get(returncode, CdedgeError)(last)


def memory_known(model: Path) -> str:
    """What the model needs by its shapes, and what this machine has, in one line."""
    now = read_conditions()
    limit = "no control group limit" if now.cgroup_bytes is None else f"control group limit {_mb(now.cgroup_bytes)}"
    try:
        spec = from_metadata(read_metadata(model))
    except BadModel:
        need = "its need cannot be read"
    else:
        need = _need(spec)
    return f"{model}: {need}; free {_mb(now.available_bytes)}, {limit}"


def _need(spec: ModelSpec) -> str:
    if find_kind(spec.tracker).memory is not None:
        need = f"predicted need {_mb(predict(spec, None).over_floor_bytes)} and frames"
    else:
        need = f"by shape it needs {_mb(spec.weight_bytes + spec.activation_bytes)}"
    return f"{need}, beside {_mb(FLOOR_BYTES)} of libraries"


def _signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return name + _MEANING.get(number, "")


def _mb(count: int | None) -> str:
    return "not readable" if count is None else f"{count / 1e6:.1f} MB"
