"""Export and track on real sequences; skipped where ../shared is absent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cdedge.evaluation.metrics import overlaps
from cdedge_runtime.sources.rows import read_rows
from tests.conftest import Done

SHARED = Path(__file__).resolve().parents[3] / "shared"
WEIGHTS = SHARED / "weights" / "vgg19_conv1_1-conv3_4.pth"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared with sequences and weights")


@pytest.mark.parametrize("mode", ["exact", "chain"])
@pytest.mark.parametrize("layers", ["11", "11+12+21"])
def test_a_real_target_is_followed(cdedge: Callable[..., Done], tmp_path: Path, layers: str, mode: str) -> None:
    sequence = SHARED / "sequences" / "OTB100" / "Crossing"
    model, boxes = tmp_path / "crossing.onnx", tmp_path / "crossing.txt"
    done = cdedge("export", sequence, "--layers", layers, "--mode", mode, "--weights", WEIGHTS, "-o", model)
    assert done.returncode == 0, done.stderr
    done = cdedge("track", model, sequence, "-o", boxes, "--threads", 1)
    assert done.returncode == 0, done.stderr
    truth = np.array(read_rows(sequence / "groundtruth_rect.txt"))
    found = np.loadtxt(boxes, delimiter=",")
    assert found.shape == truth.shape
    assert overlaps(found, truth).mean() > 0.5
