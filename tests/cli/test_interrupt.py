"""Ctrl-C and full disks: what was tracked is kept, what was there stays."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cdedge_runtime.errors import BadEnvironment
from cdedge_runtime.files import whole_file, write_whole
from tests.children import start_with
from tests.conftest import Done

_SLOWLY = """
import time
from cdedge_runtime.trackers.deepcd.tracker import Tracker
real = Tracker.update
Tracker.update = lambda self, *a: (time.sleep(0.05), real(self, *a))[1]
"""


def test_ctrl_c_keeps_the_boxes_so_far(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start_with(_SLOWLY, tmp_path / "site", monkeypatch)
    out = tmp_path / "boxes.txt"
    command = [sys.executable, "-m", "cdedge", "track", str(tiny_model), "-o", str(out), "--threads", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        child.stderr.readline()  # "no SOURCE given": the model is being opened
        time.sleep(2.0)
        child.send_signal(signal.SIGINT)
        _, talk = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Traceback" not in talk
    if out.exists():
        assert 0 < len(out.read_text().splitlines()) < 240
    assert {p.name for p in tmp_path.iterdir()} <= {"boxes.txt", "site"}


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "boxes.txt"
    path.write_text("old")

    def full(_path: Path, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BadEnvironment, match="No space left on device"):
        write_whole(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def fail() -> None:
        with whole_file(path) as part:
            part.write_bytes(b"ne")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["missing/a.txt", "file/a.txt"])
def test_a_place_that_is_no_folder(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadEnvironment, match="cannot be written"):
        write_whole(tmp_path / place, b"x")


def test_a_video_that_cannot_be_written(
    cdedge: Callable[..., Done], tiny_model: Path, square_folder: Path, tmp_path: Path
) -> None:
    done = cdedge("track", tiny_model, square_folder, "--video", tmp_path / "none" / "v.avi")
    assert done.returncode == 3
    assert "v.avi" in done.stderr
