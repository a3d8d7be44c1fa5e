"""Several targets on one open model."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdedge.serve.targets import Tracked, Untracked
from cdedge_runtime.box import Box
from cdedge_runtime.errors import BadInput
from cdedge_runtime.opening import open_features, open_tracker
from tests.conftest import MovingSquare


def test_each_target_is_followed_as_if_it_were_alone(tiny_model: Path) -> None:
    clip, boxes = MovingSquare(), {1: MovingSquare().box(0), 2: Box(120, 30, 30, 26)}
    together, alone = Tracked(open_features(tiny_model, threads=1)), {}
    for number, box in boxes.items():
        alone[number] = open_tracker(tiny_model, threads=1)
        assert together.start(number, clip.frame(0), box) == alone[number].init(clip.frame(0), box)
    for index in range(1, clip.count):
        found = together.update(clip.frame(index))
        assert found == {number: tracker.update(clip.frame(index)) for number, tracker in alone.items()}
    together.stop(1)
    assert list(together.update(clip.frame(0))) == [2]


def test_a_box_that_cannot_be_tracked_leaves_the_target_as_it_was(tiny_model: Path) -> None:
    clip, targets = MovingSquare(), Tracked(open_features(tiny_model, threads=1))
    targets.start(1, clip.frame(0), clip.box(0))
    with pytest.raises(BadInput, match="outside"):
        targets.start(1, clip.frame(0), Box(900, 5, 20, 20))
    assert targets.update(clip.frame(1))[1].box.iou(clip.box(1)) > 0.5


def test_what_is_not_tracked_stays_where_it_was_drawn() -> None:
    clip, targets = MovingSquare(), Untracked()
    assert targets.first() is None
    targets.start(2, clip.frame(0), Box(1, 2, 30, 40))
    targets.start(5, clip.frame(0), Box(3, 2, 30, 40))
    assert targets.update(clip.frame(9))[2].box == targets.first() == Box(1, 2, 30, 40)
    targets.stop(2)
    assert targets.first() == Box(3, 2, 30, 40)
