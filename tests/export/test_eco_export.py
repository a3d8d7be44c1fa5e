"""ECO as a user runs it: from a sequence to one file to boxes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="exporting needs PyTorch: pip install -e '.[export]'")
from cdedge_runtime.box import Box
from cdedge_runtime.model.session import read_spec
from tests.conftest import Done, MovingSquare

Run = Callable[..., Done]


def answer(done: Done) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def mean_iou(boxes: list[list[float]], clip: MovingSquare) -> float:
    found = [Box(x - 1, y - 1, w, h) for x, y, w, h in boxes]
    return float(np.mean([box.iou(clip.box(i)) for i, box in enumerate(found)]))


@pytest.mark.parametrize(
    ("options", "channels"),
    [
        (["--no-distill"], 16),
        (["--channels", "9"], 9),
        (["--layers", "11+21", "--set", "compression=0.125", "--channels", "20"], 20),
        (["--layers", "11+12", "--mode", "chain", "--channels", "20"], 20),
        (["--layers", "hog", "--channels", "12"], 12),
    ],
    ids=["all", "distilled", "two layers", "chain", "hand-crafted"],
)
def test_from_a_sequence_to_boxes(
    cdedge: Run, square_folder: Path, moving_square: MovingSquare, tmp_path: Path, options: list[str], channels: int
) -> None:
    model = tmp_path / "eco.onnx"
    made = answer(cdedge("export", square_folder, "--tracker", "eco", *options, "-o", model, "--json"))
    assert made["channels"] == channels
    spec = read_spec(model)
    assert (spec.tracker, spec.channels) == ("eco", channels)
    tracked = answer(cdedge("track", model, square_folder, "--threads", 1, "--json"))
    assert mean_iou(tracked["boxes"], moving_square) > 0.7


def test_the_contract_counts_components_and_plans_are_replayed(
    cdedge: Run, square_folder: Path, tmp_path: Path
) -> None:
    plan, first, again = tmp_path / "plan.json", tmp_path / "1.onnx", tmp_path / "2.onnx"
    base = ("export", square_folder, "--tracker", "eco", "--layers", "11+12", "--set", "compression=0.25")
    answer(cdedge(*base, "--channels", "0.5", "--save-channels", plan, "-o", first, "--json"))
    taps = read_spec(first).taps
    assert [(tap.name, len(tap.kept), tap.total) for tap in taps] == [("11", 8, 16), ("12", 8, 16)]
    answer(cdedge(*base, "--channels-from", plan, "-o", again, "--json"))
    assert read_spec(again).taps == taps


def test_a_layer_without_components_is_not_computed(cdedge: Run, square_folder: Path, tmp_path: Path) -> None:
    """One component of two layers is kept: the file is that of one layer."""
    model = tmp_path / "eco.onnx"
    made = answer(
        cdedge("export", square_folder, "--tracker", "eco", "--layers", "11+12", "--channels", 1, "-o", model, "--json")
    )
    assert len(read_spec(model).taps) == 1
    assert made["parity"]["max_rel"] < 1e-4


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--mode", "chain", "--channels-from", "none.json"], "--channels-from: it holds components"),
        (["--layers", "hog", "--weights", "bundled"], "--weights: it is for networks"),
        (["--layers", "11", "--channels", "17"], "16 channels"),
        (["--set", "ridge=2"], "setting 'ridge=2'"),
        (["--set", "compression=0"], "compression"),
        (["--set", "scales=4"], "scales"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    cdedge: Run, square_folder: Path, tmp_path: Path, options: list[str], text: str
) -> None:
    done = cdedge("export", square_folder, "--tracker", "eco", *options, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert text in done.stderr
    assert not list(tmp_path.glob("*.onnx"))


def test_a_black_video_gives_a_file_that_runs(cdedge: Run, tmp_path: Path) -> None:
    clip = MovingSquare(frames=3)
    clip.frame = lambda _index: np.zeros((160, 200, 3), np.uint8)  # type: ignore[method-assign]
    folder, model = clip.save(tmp_path / "Black"), tmp_path / "eco.onnx"
    answer(cdedge("export", folder, "--tracker", "eco", "-o", model, "--json"))
    tracked = answer(cdedge("track", model, folder, "--threads", 1, "--json"))
    assert np.isfinite(tracked["boxes"]).all()
