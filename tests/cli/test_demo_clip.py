"""What README's first command promises: the default tracker follows the demo clip's car to the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cdedge_runtime.opening import open_tracker
from cdedge_runtime.sources.demo import FRAMES, Clip
from tests.conftest import Done


def test_the_exported_tracker_holds_the_car_and_its_score_falls_behind_the_lamp(
    cdedge: Callable[..., Done], tmp_path: Path
) -> None:
    model, clip = tmp_path / "demo.onnx", Clip()
    assert cdedge("export", "--layers", 11, "-o", model).returncode == 0
    tracker = open_tracker(model, provider="cpu", threads=1)
    found = [tracker.init(clip.frame(0), clip.box(0)), *(tracker.update(clip.frame(t)) for t in range(1, FRAMES))]
    overlap = [each.box.iou(clip.box(t)) for t, each in enumerate(found)]
    assert np.mean(overlap) > 0.7
    assert min(overlap[-60:]) > 0.5
    assert not any(each.lost for each in found)
    spans = ((90, 120), (129, 137), (210, 240))
    before, behind, after = (np.median([e.psr for e in found[a:b]]) for a, b in spans)
    assert behind < 0.6 * before
    assert behind < 0.8 * after
    assert np.min([e.score for e in found[129:137]]) < np.min([e.score for e in found[90:120]])
