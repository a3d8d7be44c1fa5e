"""Targets that are followed together: in which frames each was lost."""

from __future__ import annotations

from pathlib import Path

from cdedge.several import Several
from cdedge_runtime.box import Box
from cdedge_runtime.estimate import Estimate
from cdedge_runtime.model.session import Extractor


def test_each_targets_lost_frames_are_counted(tiny_model: Path) -> None:
    several, box = Several(Extractor(tiny_model, threads=1), ["1,1,9,9"], 0), Box(0, 0, 9, 9)
    for lost in (False, True, True):
        several.seen = {1: Estimate(box, 1.0, lost=False), 2: Estimate(box, 0.1, lost=lost)}
        assert several._said().lost is lost
    assert several.lost_frames == {1: 0, 2: 2}
