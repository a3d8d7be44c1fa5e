"""CF2, CACF and ECO on a benchmark sequence, where the data is at hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cdedge_runtime.box import Box
from tests.conftest import Done

pytest.importorskip("torch", reason="exporting needs PyTorch: pip install -e '.[export]'")

SHARED = Path(__file__).parents[2].parent / "shared"
CROSSING = SHARED / "sequences" / "OTB100" / "Crossing"
SQUEEZENET = SHARED / "weights" / "squeezenet1_1.pth"

pytestmark = pytest.mark.skipif(not CROSSING.is_dir(), reason=f"{CROSSING} is not here")


@pytest.mark.parametrize(
    "options",
    [
        ("--tracker", "cacf", "--no-distill"),
        ("--tracker", "cacf", "--no-distill", "--set", "form=joint"),
        ("--tracker", "cacf", "--channels", 16),
        ("--tracker", "eco", "--layers", "11+12"),
        ("--tracker", "eco", "--layers", "hog"),
        (
            "--tracker",
            "cf2",
            "--no-distill",
            "--backbone",
            "squeezenet1_1",
            "--layers",
            "fire3",
            "--weights",
            SQUEEZENET,
        ),
    ],
    ids=["cacf", "cacf joint", "cacf-cd", "eco-cd", "eco-hc", "cf2-s-fire3"],
)
def test_crossing_is_followed(cdedge: Callable[..., Done], tmp_path: Path, options: tuple[object, ...]) -> None:
    model = tmp_path / "crossing.onnx"
    made = cdedge("export", CROSSING, *options, "-o", model)
    assert made.returncode == 0, made.stderr
    done = cdedge("track", model, CROSSING, "--threads", 1, "--json")
    assert done.returncode == 0, done.stderr
    boxes = np.array(json.loads(done.stdout)["boxes"])
    truth = np.loadtxt(CROSSING / "groundtruth_rect.txt", delimiter=None)
    assert np.mean([Box(*a).iou(Box(*b)) for a, b in zip(boxes, truth, strict=True)]) > 0.6
