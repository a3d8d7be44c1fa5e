"""Results are there as they come, whatever ends the run, and nothing of them is kept in memory."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadEnvironment, CdedgeError
from cdedge_runtime.estimate import Estimate, Lap, no_lap
from cdedge_runtime.image import Frame
from cdedge_runtime.measure.memory import resident_bytes
from cdedge_runtime.run import track
from cdedge_runtime.sources.frames import Source
from tests.children import start_with
from tests.conftest import Done

Run = Callable[..., Done]
FRAME = np.zeros((4, 4, 3), np.uint8)
BOX = Box(0, 0, 2, 2)


class Stub:
    """A tracker that says the same of every frame; ``fail``: raises at some frame."""

    def __init__(self, fail: Callable[[int], None] = lambda _: None) -> None:
        self._fail, self._count = fail, 0

    def init(self, _frame: Frame, _box: object, _lap: Lap = no_lap) -> Estimate:
        return Estimate(BOX, 1.0, lost=False)

    def update(self, _frame: Frame, lap: Lap = no_lap) -> Estimate:
        self._count += 1
        self._fail(self._count)
        lap("features")
        return Estimate(BOX, 1.0, lost=self._count % 2 == 0)


def endless(frames: int) -> Source:
    return Source("stub", lambda: (FRAME for _ in range(frames)), fps=25.0)


def test_memory_does_not_grow_with_the_frames() -> None:
    seen: list[int] = []

    def watch(index: int, _frame: Frame, _estimate: Estimate) -> None:
        if index in (2_000, 39_999):
            seen.append(resident_bytes() or 0)

    report = track(Stub(), endless(40_000), lambda _: BOX, observe=watch)
    assert (report.frames, report.lost_frames) == (40_000, 19_999)
    assert seen[1] - seen[0] < 1_000_000  # a list of the estimates alone is 5 MB


@pytest.mark.parametrize(
    ("problem", "kind", "text"),
    [
        (MemoryError("cannot allocate"), BadEnvironment, "frame 7: MemoryError cannot allocate"),
        (OSError(5, "Input/output error"), BadEnvironment, "Input/output error"),
        (ZeroDivisionError("x"), CdedgeError, "ZeroDivisionError x"),
    ],
)
def test_whatever_ends_a_run_is_in_its_report(problem: Exception, kind: type[CdedgeError], text: str) -> None:
    def fail(index: int) -> None:
        if index == 7:
            raise problem

    report = track(Stub(fail), endless(20), lambda _: BOX)
    assert report.frames == 7
    assert type(report.error) is kind
    assert text in str(report.error)
    assert report.error.__cause__ is problem


def test_one_line_a_frame_as_a_table_and_as_json(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path
) -> None:
    table, lines = tmp_path / "boxes.csv", tmp_path / "lines.jsonl"
    done = cdedge("track", tiny_model, square_folder, "-o", table, "--jsonl", lines)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(table.read_text().splitlines()))
    frames = [json.loads(line) for line in lines.read_text().splitlines()]
    assert list(rows[0]) == ["frame", "time", "id", "x", "y", "width", "height", "score", "lost"]
    assert len(rows) == len(frames) == 12
    for index, (row, frame) in enumerate(zip(rows, frames, strict=True)):
        (target,) = frame["targets"]
        assert int(row["frame"]) == frame["frame"] == index
        assert set(target) == {"id", "box", "score", "lost"}
        assert [float(row[name]) for name in ("x", "y", "width", "height")] == target["box"]
        assert bool(int(row["lost"])) == target["lost"]
    assert frames[0]["targets"][0]["box"][:2] == [41, 51]  # the 1-based annotation's own first row


def test_a_model_that_cannot_be_used_leaves_the_older_boxes(cdedge: Run, tmp_path: Path, square_folder: Path) -> None:
    out = tmp_path / "boxes.txt"
    out.write_text("older")
    (tmp_path / "bad.onnx").write_text("no model")
    assert cdedge("track", tmp_path / "bad.onnx", square_folder, "-o", out).returncode == 1
    assert out.read_text() == "older"


def test_a_disk_that_fills_up_ends_the_run_and_keeps_whole_lines(
    tiny_model: Path, square_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "boxes.txt"
    limit = "import resource, signal; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); "
    limit += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    run = "import runpy, sys; sys.argv = ['cdedge', *sys.argv[1:]]; runpy.run_module('cdedge', run_name='__main__')"
    words = ["track", str(tiny_model), str(square_folder), "-o", str(out), "--threads", "1"]
    done = subprocess.run([sys.executable, "-c", limit + run, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "File too large; the lines before frame 3 are kept" in done.stderr
    assert "Traceback" not in done.stderr
    lines = out.read_text().splitlines(keepends=True)
    assert [len(line.split(",")) for line in lines] == [4, 4, 4]
    assert lines[-1].endswith("\n")


_SLOWLY = """
import time
from cdedge_runtime.trackers.deepcd.tracker import Tracker
real = Tracker.update
Tracker.update = lambda self, *a: (time.sleep(0.02), real(self, *a))[1]
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_what_it_said(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    start_with(_SLOWLY, tmp_path / "site", monkeypatch)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    out, video = tmp_path / "boxes.txt", tmp_path / "v.avi"
    command = [sys.executable, "-m", "cdedge", "track", str(tiny_model), "-o", str(out), "--video", str(video)]
    with subprocess.Popen([*command, "--threads", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        for _ in range(1200):
            if out.exists() and len(out.read_text().splitlines()) > 3:
                break
            time.sleep(0.05)
        child.send_signal(number)
        _, talk = child.communicate(timeout=60)
    lines = out.read_text().splitlines()
    assert 3 < len(lines) < 240
    left = {path.name for path in tmp_path.iterdir()}
    if number == signal.SIGKILL:
        assert not video.exists()
        return
    assert child.returncode == 130
    assert talk.decode().splitlines()[-1] == "cdedge: stopped"
    assert left == {"boxes.txt", "v.avi", "site"}


def test_what_a_killed_run_left_goes_with_the_next(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / ".cdedge-part-0123456789abcdef.avi").write_bytes(b"half")
    done = cdedge("track", tiny_model, square_folder, "--video", tmp_path / "v.avi")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"v.avi", square_folder.name}


def test_ignored_hang_up_stays_ignored() -> None:
    code = (
        "import signal, os; signal.signal(signal.SIGHUP, signal.SIG_IGN);"
        "from cdedge.__main__ import _ended_by_signals\n"
        "with _ended_by_signals(): os.kill(os.getpid(), signal.SIGHUP)\n"
        "print('went on')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "went on\n"


def test_a_run_that_waits_for_a_silent_pipe_can_be_ended(tiny_model: Path, tmp_path: Path) -> None:
    pipe, out = tmp_path / "pipe", tmp_path / "boxes.txt"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "cdedge", "track", str(tiny_model), str(pipe), "--box", "1,1,9,9", "-o", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as child, pipe.open("wb"):  # opened when it is being read
        time.sleep(0.5)
        child.send_signal(signal.SIGTERM)
        _, talk = child.communicate(timeout=20)
    assert child.returncode == 130
    assert talk.decode().splitlines()[-1] == "cdedge: stopped"
    assert not out.exists()


_UNEASY = """
import os, signal, time
try:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.3)
except KeyboardInterrupt:
    raise ImportError("a library that takes it for a fault of its own")
"""


def test_no_signal_comes_in_the_middle_of_an_import(tmp_path: Path) -> None:
    (tmp_path / "uneasy.py").write_text(_UNEASY)
    code = (
        "import time\nfrom cdedge.__main__ import _ended_by_signals\n"
        "try:\n    with _ended_by_signals():\n        import uneasy\n        time.sleep(20)\n"
        "except KeyboardInterrupt:\n    print('ended')"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "ended\n"


def test_several_targets_are_followed_in_one_run(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path
) -> None:
    table, lines, video = tmp_path / "b.csv", tmp_path / "l.jsonl", tmp_path / "v.avi"
    boxes = ("41,51,24,20", "10,10,16,16")
    words = [word for box in boxes for word in ("--target", box)]
    done = cdedge("track", tiny_model, square_folder, *words, "-o", table, "--jsonl", lines, "--video", video)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(table.read_text().splitlines()))
    frames = [json.loads(line)["targets"] for line in lines.read_text().splitlines()]
    assert [(int(row["frame"]), int(row["id"])) for row in rows] == [(i, n) for i in range(12) for n in (1, 2)]
    assert [[target["id"] for target in frame] for frame in frames] == [[1, 2]] * 12
    assert [target["box"] for target in frames[0]] == [[41, 51, 24, 20], [10, 10, 16, 16]]
    for number, box in enumerate(boxes, 1):  # each as if it were alone
        alone = tmp_path / f"{number}.txt"
        assert cdedge("track", tiny_model, square_folder, "--box", box, "-o", alone).returncode == 0
        own = [row for row in rows if int(row["id"]) == number]
        assert [",".join(row[k] for k in ("x", "y", "width", "height")) for row in own] == alone.read_text().split()
    assert video.exists()
    for number in (1, 2):
        frames_lost = sum(row["lost"] in ("1", "True", "true") for row in rows if int(row["id"]) == number)
        said = {0: "in none", 1: "in 1 frame"}.get(frames_lost, f"in {frames_lost} frames")
        assert re.search(rf"^target {number} lost +{said}$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^video +\d+\.\d ms a frame: in the total below, in no fps$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    "words",
    [("--box", "1,1,9,9"), ("--select",), ("--target", "1,1,9,9", "--json"), ("--target", "1,1,9,9", "-o", "b.txt")],
)
def test_what_tells_of_one_target_is_refused_for_several(
    cdedge: Run, tiny_model: Path, square_folder: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = cdedge("track", tiny_model, square_folder, "--target", "5,5,9,9", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert "--target" in done.stderr
    assert not (tmp_path / "b.txt").exists()
