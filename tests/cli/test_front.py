"""The desk's front door: what its functions return, and what they refuse by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cdedge
from cdedge_runtime import Source, open_tracker
from cdedge_runtime.errors import CdedgeError
from tests.conftest import MovingSquare


def test_every_public_name_is_there() -> None:
    assert set(cdedge.__all__) == {"__version__", "export", "evaluate", "bench", "ExportOptions"}
    assert all(getattr(cdedge, name) for name in cdedge.__all__)


def test_importing_it_loads_none_of_its_parts() -> None:
    code = (
        "import sys, cdedge; print([m for m in ('numpy', 'cv2', 'typer', 'rich', 'torch', 'onnx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_from_frames_to_boxes(tmp_path: Path) -> None:
    clip = MovingSquare(4)
    source = Source("square", lambda: iter(clip.frame(i) for i in range(4)))
    box = np.array(clip.box(0).xywh, np.float32)
    report = cdedge.export(source, box=box, out=tmp_path / "m.onnx", layers="11", settings=["scale=none"])
    assert report.spec.settings.scale == "none"
    assert report.model == tmp_path / "m.onnx"
    tracker = open_tracker(str(report.model))
    tracker.init(clip.frame(0), tuple(box))
    assert tracker.update(clip.frame(1)).box.iou(clip.box(1)) > 0.6


def test_a_model_is_measured(tiny_model: Path, square_folder: Path) -> None:
    report = cdedge.bench(str(tiny_model), square_folder, threads=1, frames=6)
    assert report.frames == 6
    assert report.fps > 0


def test_scores_come_back(tiny_model: Path, tmp_path: Path) -> None:
    MovingSquare(6).save(tmp_path / "data" / "A")
    summary = cdedge.evaluate(tmp_path / "data", out=tmp_path / "out", model=tiny_model)
    assert 0 <= summary.evaluation.mean.auc <= 1
    assert not summary.failures


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"colour": 1}, "colour"),
        ({"layers": 11}, "layers"),
        ({"precision": "int4"}, "precision"),
        ({"subsample": 0}, "subsample"),
        ({"grid": 0}, "grid"),
        ({"settings": "scale=none"}, "settings"),
        ({"box": "1,2,3,4"}, "box"),
        ({"box": (1, 2, 3)}, "box"),
        ({"out": 7}, "out"),
        ({"source": 3.5}, "source"),
        ({"weights": 1.5}, "weights"),
    ],
)
def test_a_wrong_argument_is_named(wrong: dict[str, Any], named: str, tmp_path: Path) -> None:
    arguments = {"source": None, "out": tmp_path / "m.onnx", **wrong}
    with pytest.raises(CdedgeError, match=f"^{named}"):
        cdedge.export(**arguments)
    assert not list(tmp_path.iterdir())


def test_the_first_box_waits_for_nothing_it_does_not_need(tiny_model: Path, square_folder: Path) -> None:
    code = (
        "import gc, sys; from cdedge.app import app\n"
        "import cdedge.commands.track as command\n"
        "def told(*_):\n"
        "    late = ('rich', 'cdedge_export', 'cdedge_runtime.measure.benchmark', 'concurrent.futures.thread')\n"
        "    print([name for name in late if name in sys.modules], gc.get_freeze_count() > 10_000)\n"
        "    raise SystemExit(0)\n"
        "command._show = told\n"
        "app()"
    )
    words = [sys.executable, "-c", code, "track", str(tiny_model), str(square_folder), "--frames", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] True"


def test_what_no_source_could_change_is_told_before_one_is_opened(tmp_path: Path) -> None:
    with pytest.raises(CdedgeError, match=r"none\.pth: no such file of weights"):
        cdedge.export(tmp_path / "none.mp4", out=tmp_path / "out.onnx", weights=str(tmp_path / "none.pth"))
