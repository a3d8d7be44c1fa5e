"""Cases in a child process: many in one, a fresh one after it died, hung or grew.

``python -m benchmarks.campaign.worker SECTION SEED FOLDER`` reads case numbers on stdin, and answers each with a line.
"""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from .tally import HANG_S, MEMORY_BYTES, PATIENCE_S, Case, told

Judge = Callable[[np.random.Generator, int, Path], tuple[str, str]]
_ADDRESS_SPACE_BYTES = 8 << 30  # what ends a case before the machine does
_ROOT = Path(__file__).parents[2]


def judged(section: str, seed: int, numbers: range, folder: Path) -> Iterator[Case]:
    """Judge the cases, one child after the other."""
    child: subprocess.Popen[str] | None = None
    for number in numbers:
        if child is None:
            child = _start(section, seed, folder)
        answer = _ask(child, number)
        if isinstance(answer, list):
            yield Case(section, number, answer[0], answer[1])
        else:
            child.kill()
            yield Case(section, number, *_ended(child.wait(), hung=answer is None, folder=folder))
        if not isinstance(answer, list) or answer[0] == "memory":
            _end(child)
            child = None
    if child is not None:
        _end(child)


def _start(section: str, seed: int, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.campaign.worker", section, str(seed), str(folder)]
    with (folder / "talk.txt").open("w") as talk:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=talk,
            text=True,
            cwd=_ROOT,
            start_new_session=True,
        )


def _ask(child: subprocess.Popen[str], number: int) -> list[str] | str | None:
    """The answer; "" for a death, None for a silence of `HANG_S` of the child's work or `PATIENCE_S` by the clock."""
    if child.stdin is None or child.stdout is None:
        raise ValueError("the child was started without pipes")
    try:
        child.stdin.write(f"{number}\n")
        child.stdin.flush()
    except BrokenPipeError:
        return ""
    worked, asked = _worked_s(child.pid), time.monotonic()
    while True:
        if not select.select([child.stdout], [], [], 0.5)[0]:
            if _worked_s(child.pid) - worked > HANG_S or time.monotonic() - asked > PATIENCE_S:
                return None
            continue
        line = child.stdout.readline()
        if line != "ready\n":
            return json.loads(line) if line else ""


def _worked_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ended(code: int, *, hung: bool, folder: Path) -> tuple[str, str]:
    if hung:
        return "hang", f"no answer after {HANG_S:g} s of work, or {PATIENCE_S:g} s"
    said = (folder / "talk.txt").read_text(errors="replace").strip().splitlines()
    return "crash", f"exit code {code}: {' | '.join(said[-2:])[-200:]}"


def _end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


def _peak_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def _one(judge: Judge, seed: int, number: int) -> tuple[str, str]:
    Path("/proc/self/clear_refs").write_text("5")  # the peak from here on
    with tempfile.TemporaryDirectory() as folder:
        try:
            verdict, what = judge(np.random.default_rng([seed, number]), number, Path(folder))
        except Exception as error:  # noqa: BLE001 - what it looks for
            verdict, what = "traceback", told(error)
        what = what.replace(folder, "")
    peak = _peak_bytes()
    if peak > MEMORY_BYTES:
        return "memory", f"{peak / 1e6:.0f} MB; {what}"
    return verdict, what


def main(section: str, seed: str, folder: str) -> None:
    """Answer case numbers until stdin ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE_BYTES, _ADDRESS_SPACE_BYTES))
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is not an answer
    module: Any = import_module(f"benchmarks.campaign.{section}")
    judge: Judge = module.ready(Path(folder))
    answers.write("ready\n")
    os.chdir(tempfile.mkdtemp(dir=folder))
    for line in sys.stdin:
        answers.write(json.dumps(_one(judge, int(seed), int(line))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
