"""The command line in a child of its own, watched from outside."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .tally import MEMORY_BYTES

ROOT = Path(__file__).parents[2]
CODES = (0, 1, 2, 3, 4, 130)


@dataclass(frozen=True)
class Ran:
    """How a command ended. ``orphans``: processes of its session that were left."""

    code: int
    out: str
    talk: str
    seconds: float
    peak_bytes: int
    hung: bool
    orphans: int

    def fault(self, allowed: tuple[int, ...] = CODES) -> tuple[str, str] | None:
        """What is wrong whatever the command was; None for nothing."""
        last = (self.talk.strip().splitlines() or ["(silent)"])[-1][-160:]
        if self.hung:
            return "hang", f"after {self.seconds:.0f} s: {last}"
        if "Traceback" in self.talk:
            return "traceback", last
        if self.code not in allowed:
            return "crash", f"exit code {self.code}: {last}"
        if self.peak_bytes > MEMORY_BYTES:
            return "memory", f"{self.peak_bytes / 1e6:.0f} MB"
        if self.orphans:
            return "crash", f"{self.orphans} orphans"
        return None


def run(
    *arguments: object,
    module: str = "cdedge",
    limit_s: float = 60.0,
    kill: tuple[float, int] | None = None,
    before: Callable[[], None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ran:
    """Run ``python -m cdedge`` (or another module); ``kill``: after how many seconds it gets which signal."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    paths = os.pathsep.join(str(ROOT / part) for part in (".", "runtime", "export", "devices"))
    given = {**os.environ, "PYTHONPATH": paths, **(environment or {})}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as talk:
        start = time.monotonic()
        child = subprocess.Popen(
            command,
            stdout=out,
            stderr=talk,
            stdin=subprocess.DEVNULL,
            env=given,
            start_new_session=True,
            preexec_fn=partial(_as_at_a_terminal, before),
        )
        code, peak, hung = _watched(child.pid, limit_s, kill)
        child.returncode = code
        seconds, orphans = time.monotonic() - start, _orphans(child.pid)
        out.seek(0)
        talk.seek(0)
        texts = out.read().decode(errors="replace"), talk.read().decode(errors="replace")
    return Ran(code, *texts, seconds, peak, hung, orphans)


def _as_at_a_terminal(before: Callable[[], None] | None) -> None:
    """A campaign that was started in the background, or by nohup, ignores what its children are to end at."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    if before is not None:
        before()


def _watched(pid: int, limit_s: float, kill: tuple[float, int] | None) -> tuple[int, int, bool]:
    start, hung = time.monotonic(), False
    while True:
        ended, status, used = os.wait4(pid, os.WNOHANG)
        since = time.monotonic() - start
        if ended:
            return os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024, hung
        if kill is not None and since > kill[0]:
            os.kill(pid, kill[1])
            kill = None
        if since > limit_s:
            hung = True
            os.killpg(pid, signal.SIGKILL)
        time.sleep(0.005)


def _orphans(session: int) -> int:
    """Processes of a session whose leader has ended, after they had a second to end; they are ended."""
    for _ in range(20):
        left = list(_of_session(session))
        if not left:
            return 0
        time.sleep(0.1)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return len(left)


def _of_session(session: int) -> Iterator[int]:
    for place in Path("/proc").glob("[0-9]*"):
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            yield int(place.name)


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, hidden ones too."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
