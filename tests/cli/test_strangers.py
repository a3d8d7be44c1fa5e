"""Nothing of a user goes out: every command in an empty home, and what it opens of the network.

onnxruntime 1.29 and later asks for a host, and keeps a device's name and a database in the home, unless told not to.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from cdedge.app import every_command
from tests.conftest import MovingSquare, make_spec, tiny_model_bytes

_SERVED = "open this address"
_FEW = ("--frames", "6", "--threads", "1")
# What each is called with: MODEL, DATA (two sequences), CLIP (one of them), DONE (a folder of `evaluate`).
COMMANDS: dict[str, tuple[str, ...]] = {
    "export": ("CLIP", "--channels", "8", "-o", "out.onnx"),
    "select": ("CLIP", "--png", "picture.png", "--box", "40,50,24,20"),
    "layers": ("vgg19",),
    "plan": ("CLIP", "--layers", "11", "--channels", "0.25", "--mode", "exact", "--input", "96", "--frames", "3"),
    "inspect": ("MODEL",),
    "track": ("MODEL", "CLIP", "-o", "boxes.csv", "--video", "tracked.avi"),
    "serve": ("MODEL", "CLIP", "--port", "0"),
    "bench": ("MODEL", "CLIP", *_FEW),
    "report": ("MODEL", "CLIP", "-o", "page.html", "--repeat", "1", *_FEW),
    "soak": ("MODEL", "CLIP", "--frames", "40", "--threads", "1"),
    "warm": ("MODEL", "--provider", "cpu"),
    "evaluate": ("--root", "DATA", "--model", "MODEL", "-o", "results"),
    "compare": ("DONE", "--html", "page.html"),
    "convert": ("DONE", "--to", "got10k", "-o", "out"),
    "vot": ("workspace", "--model", "MODEL"),
    "devices": (),
    "doctor": (),
}
ASKS = {"bundle"}  # the package registry, as its help says, through pip
_SENT = re.compile(r"\b(connect|sendto|sendmsg)\(.*AF_INET6?\b")


@dataclass(frozen=True)
class Ended:
    """How a command ended, what it left in its home, and its lines of strace's log; None without strace."""

    code: int
    talk: str
    home: tuple[str, ...]
    calls: tuple[str, ...] | None


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What the words stand for."""
    place = tmp_path_factory.mktemp("given")
    MovingSquare(6).save(place / "data" / "A")
    (place / "m.onnx").write_bytes(tiny_model_bytes(make_spec()))
    names = {"MODEL": "m.onnx", "DATA": "data", "CLIP": "data/A", "DONE": "done"}
    return {word: str(place / name) for word, name in names.items()}


@pytest.fixture(scope="module")
def done(given: Mapping[str, str]) -> None:
    """A folder of results, for the commands that take one."""
    words = ("--root", given["DATA"], "--model", given["MODEL"], "-o", given["DONE"])
    subprocess.run([sys.executable, "-m", "cdedge", "evaluate", *words], check=True, capture_output=True)


@pytest.fixture(scope="module", params=COMMANDS)
def ended(request: pytest.FixtureRequest, given: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Ended:
    name = request.param
    if name == "vot" and find_spec("vot") is None:
        pytest.skip("the extra [vot] is not installed")
    if "DONE" in COMMANDS[name]:
        request.getfixturevalue("done")
    return _run([name, *(given.get(word, word) for word in COMMANDS[name])], tmp_path_factory.mktemp(name))


def test_no_command_is_left_out() -> None:
    assert set(COMMANDS) | ASKS == set(every_command())


def test_nothing_is_written_into_an_empty_home(ended: Ended) -> None:
    assert ended.code in (0, 130), ended.talk  # serve is ended by Ctrl-C
    assert ended.talk.count(_SERVED) <= 1  # and says nothing twice for it
    assert ended.home == ()


def test_nothing_is_asked_of_the_network(ended: Ended) -> None:
    """`serve` listens, and quantization asks a socket for this machine's address (for a UUID): nothing is sent."""
    if ended.calls is None:
        pytest.skip("needs strace, and leave to trace")
    assert [line for line in ended.calls if _SENT.search(line)] == []


def _run(words: list[str], place: Path) -> Ended:
    home, log = place / "home", place / "strace.txt"
    home.mkdir()
    tracing = ["strace", "-f", "-qq", "-e", "trace=socket,connect,sendto,sendmsg", "-o", str(log)] * _can_trace()
    with subprocess.Popen(
        [*tracing, sys.executable, "-m", "cdedge", *words],
        env=_environment(home),
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        talk = _until_it_ends(running)
    calls = tuple(log.read_text().splitlines()) if tracing else None
    return Ended(running.returncode, talk, tuple(str(path) for path in home.rglob("*")), calls)


def _until_it_ends(running: subprocess.Popen[str]) -> str:
    """All that it says; what serves is ended by Ctrl-C, and not its tracer."""
    lines = []
    for line in running.stderr or ():
        lines.append(line)
        if _SERVED in line:
            children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
            os.kill(int(children[0]) if _can_trace() else running.pid, signal.SIGINT)
    return "".join(lines)


def _environment(home: Path) -> Mapping[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "ORT_"))}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": str(home)}


@cache
def _can_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0
