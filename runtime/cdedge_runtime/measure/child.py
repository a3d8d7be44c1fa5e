"""Measuring in a child process: its environment, its answer, and what its death means. Loads no numpy."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from cdedge_runtime import errors
from cdedge_runtime.blas import limit_blas
from cdedge_runtime.errors import BadEnvironment, BadModel, CdedgeError, exhausted, memory_ran_out
from cdedge_runtime.kinds import find_kind
from cdedge_runtime.measure.predict import FLOOR_BYTES, predict
from cdedge_runtime.model.contract import ModelSpec
from cdedge_runtime.model.graph import node_count, read_metadata
from cdedge_runtime.model.metadata import from_metadata

from .conditions import read_conditions

Tick = Callable[[], None]
Beat = Callable[[int], None]

_TICK_S, _BEAT_S = 0.2, 1.0
SILENCE_S = 120.0  # a session is made, and a frame is through, long before
_MEANING = {
    9: " (the kernel does so when memory runs out)",
    4: " (an illegal instruction: a library here is built for another processor)",
}
_SERVED = "cdedge_runtime.measure.served"


def environment() -> dict[str, str]:
    """The environment for a measuring process."""
    copy = dict(os.environ)
    limit_blas(copy)
    return copy


class Died(Exception):
    """A child ended, or was ended, without an answer: its return code, its last words, and why it was ended."""

    def __init__(self, returncode: int, words: str, ended: str | None) -> None:
        super().__init__(returncode, words, ended)
        self.returncode, self.words, self.ended = returncode, words, ended


class Child:
    """A process that answers requests one by one, and ends with this one, however that ends (see `served`).

    task: ``module:function``; the function takes a request's JSON value and a function that is told what is seen on the
    way, and returns the answer's. variables: of its environment, in the place of `environment`'s.
    Ctrl-C does not reach it, so that the parent decides what is left of it.
    """

    def __init__(self, task: str, variables: Mapping[str, str] | None = None) -> None:
        read_end, self._alive = os.pipe()
        self._talk = TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._rest = b""
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", _SERVED, task, str(read_end)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._talk,
                env={**environment(), **(variables or {})},
                pass_fds=(read_end,),
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._alive)
            raise BadEnvironment(f"no further process can be started: {error.strerror}") from error
        finally:
            os.close(read_end)
        with suppress(OSError):  # where memory runs out, the kernel is to end this one: the parent can say so
            Path(f"/proc/{self.process.pid}/oom_score_adj").write_text("1000")

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_dead(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def ask(
        self,
        request: Any,
        *,
        see: Callable[[Any], None] | None = None,
        tick: Tick | None = None,
        limit_s: float | None = None,
        silence_s: float | None = None,
    ) -> Any:
        """The answer to a JSON request; ``see`` is told what comes before it, ``tick`` is called while it works.

        The process is killed ``limit_s`` after the request, or ``silence_s`` after its last word. Raises what the
        child met, or `Died`.
        """
        self._send(request)
        begin = heard = time.monotonic()
        while True:
            line = self._line(_TICK_S)
            now = time.monotonic()
            if line is None:
                if tick is not None:
                    tick()
                if limit_s is not None and now - begin > limit_s:
                    raise self._killed(f"it took longer than {limit_s:g} s")
                if silence_s is not None and now - heard > silence_s:
                    raise self._killed(f"it gave no sign of life for {silence_s:g} s")
                continue
            if not line:
                raise Died(self.process.wait(), self._words(), None)
            heard, message = now, json.loads(line)
            if "seen" not in message:
                return _answer(message)
            if see is not None:
                see(message["seen"])

    def kill(self) -> None:
        """End the process now; whoever waits for its answer is told that it died."""
        self.process.kill()

    def close(self) -> None:
        """End the process and give back what it held."""
        os.close(self._alive)
        with suppress(BrokenPipeError), self.process, self._talk:  # a request that a dead process never read
            self.process.kill()

    def _send(self, request: Any) -> None:
        with suppress(BrokenPipeError):  # its death is seen when its answer is read
            if self.process.stdin is not None:
                self.process.stdin.write(json.dumps(request).encode() + b"\n")
                self.process.stdin.flush()

    def _line(self, wait_s: float) -> bytes | None:
        """The next line; None where none has come in time, empty where the process will say no more."""
        stdout = self.process.stdout
        while b"\n" not in self._rest:
            if stdout is None or not select.select([stdout], [], [], wait_s)[0]:
                return None
            more = os.read(stdout.fileno(), 1 << 16)
            if not more:
                return b""
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _killed(self, why: str) -> Died:
        self.kill()
        return Died(self.process.wait(), self._words(), why)

    def _words(self) -> str:
        self._talk.seek(0)
        return self._talk.read().decode(errors="replace")


def ask(task: str, request: Any, model: Path, tick: Tick | None = None, **more: Any) -> Any:
    """One request's answer from a fresh process (see `Child`); ``more`` as in `Child.ask`.

    Raises what the child met, or `BadEnvironment` where it died or was silent too long; it never outlives this call.
    """
    try:
        with Child(task) as child:
            return child.ask(request, tick=tick, **more)
    except Died as death:
        raise failure(death, model) from death


def beat(see: Callable[[Any], None]) -> Beat:
    """A function to be called as work goes on, with how far it is; it lets the parent know once a second."""
    last = time.monotonic()

    def going_on(reached: int) -> None:
        nonlocal last
        if time.monotonic() - last > _BEAT_S:
            last = time.monotonic()
            see(reached)

    return going_on


def failure(death: Died, model: Path) -> CdedgeError:
    """What to raise for a measuring process that died."""
    lines = death.words.strip().splitlines()
    last = lines[-1] if lines else f"the measuring process ended with {death.returncode}"
    if death.ended is not None:
        return BadEnvironment(f"the measuring process was ended: {death.ended}. {memory_known(model)}")
    if death.returncode < 0:
        return BadEnvironment(f"the measuring process was killed by {_cause(-death.returncode)}. {memory_known(model)}")
    if memory_ran_out(last):
        return BadEnvironment(f"the measuring process ran out of memory ({last[:120]}). {memory_known(model)}")
    return exhausted(last) or CdedgeError(last)


def _answer(message: dict[str, Any]) -> Any:
    """The answer in a message; raises the error in it, also of a kind whose constructor takes something else."""
    if "error" not in message:
        return message["answer"]
    kind: type[CdedgeError] = getattr(errors, message["error"], CdedgeError)
    error = kind.__new__(kind)
    error.args, error.field = (message["text"],), message["field"]
    raise error


def _cause(number: int) -> str:
    return signal_name(number) + _MEANING.get(number, "")


def memory_known(model: Path) -> str:
    """What the model needs by its shapes, and what this machine has, in one line."""
    now = read_conditions()
    limit = "no control group limit" if now.cgroup_bytes is None else f"control group limit {_mb(now.cgroup_bytes)}"
    try:
        need = _need(from_metadata(read_metadata(model)), node_count(model))
    except BadModel:
        need = "its need cannot be read"
    return f"{model}: {need}; free {_mb(now.available_bytes)}, {limit}"


def _need(spec: ModelSpec, nodes: int) -> str:
    if find_kind(spec.tracker).memory is not None:
        need = f"predicted need {_mb(predict(spec, None, nodes=nodes).over_floor_bytes)} and frames"
    else:
        need = f"by shape it needs {_mb(spec.weight_bytes + spec.activation_bytes)}"
    return f"{need}, beside {_mb(FLOOR_BYTES)} of libraries"


def signal_name(number: int) -> str:
    """Name of a signal, such as SIGKILL."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _mb(count: int | None) -> str:
    return "not readable" if count is None else f"{count / 1e6:.1f} MB"
