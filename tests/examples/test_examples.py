"""Every example runs as its first line says."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

from cdedge_runtime import Box
from tests.conftest import MovingSquare

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):
    """A function that starts an example with words."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))

    def start(name: str, *words: object) -> subprocess.Popen[str]:
        command = [sys.executable, str(EXAMPLES / name), *map(str, words)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


def lines(process: subprocess.Popen[str]) -> list[str]:
    out, talk = process.communicate(timeout=120)
    assert process.returncode == 0, talk
    return out.splitlines()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_without_words_an_example_says_its_usage(run, path: Path) -> None:
    if path.name == "boxes_in_pandas.py":
        pytest.importorskip("pandas", reason="pandas is not installed")
    process = run(path.name)
    out, talk = process.communicate(timeout=120)
    assert (process.returncode, out) == (2, "")
    assert f"python examples/{path.name} " in talk.splitlines()[0]


def test_the_webcam_loop_is_short_and_follows(run, tiny_model: Path, square_folder: Path) -> None:
    assert len((EXAMPLES / "webcam.py").read_text().splitlines()) <= 20
    found = lines(run("webcam.py", tiny_model, square_folder))
    assert [int(line.split()[0]) for line in found] == list(range(12))


def test_a_detector_hands_over(run, tiny_model: Path, square_folder: Path) -> None:
    found = [line.split() for line in lines(run("detector.py", tiny_model, square_folder))]
    assert {row[0] for row in found} == {str(n) for n in range(12)}
    assert found[0][1] == "1"


def test_the_event_loop_goes_on(run, tiny_model: Path, square_folder: Path) -> None:
    process = run("asyncio_loop.py", tiny_model, square_folder)
    out, talk = process.communicate(timeout=120)
    assert process.returncode == 0, talk
    assert 1 <= len(out.splitlines()) <= 12  # the newest estimate only
    assert "the loop turned" in talk


def test_a_generic_file_follows_a_target_it_was_not_made_for(run, square_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="an export needs PyTorch (the extra [export])")
    from cdedge import export

    generic, clip = tmp_path / "generic.onnx", MovingSquare(12)
    export(None, out=generic, generic=True)
    start = ",".join(map(str, clip.box(0).xywh))
    found = [line.split() for line in lines(run("unknown_target.py", generic, square_folder, start))]
    last = Box(*map(float, found[-1][1:5]))
    assert last.iou(clip.box(11)) > 0.5


def test_pandas_reads_the_boxes(run, cdedge, tiny_model: Path, square_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    out = tmp_path / "boxes.csv"
    assert cdedge("track", tiny_model, square_folder, "-o", out).returncode == 0
    assert lines(run("boxes_in_pandas.py", out))[0].startswith("target 1: 12 frames, ")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no UNIX sockets here")
def test_a_socket_tells_whoever_listens(run, tiny_model: Path, tmp_path: Path) -> None:
    address, writer = (
        tmp_path / "boxes",
        cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 25, (200, 160)),
    )
    for _ in range(3000):
        writer.write(MovingSquare(1).frame(0))
    writer.release()
    process = run("unix_socket.py", tiny_model, tmp_path / "clip.avi", address)
    with socket.socket(socket.AF_UNIX) as reader:
        for _ in range(600):
            if address.exists():
                break
            time.sleep(0.05)
        reader.connect(str(address))
        told = json.loads(reader.makefile().readline())
    assert set(told) == {"frame", "time", "box", "score", "lost"}
    process.terminate()
    process.communicate(timeout=30)
