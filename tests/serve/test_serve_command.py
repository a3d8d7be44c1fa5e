"""``cdedge serve`` as a user starts and ends it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cdedge.commands.serve import _following
from cdedge_runtime.sources.frames import open_source
from tests.conftest import Done

from .client import ask

Run = Callable[..., Done]
DEMO = open_source(None)


def start(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cdedge", "serve", *map(str, words), "--port", "0", "--threads", "1"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_it_says_where_serves_and_ends_in_one_line(tiny_model: Path, square_folder: Path, how: signal.Signals) -> None:
    with start(tiny_model, square_folder, "--box", "20%,31.25%,12%,12.5%", "--loop", "--workers", 2) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            reply = ask(address, path="frame?after=0")
            state = json.loads(reply.headers["Cdedge-State"])
            assert (state["source"], state["status"], state["model"]) == ("Square", "running", tiny_model.name)
            assert [target["id"] for target in state["targets"]] == [1]
            process.send_signal(how)
            _, talk = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    following = f"next: cdedge track {tiny_model} {square_folder} --box 20%,31.25%,12%,12.5% -o boxes.csv"
    assert talk.strip().splitlines()[-2:] == [following, "cdedge: stopped"]
    assert "Traceback" not in talk


@pytest.mark.parametrize(
    ("box", "annotated", "waits", "how"),
    [
        ("1,2,3,4", False, True, ["--box", "1,2,3,4"]),
        (None, True, False, []),
        (None, False, False, ["--select"]),
    ],
)
def test_what_is_next_has_a_box_by_some_way(box: str | None, annotated: bool, waits: bool, how: list[str]) -> None:
    opened = replace(DEMO, first_box=DEMO.first_box if annotated else None, waits=waits)
    following = _following(Path("car.onnx"), "car.mp4", opened, box)
    assert following == ["track", Path("car.onnx"), "car.mp4", *how, "-o", "boxes.csv"]


def test_a_pipe_whose_box_nobody_typed_has_no_next() -> None:
    assert _following(Path("car.onnx"), "-", replace(DEMO, first_box=None, waits=True), None) == []


def test_a_taken_port_is_one_line_and_exit_code_3(cdedge: Run, tiny_model: Path, square_folder: Path) -> None:
    with start(tiny_model, square_folder, "--json") as process:
        assert process.stdout is not None
        try:
            answer = json.loads(process.stdout.readline())
            assert answer["schema"] == "cdedge.serve/1"
            port = answer["address"].split(":")[2].strip("/")
            done = cdedge("serve", tiny_model, square_folder, "--port", port)
        finally:
            process.kill()
    assert (done.returncode, done.stdout) == (3, "")
    assert f"port {port}: Address already in use" in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["MODEL", "none.mp4"], 1, "no such file"),
        (["none.onnx"], 1, "No such file"),
        (["MODEL", "0", "--loop"], 2, "it has no end"),
        (["MODEL", "77"], 1, "77: OpenCV cannot open it as a camera; there "),
        (["MODEL", "MODEL"], 1, "a model, expected what it looks at"),
        (["MODEL", "FOLDER", "--box", "1,2,3"], 2, "four numbers"),
        (["MODEL", "FOLDER", "--token", "short"], 2, "--token"),
        (["MODEL", "FOLDER", "--box", "900,2,30,4"], 1, "outside the 200x160 frame"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path, words: list[str], code: int, text: str
) -> None:
    names = {"MODEL": str(tiny_model), "FOLDER": str(square_folder)}
    done = cdedge("serve", *(names.get(w, w) for w in words), "--port", "0", cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
