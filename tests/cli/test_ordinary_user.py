"""``ulimit -u``, which binds an ordinary user and not root: few processes and threads are a line, exit 3, and no hang.

As root, the commands run as somebody else, who may still read whatever root's Python reads.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conftest import Done, MovingSquare

USER = "54321"  # whose processes nobody else has
_AS_USER = (
    "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups",
    "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search",
)  # fmt: skip
_HANG_S = 120
COMMANDS = {
    "track": ("m.onnx", "data/A", "--threads", "6"),
    "bench": ("m.onnx", "data/A", "--frames", "5"),
    "export": ("data/A", "--tracker", "cacf", "-o", "o.onnx"),
    "evaluate": ("--root", "data", "--model", "m.onnx", "-o", "r"),
    "serve": ("m.onnx", "data/A", "--port", "0"),
}


@pytest.fixture
def place(tiny_model: Path) -> Iterator[Path]:
    """A folder of that user's with a model and a sequence; skips where nobody else can be run, or has the limit."""
    if os.name != "posix" or os.geteuid() != 0 or None in map(shutil.which, ("setpriv", "prlimit")):
        pytest.skip("needs root, setpriv and prlimit, to be somebody else")
    with TemporaryDirectory() as folder:  # pytest's own are root's alone
        made = Path(folder)
        shutil.copy(tiny_model, made / "m.onnx")
        MovingSquare(6).save(made / "data" / "A")
        os.chown(made, int(USER), int(USER))
        tried = _run(made, 1, "-c", "import subprocess; subprocess.run(['true'])")
        if "BlockingIOError" not in tried.stderr:
            pytest.skip(f"no limit of processes binds another user here: {tried.stderr.strip()[-200:] or 'no error'}")
        yield made


def _run(place: Path, processes: int, *words: str) -> Done:
    limited = ["prlimit", f"--nproc={processes}", *_AS_USER, sys.executable, *words]
    environment = {**os.environ, "HOME": str(place), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        limited, cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=_HANG_S
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_user_with_one_process_is_told_in_a_line(name: str, place: Path) -> None:
    done = _run(place, 1, "-m", "cdedge", name, *COMMANDS[name])
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("cdedge: ")


@pytest.mark.parametrize("processes", [2, 3])
def test_a_child_that_finds_no_room_is_told_in_a_line(processes: int, place: Path) -> None:
    done = _run(place, processes, "-m", "cdedge", "bench", *COMMANDS["bench"])
    assert done.returncode == 3, done.stderr
    assert "can be started" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
