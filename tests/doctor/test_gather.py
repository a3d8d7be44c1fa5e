"""Gathering on this machine, and the command as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cdedge.doctor.gather import missing_in_ldd
from cdedge_runtime.errors import BadModel
from cdedge_runtime.model.graph import ir_and_opset, read_metadata
from cdedge_runtime.model.metadata import from_metadata
from tests.conftest import Done, make_spec

Run = Callable[..., Done]

_LDD = """
\tlinux-vdso.so.1 (0x00007ffd)
\tlibcublasLt.so.12 => not found
\tlibcudnn.so.9 => not found
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)
\tlibcudnn.so.9 => not found
"""


def test_the_linker_s_answer_is_read() -> None:
    assert missing_in_ldd(_LDD) == ("libcublasLt.so.12", "libcudnn.so.9")


def test_stamps_are_read_without_onnx(tiny_model: Path, tmp_path: Path) -> None:
    assert ir_and_opset(tiny_model) == (8, 17)
    assert from_metadata(read_metadata(tiny_model)) == make_spec()
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(tiny_model.read_bytes()[:-40])
    assert ir_and_opset(cut) == (None, None)
    with pytest.raises(BadModel, match="cut short"):
        read_metadata(cut)
    assert ir_and_opset(tmp_path / "none.onnx") == (None, None)
    cut.write_bytes(b"\xff" * 40)
    assert ir_and_opset(cut) == (None, None)


def test_the_doctor_s_json(cdedge: Run, tiny_model: Path) -> None:
    done = cdedge("doctor", tiny_model, "--json")
    answer = json.loads(done.stdout)
    assert answer["schema"] == "cdedge.doctor/1"
    levels = {name: each["level"] for name, each in answer["findings"].items()}
    assert levels["model"] == levels["numpy"] == levels["onnxruntime"] == "ok"
    assert answer["facts"]["model"]["needed_bytes"] == 648 + 4096
    assert done.returncode == (3 if "bad" in levels.values() else 0)


def test_a_damaged_model_is_bad(cdedge: Run, tiny_model: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    data = bytearray(tiny_model.read_bytes())
    data[200] ^= 1
    damaged.write_bytes(data)
    done = cdedge("doctor", damaged)
    assert done.returncode == 3
    assert "checksum" in " ".join(done.stdout.split())


def test_the_doctor_runs_where_opencv_and_onnxruntime_are_broken(tmp_path: Path) -> None:
    for name in ("cv2", "onnxruntime"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')\n")
    (tmp_path / "numpy.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-m", "cdedge", "doctor", "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 3, done.stderr
    answer = json.loads(done.stdout)
    assert answer["facts"]["numpy"]["signal"] == 4
    assert {n for n, f in answer["findings"].items() if f["level"] == "bad"} >= {"numpy", "OpenCV", "onnxruntime"}
